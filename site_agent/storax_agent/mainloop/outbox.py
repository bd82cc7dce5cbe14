"""What was not yet reported, kept on disk: every move is written before it is sent, and out of the way once answered.

Answered rows stay for some days: a server that is restored from a backup is told again what it lost.

SQLite in WAL mode with ``synchronous=FULL``: a commit is on the disk before it returns, so neither a kill nor a power
cut loses it. The launcher forgets an end only after that. One fsync serves all entries of a turn of the main loop.

Written by one thread (the agent's main loop) and read by another (the report loop), each with its own connection.

The file outlives releases, so it carries a version, SQLite's ``user_version``: 0 is that of the release before there
were versions, whose rows are the same.

An entry that cannot be written is reduced to its reason, so that it holds up no other; a row that cannot be read is set
aside, and the reader goes on with the next.
"""

import logging
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from pydantic_core import from_json, to_json

from storax.errors import StoraxError
from storax_agent.files.set_aside import SetAside
from storax_agent.mainloop.report_entry import Entry, merge, reduced
from storax_agent.server.storable import flaw

VERSION = 1
ANSWERED_SEC = 7 * 24 * 3600.0  # for which answered rows are kept, for a server that loses them in a restore
ANSWERED_BYTES = 64 << 20
MAX_BATCH_BYTES = 4 << 20
LOG = logging.getLogger(__name__)
_ROWS = msgspec.json.Decoder(list[Entry])
SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (seq INTEGER PRIMARY KEY, size INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS answered (seq INTEGER PRIMARY KEY, size INTEGER NOT NULL, body BLOB NOT NULL,
  position INTEGER NOT NULL, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
LAST_SEQ = "SELECT coalesce(max(seq), 0) FROM (SELECT seq FROM outbox UNION ALL SELECT seq FROM answered)"
SIZE_OF_OUTBOX = "SELECT coalesce(sum(size), 0) FROM outbox WHERE seq <= ?"
PUT_BACK = "INSERT OR REPLACE INTO note VALUES ('put_back', ?)"
OF_OUTBOX = "SELECT seq, size, body, ?, ? FROM outbox WHERE seq <= ?"
FORGET_OLDEST = """DELETE FROM answered WHERE seq <= (SELECT max(seq) FROM (
SELECT seq, sum(size) OVER (ORDER BY seq DESC) AS newer FROM answered) WHERE newer > ?)"""


class OutboxError(StoraxError):
    """The file cannot be written now; the message says why."""


class OutboxVersionError(StoraxError):
    """A newer release wrote the file; the message says which version it has."""


@dataclass(frozen=True)
class Batch:
    """Rows to send together, after row ``before`` up to row ``seq``; one entry a job, its moves in order.
    ``damaged`` is how many of the rows could not be read; there may be no other. ``more`` says that rows are left."""

    before: int
    seq: int
    entries: list[Entry] = field(default_factory=list)
    damaged: int = 0
    more: bool = False


class Outbox:
    """The writing side. ``append`` also stores notes (the launcher's cursor, the session) in the same transaction.

    Raises:
        OutboxVersionError: a newer release wrote the file.
        sqlite3.DatabaseError: the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = _connect(path)
        try:
            self._check()
            self._upgrade()
            self.seq: int = self._db.execute(LAST_SEQ).fetchone()[0]
            self._kept = self._size_of_answered()
            path.chmod(0o600)
        except BaseException:
            self._db.close()
            raise

    def _check(self) -> None:
        (state,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            raise sqlite3.DatabaseError(state)

    def _upgrade(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise OutboxVersionError(
                f"{self.path} is of version {version}, and this Storax knows 0 to {VERSION};"
                " run the newer Storax that wrote it"
            )
        self._db.executescript(f"{SCHEMA}PRAGMA user_version = {VERSION};")

    def append(self, entries: Sequence[Entry], *, answered: int = 0, position: int = 0, **notes: str) -> int:
        """Store ``entries`` and notes; the rows up to ``answered`` are in the server's log, before ``position``.

        Returns the number of the last row.

        Raises:
            OutboxError: nothing was stored (the disk is full); try again later.
        """
        bodies = _bodies(entries) if entries else []
        try:
            self._store(bodies, answered, position, notes)
        except sqlite3.Error as error:
            raise OutboxError(f"the outbox {self.path} cannot be written: {error}") from error
        self.seq += len(bodies)
        return self.seq

    def _store(self, bodies: Sequence[bytes], answered: int, position: int, notes: Mapping[str, str]) -> None:
        with self._db:
            if answered:
                self._keep_answered(answered, position)
            for number, body in enumerate(bodies, self.seq + 1):
                self._db.execute("INSERT INTO outbox VALUES (?, ?, ?)", (number, len(body), body))
            if notes:
                self._db.executemany("INSERT OR REPLACE INTO note VALUES (?, ?)", notes.items())

    def _keep_answered(self, seq: int, position: int) -> None:
        """Move rows from the outbox to those that were answered, and forget the oldest of these."""
        if position:
            self._kept += self._db.execute(SIZE_OF_OUTBOX, (seq,)).fetchone()[0]
            self._db.execute(f"INSERT OR REPLACE INTO answered {OF_OUTBOX}", (position, time.time(), seq))
        self._db.execute("DELETE FROM outbox WHERE seq <= ?", (seq,))
        self._db.execute("DELETE FROM answered WHERE at < ?", (time.time() - ANSWERED_SEC,))
        if self._kept > ANSWERED_BYTES:
            self._db.execute(FORGET_OLDEST, (ANSWERED_BYTES // 2,))
            self._kept = self._size_of_answered()

    def _size_of_answered(self) -> int:
        (size,) = self._db.execute("SELECT coalesce(sum(size), 0) FROM answered").fetchone()
        return int(size)

    def put_back(self, position: int) -> int:
        """Put rows that were answered behind ``position`` of the server's log back, before those not yet answered.

        All get new numbers, so that a reader that has taken some takes them again. Returns how many were put back.
        """
        lost = self._db.execute(
            "SELECT size, body FROM answered WHERE position > ? ORDER BY seq", (position,)
        ).fetchall()
        if not lost:
            return 0
        waiting = self._db.execute("SELECT size, body FROM outbox ORDER BY seq").fetchall()
        numbered = [(number, *row) for number, row in enumerate([*lost, *waiting], self.seq + 1)]
        with self._db:
            self._db.execute("DELETE FROM outbox")
            self._db.execute("DELETE FROM answered WHERE position > ?", (position,))
            self._db.executemany("INSERT INTO outbox VALUES (?, ?, ?)", numbered)
            self._db.execute(PUT_BACK, (f"{self.seq} {self.seq + len(numbered)}",))
        self.seq += len(numbered)
        self._kept = self._size_of_answered()
        return len(lost)

    def note(self, name: str) -> str:
        """A stored note, or an empty text."""
        row = self._db.execute("SELECT value FROM note WHERE name = ?", (name,)).fetchone()
        return row[0] if row else ""

    def unanswered(self) -> list[Entry]:
        """All entries not yet answered, as an agent finds them when it starts; damaged rows are left to the reader."""
        rows = self._db.execute("SELECT body FROM outbox ORDER BY seq")
        return [entry for (body,) in rows for entry in _entries(body) or ()]

    def close(self) -> None:
        """Close the file."""
        self._db.close()


class OutboxReader:
    """The reading side: hands out each row once, in order. A row that cannot be read goes to ``set_aside``."""

    def __init__(self, path: Path, set_aside: SetAside) -> None:
        self._db = _connect(path)
        self._path, self._set_aside = path, set_aside
        self._sent = 0

    def take(self, limit: int, *, upto: int | None = None) -> Batch | None:
        """The next rows, up to ``limit`` jobs, 4 MiB and row ``upto``, though always one; or None."""
        rows: dict[int, Entry] = {}
        size, before, damaged, more = 0, self._sent, 0, False
        cursor = self._db.execute("SELECT seq, size, body FROM outbox WHERE seq > ? ORDER BY seq", (self._sent,))
        for seq, length, body in cursor:
            behind = upto is not None and seq > upto
            if rows and (behind or len(rows) >= limit or size + length > MAX_BATCH_BYTES):
                more = True
                break
            if (entries := _entries(body)) is None:
                self._put_aside(seq, body)
                damaged += 1
            for entry in entries or ():
                add_entry(rows, entry)
            self._sent, size = seq, size + length
        cursor.close()
        return Batch(before, self._sent, list(rows.values()), damaged, more) if rows or damaged else None

    def was_put_back(self, batch: Batch) -> bool:
        """Whether rows of the batch were answered before the server lost them in a restore."""
        row = self._db.execute("SELECT value FROM note WHERE name = 'put_back'").fetchone()
        before, upto = map(int, row[0].split()) if row else (0, 0)
        return before <= batch.before < upto

    def give_back(self, batch: Batch) -> None:
        """It was not answered: the next ``take`` begins with it again."""
        self._sent = batch.before

    def _put_aside(self, seq: int, body: Any) -> None:
        reason = f"row {seq} of {self._path} cannot be read; its jobs are reported as lost, and run again"
        self._set_aside.put(f"outbox row {seq}", reason, body)

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def open_outbox(path: Path, set_aside: SetAside) -> tuple[Outbox, OutboxReader]:
    """Open both sides of an outbox. A file that is no database any more is kept beside a new one.

    Raises:
        OutboxVersionError: a newer release wrote the file.
        sqlite3.OperationalError: it cannot be opened now (the disk is full, another process holds it).
    """
    try:
        return Outbox(path), OutboxReader(path, set_aside)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        kept = f"{path}.{time.time_ns()}.damaged"
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                Path(f"{path}{suffix}").rename(f"{kept}{suffix}")
        set_aside.put(path.name, f"it is damaged ({error}); what it held is lost, and its jobs run again", kept)
        return Outbox(path), OutboxReader(path, set_aside)


def add_entry(rows: dict[int, Entry], entry: Entry) -> None:
    """Add an entry: later moves of one lease join the earlier ones, a newer lease of a job replaces an older."""
    known = rows.get(entry["id"])
    if known is None or known["lease_epoch"] < entry["lease_epoch"]:
        rows[entry["id"]] = entry
    elif known["lease_epoch"] == entry["lease_epoch"]:
        merge(known, entry)


def _bodies(entries: Sequence[Entry]) -> list[bytes]:
    """The entries as rows of no more bytes than a batch, unless one entry alone has more."""
    try:
        body = to_json(entries)
    except Exception as error:  # what a job left behind may be anything
        if len(entries) == 1:
            where = flaw(entries[0].get("patch")) or flaw(entries[0].get("jobs"), "jobs")
            reason = f"what it left behind cannot be stored: {where or error}"
            LOG.warning("job %s: %s", entries[0]["id"], reason)
            return [to_json([reduced(entries[0], reason)])]
    else:
        if len(entries) == 1 or len(body) <= MAX_BATCH_BYTES:
            return [body]
    half = len(entries) // 2
    return _bodies(entries[:half]) + _bodies(entries[half:])


def _entries(body: Any) -> list[Entry] | None:
    """What a row holds; None where that is no list of entries."""
    with suppress(msgspec.MsgspecError, TypeError, RecursionError):
        return _ROWS.decode(body)
    try:  # a result of NaN, of which msgspec takes none and the server gives the reason
        entries: list[Entry] = from_json(body)
        return msgspec.convert(entries, list[Entry])
    except (ValueError, TypeError, RecursionError, msgspec.MsgspecError):
        return None


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=10.0, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
    except BaseException:
        db.close()
        raise
    return db
