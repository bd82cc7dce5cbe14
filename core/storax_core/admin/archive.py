"""Move old events to files: write them, prove the file by the seals, then drop them and move the baseline on.

Each archive is one transaction: whoever reads has its events in the log, or in the file. What is killed before the
commit leaves files that nothing refers to, and the next run writes them again.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg

from storax_core.admin import archive_check
from storax_core.admin.archive_check import event_problems
from storax_core.database import epochs
from storax_core.database.connections import GONE, Connection
from storax_core.errors import Conflict, Invalid, Unavailable
from storax_core.log import flow, seals, unknown_events, watermark
from storax_core.log.archive import archives, baseline
from storax_core.log.archive.archives import Archive
from storax_core.log.seals import Seal
from storax_core.log.sql import DROP_ARCHIVED

EVENTS_PER_ARCHIVE = 100_000  # at least; more where more resources live, so that baselines are not the larger part
BATCH = 500  # rows that are read at once
LOCK = 8365  # of the advisory lock that an archive run holds, and that a rebuild shares
SEALED = f"""SELECT {", ".join(seals.COLUMNS)} FROM seal WHERE kind = 'events' AND high > $1 AND high <= $2
ORDER BY number"""  # noqa: S608
LIVING = "SELECT count(*) FROM event_baseline"
BEFORE = 'SELECT min(position) - 1 FROM event_log WHERE "timestamp" >= $1'
SIZE = """SELECT coalesce(sum(pg_column_size(e)), 0) FROM event_log e WHERE position > $1 AND position <= $2"""
EVENTS = """SELECT tx::text, position, "timestamp", owner_id, site_id, entity, entity_id, version, type, schema_version,
actor, command_id::text, from_state, to_state, data::text FROM event_log
WHERE position > $1 AND position <= $2 ORDER BY position"""


@dataclass(frozen=True)
class Range:
    """What becomes one archive: the events of these seals."""

    seals: tuple[Seal, ...]

    @property
    def low(self) -> int:
        """The position behind which it begins."""
        return self.seals[0].low

    @property
    def high(self) -> int:
        """Its last position."""
        return self.seals[-1].high

    @property
    def events(self) -> int:
        """The number of its events."""
        return sum(seal.events for seal in self.seals)


@dataclass(frozen=True)
class Plan:
    """What a run will archive; ``size`` is what the events take in the log, in bytes."""

    ranges: tuple[Range, ...]
    size: int

    @property
    def events(self) -> int:
        """The number of events of all ranges."""
        return sum(part.events for part in self.ranges)


async def plan(url: str, before: int | datetime) -> Plan:
    """Return what ``run`` would archive: all that is sealed, published and before a position or a time."""
    async with _opened(url) as conn:
        return await _plan(conn, before)


async def run(
    url: str, before: int | datetime, folder: Path, *, key: bytes = b"", report: Callable[[Plan, Archive | None], None]
) -> list[Archive]:
    """Archive events before a position or a time, and drop them from the log.

    ``folder`` takes the files, ``key`` signs the seals. ``report`` is called with the plan before anything is done, and
    after each archive with it. Needs the login that owns the tables.

    Raises:
        Conflict: another run is under way; a range is not what was sealed; a newer release wrote events of the log.
        Unavailable: Postgres does not answer, or a file cannot be written.
    """
    folder, done = _usable(folder), []
    async with _opened(url) as conn:
        if not await conn.fetchval(f"SELECT pg_try_advisory_lock({LOCK})"):
            raise Conflict("events are being archived, or the tables rebuilt, by another process", hint="Wait for it.")
        await unknown_events.refuse_unknown_resources(conn)
        await _require_key(conn, key)
        todo = await _plan(conn, before)
        report(todo, None)
        for part in todo.ranges:
            done.append(await _archive(conn, part, folder, key))
            report(todo, done[-1])
        if done:
            await conn.execute("VACUUM (ANALYZE) event_log")
    return done


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Connection]:
    try:
        conn = await asyncpg.connect(url, server_settings={"timezone": "UTC", "jit": "off"})
    except (*GONE, TimeoutError) as error:
        raise Unavailable(f"Postgres does not answer: {error}", hint="Check STORAX_DATABASE_URL.") from error
    try:
        with unknown_events.refusals():
            yield conn
    except asyncpg.InsufficientPrivilegeError as error:
        raise Invalid(f"this login may not archive: {error}", hint="Use that of storax_owner.") from error
    finally:
        await conn.close()


def _usable(folder: Path) -> Path:
    try:
        for new in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
            new.mkdir(0o750, exist_ok=True)
            archives.files().sync(new.parent)
        folder.mkdir(exist_ok=True)  # raises where it is no folder
        archives.files().remove_parts(folder)
        return folder.resolve()
    except OSError as error:
        raise Unavailable(f"the folder {folder} cannot be used: {error.strerror}", hint="Name another.") from error


async def _require_key(conn: Connection, key: bytes) -> None:
    """Raise Invalid where the seals are signed and this run could not sign its own."""
    last = await seals.last(conn)
    if last and last.mac and not key:
        raise Invalid("the seals are signed, and an archive adds a seal", hint="Name the key: --seal-key-file.")


async def _plan(conn: Connection, before: int | datetime) -> Plan:
    low = await archives.horizon(conn)
    rows = [seals.of_row(row) for row in await conn.fetch(SEALED, low, await _limit(conn, before))]
    if rows and rows[0].low != low:
        raise Conflict(
            f"the log is archived up to position {low}, and its next seal begins behind {rows[0].low}",
            hint="Run `storax admin verify`.",
        )
    size = max(EVENTS_PER_ARCHIVE, await conn.fetchval(LIVING))
    ranges = tuple(_ranges(rows, size))
    return Plan(ranges, int(await conn.fetchval(SIZE, low, ranges[-1].high)) if ranges else 0)


async def _limit(conn: Connection, before: int | datetime) -> int:
    """The last position that may be archived: the newest event stays, and what was not published or not counted."""
    last = await epochs.last_event(conn) - 1
    if isinstance(before, datetime):
        wanted = await conn.fetchval(BEFORE, before)
        wanted = last if wanted is None else wanted
    else:
        wanted = before - 1
    counted = await flow.counted(conn)
    return int(min(wanted, last, await watermark.published(conn), last if counted is None else counted))


def _ranges(rows: Iterable[Seal], size: int) -> Iterator[Range]:
    part: list[Seal] = []
    for seal in rows:
        part.append(seal)
        if sum(one.events for one in part) >= size:
            yield Range(tuple(part))
            part = []
    if part:
        yield Range(tuple(part))


async def _archive(conn: Connection, part: Range, folder: Path, key: bytes) -> Archive:
    files = archives.files()
    try:
        async with conn.transaction():
            events = await _write_events(conn, files, part, folder)
        problems = list(event_problems(files.rows(folder / events["events_file"]), part.seals))
        if problems:
            raise Conflict(
                f"positions {part.low + 1} to {part.high} are not archived: {problems[0]}",
                hint="Nothing was dropped. Run `storax admin verify`.",
            )
        async with conn.transaction():
            return await _drop(conn, files, part, folder, key, events)
    except OSError as error:
        raise Unavailable(
            f"events cannot be archived to {folder}: {error.strerror or error}",
            hint="Nothing of this range was dropped. Repeat the command.",
        ) from error


async def _write_events(conn: Connection, files: Any, part: Range, folder: Path) -> dict[str, Any]:
    """Write the file of a range. Returns the fields of its archive that are known then."""
    cursor = await conn.cursor(EVENTS, part.low, part.high)
    writer = files.Writer(folder, f"events-{part.low + 1}-{part.high}", files.EVENTS)
    moments: list[datetime] = []
    try:
        while batch := await cursor.fetch(BATCH):
            writer.add(batch)
            moments += (row["timestamp"] for row in batch)
            moments = [min(moments), max(moments)]
        file = writer.finish()
    finally:
        writer.drop()
    if not moments:
        raise Conflict(f"no event is at positions {part.low + 1} to {part.high}", hint="Run `storax admin verify`.")
    return {
        "events_file": file.name, "events_digest": file.digest, "events_bytes": file.size,
        "first_at": moments[0], "last_at": moments[1],
    }  # fmt: skip


async def _drop(conn: Connection, files: Any, part: Range, folder: Path, key: bytes, events: dict[str, Any]) -> Archive:
    """Move the baseline on and write its file, record the archive, drop its events: all in this transaction."""
    await baseline.advance(conn, part.high)
    rest = await _write_baseline(conn, files, part, folder)
    archive = Archive(low=part.low, high=part.high, events=part.events, folder=str(folder), **events, **rest)
    await archives.add(conn, archive)
    dropped = int((await conn.execute(DROP_ARCHIVED, part.high)).split()[-1])
    if dropped != part.events:
        raise Conflict(
            f"{dropped} events are at positions up to {part.high}, and {part.events} were sealed",
            hint="Nothing was dropped. Run `storax admin verify`.",
        )
    await seals.add_archive(conn, part.low, part.high, archive.folder, events=part.events, root=archive.root, key=key)
    return archive


async def _write_baseline(conn: Connection, files: Any, part: Range, folder: Path) -> dict[str, Any]:
    cursor = await conn.cursor(baseline.ROWS)
    writer = files.Writer(folder, f"baseline-{part.high}", files.BASELINE)
    try:
        while batch := await cursor.fetch(BATCH):
            writer.add(batch)
        file = writer.finish()
    finally:
        writer.drop()
    root = files.root(row for rows in files.rows(folder / file.name) for row in rows)
    if root != await baseline.root(conn):
        raise Conflict(f"{file.name} does not hold what was written to it", hint="Nothing was dropped. Check the disk.")
    return {
        "baseline_file": file.name, "baseline_digest": file.digest, "baseline_bytes": file.size,
        "baseline_rows": file.rows, "baseline_root": root,
    }  # fmt: skip


async def listed(url: str, *, check: bool = False) -> tuple[list[dict[str, Any]], list[str]]:
    """All archives, and what is wrong with them, if ``check`` asks for it."""
    async with _opened(url) as conn, conn.transaction(isolation="repeatable_read"):
        known = [asdict(archive) for archive in await archives.all_of(conn)]
        return known, (await archive_check.check(conn))[1] if check else []
