"""What was not yet reported, kept on disk: every move is written before it is sent, and deleted once it is answered.

SQLite in WAL mode with ``synchronous=NORMAL``: a commit is in the kernel before it returns, so no kill of any process
loses it. A power cut may lose the last ones; then the machine's jobs are gone as well, their leases expire, and they
run again. That costs a run, never a false report, and saves one fsync for every few jobs.

Written by one thread (the agent's main loop) and read by another (the report loop), each with its own connection.

The file outlives releases, so it carries a version, SQLite's ``user_version``: 0 is that of the release before there
were versions, whose rows are the same.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic_core import from_json, to_json

from storax.errors import StoraxError
from storax_agent.mainloop.report_entry import Entry, merge

VERSION = 1
MAX_BATCH_BYTES = 4 << 20
SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (seq INTEGER PRIMARY KEY, size INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class OutboxVersionError(StoraxError):
    """A newer release wrote the file; the message says which version it has."""


@dataclass(frozen=True)
class Batch:
    """Rows to send together, after row ``before`` up to row ``seq``; one entry a job, its moves in order."""

    before: int
    seq: int
    entries: list[Entry]


class Outbox:
    """The writing side. ``append`` also stores notes (the launcher's cursor, the session) in the same transaction.

    Raises:
        OutboxVersionError: a newer release wrote the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = _connect(path)
        self._upgrade()
        self.seq: int = self._db.execute("SELECT coalesce(max(seq), 0) FROM outbox").fetchone()[0]
        path.chmod(0o600)

    def _upgrade(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise OutboxVersionError(
                f"{self.path} is of version {version}, and this Storax knows 0 to {VERSION};"
                " run the newer Storax that wrote it"
            )
        self._db.executescript(f"{SCHEMA}PRAGMA user_version = {VERSION};")

    def append(self, entries: Sequence[Entry], *, answered: int = 0, **notes: str) -> int:
        """Store ``entries`` and notes, forget the rows up to ``answered``. Returns the number of the new row.

        Raises:
            sqlite3.Error: nothing was stored (the disk is full); try again later.
        """
        with self._db:
            if answered:
                self._db.execute("DELETE FROM outbox WHERE seq <= ?", (answered,))
            if entries:
                body = to_json(entries)
                self._db.execute("INSERT INTO outbox VALUES (?, ?, ?)", (self.seq + 1, len(body), body))
            if notes:
                self._db.executemany("INSERT OR REPLACE INTO note VALUES (?, ?)", notes.items())
        self.seq += 1 if entries else 0
        return self.seq

    def note(self, name: str) -> str:
        """A stored note, or an empty text."""
        row = self._db.execute("SELECT value FROM note WHERE name = ?", (name,)).fetchone()
        return row[0] if row else ""

    def unanswered(self) -> list[Entry]:
        """All entries not yet answered, as an agent finds them when it starts."""
        rows = self._db.execute("SELECT body FROM outbox ORDER BY seq")
        return [entry for (body,) in rows for entry in from_json(body)]

    def close(self) -> None:
        """Close the file."""
        self._db.close()


class OutboxReader:
    """The reading side: hands out each row once, in order."""

    def __init__(self, path: Path) -> None:
        self._db = _connect(path)
        self._sent = 0

    def take(self, limit: int) -> Batch | None:
        """The next rows, up to ``limit`` jobs and 4 MiB, or None."""
        rows: dict[int, Entry] = {}
        size, before = 0, self._sent
        cursor = self._db.execute("SELECT seq, size, body FROM outbox WHERE seq > ? ORDER BY seq", (self._sent,))
        for seq, length, body in cursor:
            if rows and (len(rows) >= limit or size + length > MAX_BATCH_BYTES):
                break
            for entry in from_json(body):
                add_entry(rows, entry)
            self._sent, size = seq, size + length
        cursor.close()
        return Batch(before, self._sent, list(rows.values())) if rows else None

    def give_back(self, batch: Batch) -> None:
        """It was not answered: the next ``take`` begins with it again."""
        self._sent = batch.before

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def add_entry(rows: dict[int, Entry], entry: Entry) -> None:
    """Add an entry: later moves of one lease join the earlier ones, a newer lease of a job replaces an older."""
    known = rows.get(entry["id"])
    if known is None or known["lease_epoch"] < entry["lease_epoch"]:
        rows[entry["id"]] = entry
    elif known["lease_epoch"] == entry["lease_epoch"]:
        merge(known, entry)


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=10.0, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    return db
