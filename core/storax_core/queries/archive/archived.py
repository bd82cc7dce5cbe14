"""Read archived events: stage those that a query may need in a temporary table, on which the ordinary statements run.

Only events of the query's owner are staged. The table ends with the transaction, so nobody else's query meets it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import orjson
from sqlalchemy import text

from storax_core import limits
from storax_core.database.connections import Connection
from storax_core.errors import TooLarge
from storax_core.log.archive import archives
from storax_core.log.archive.archives import Archive
from storax_core.queries.filters import Log
from storax_core.queries.tables import Source, source_of
from storax_core.resources import EVENTS, Resource

Condition = tuple[str, str, Any]
T = TypeVar("T")
ALIVE_SEC = 2.0  # less than ``half_open.SILENT_SEC``, for which a backend may be idle
COLUMNS: Mapping[str, str] = {
    **{n: f.pg_type for n, f in EVENTS.fields.items() if n != "tx"}, "creation_date": "timestamptz"
}  # fmt: skip
_TYPED = ", ".join(f'"{name}" {type_}' for name, type_ in COLUMNS.items())
# While files are searched the transaction is idle, which Postgres would take for a client that is gone.
TABLE = f"""SET LOCAL idle_in_transaction_session_timeout = '10min';
SET LOCAL storax.staged = 0;
CREATE TEMP TABLE staged_event ({_TYPED}) ON COMMIT DROP;
CREATE INDEX ON staged_event (entity_id, version)"""
STAGE = f"""INSERT INTO staged_event SELECT r.* FROM string_to_table($1, E'\\n') AS l,
jsonb_to_record(l::jsonb) AS r({_TYPED})"""  # noqa: S608
# All rows that the transaction staged so far, also those that were deleted again.
COUNT = "SELECT set_config('storax.staged', (current_setting('storax.staged')::bigint + $1)::text, true)"
EMPTY = "DELETE FROM staged_event"  # not TRUNCATE: a page may have left a cursor on it
_READ = ", ".join(f'"{name}"' for name in COLUMNS if name != "creation_date")


@asynccontextmanager
async def snapshot(conn: Connection) -> AsyncIterator[None]:
    """A transaction that sees one state of the log and of its archives: between two an event may move."""
    if conn.is_in_transaction():
        yield
        return
    async with conn.transaction(isolation="repeatable_read"):
        yield


@cache
def source_of_staged(log: Log) -> Source:
    """The staged events, or all, in place of the log."""
    live = f" UNION ALL SELECT {_READ} FROM event_log" if log is Log.WHOLE else ""  # noqa: S608
    present = source_of(EVENTS.entity)
    columns = {name: present.column(name).type for name in COLUMNS if name != "creation_date"}
    table: Any = text(f"SELECT {_READ} FROM staged_event{live}").columns(**columns).alias("t")  # noqa: S608
    return Source(EVENTS, table, table)


async def stage_past(conn: Connection, resource: Resource, owner_id: int, position: int, ids: Iterable[int]) -> None:
    """Stage what a resource's rows at an archived position are folded of: a baseline, and the events behind it.

    ``ids`` names the rows that the query is about; none: all.
    """
    await conn.execute(TABLE)
    wanted: list[Condition] = [("owner_id", "in", [owner_id]), ("entity", "in", [resource.entity])]
    wanted += [("entity_id", "in", list(ids))] if ids else []
    before: Archive | None = None
    for archive in await archives.all_of(conn):
        if position <= archive.high:
            await _stage_history(conn, before, archive, [*wanted, ("position", "<=", position)])
            return
        before = archive


async def stage_histories(
    conn: Connection, owner_id: int, things: Sequence[tuple[str, int, int]]
) -> AsyncIterator[list[int]]:
    """Stage for each archive the history of things up to events in it: kinds, ids, and the events' positions.

    Yields each time the places of those things; their events behind the archives are in none.
    """
    before: Archive | None = None
    for archive in await archives.all_of(conn):
        if places := [n for n, thing in enumerate(things) if archive.low < thing[2] <= archive.high]:
            entities, ids, positions = zip(*(things[n] for n in places), strict=True)
            await conn.execute(EMPTY)
            wanted: list[Condition] = [("owner_id", "in", [owner_id]), ("entity", "in", list(set(entities)))]
            wanted += [("entity_id", "in", list(set(ids))), ("position", "<=", max(positions))]
            await _stage_history(conn, before, archive, wanted)
            yield places
        before = archive


async def _stage_history(
    conn: Connection, before: Archive | None, archive: Archive, wanted: Sequence[Condition]
) -> None:
    """Stage events of an archive, and of its beginning the baseline, at position 0."""
    if before:
        own = [one for one in wanted if one[0] != "position"]
        await _stage(conn, await _path(conn, before.baseline_path), own, {"position": 0})
    await _stage(conn, await _path(conn, archive.events_path), wanted)


async def stage_events(conn: Connection, archive: Archive, wanted: Iterable[Condition]) -> int:
    """Stage events of an archive. Returns how many."""
    return await _stage(conn, await _path(conn, archive.events_path), wanted)


async def pieces(conn: Connection, archive: Archive, wanted: Sequence[Condition]) -> list[list[Condition]]:
    """The parts of an archive that may have events of these conditions: each by conditions of its own, in order.

    A reader who has enough after some of them leaves the others unread.
    """
    path = await _path(conn, archive.events_path)
    bounds = await _in_thread(conn, lambda: archives.files().groups(path, wanted))
    return [[*wanted, ("position", ">=", low), ("position", "<=", high)] for low, high in bounds]


async def position_at(conn: Connection, owner_id: int, moment: datetime) -> int:
    """The position of the owner's last archived event at an instant; the horizon where it is behind all archives."""
    known = await archives.all_of(conn)
    if known and max(archive.last_at for archive in known) <= moment:
        return known[-1].high
    wanted: list[Condition] = [("owner_id", "in", [owner_id]), ("timestamp", "<=", moment)]
    for archive in reversed(known):
        if archive.first_at <= moment:
            path = await _path(conn, archive.events_path)
            for piece in reversed(await pieces(conn, archive, wanted)):
                if last := await _last_position(conn, path, piece):
                    return last
    return 0


async def _last_position(conn: Connection, path: Path, wanted: Sequence[Condition]) -> int:
    last = 0
    async for rows in _rows(conn, path, wanted, ["position"]):
        last = max(last, *(row["position"] for row in rows))
    return last


async def _path(conn: Connection, check: Callable[[], Path]) -> Path:
    return await _in_thread(conn, check)


async def _rows(
    conn: Connection, path: Path, wanted: Iterable[Condition], columns: Sequence[str] | None = None
) -> AsyncIterator[list[dict[str, Any]]]:
    """Read a file in threads, so that no other call waits for it."""
    batches = archives.files().rows(path, list(wanted), columns)
    while (batch := await _in_thread(conn, lambda: next(batches, None))) is not None:
        yield batch


async def _in_thread(conn: Connection, work: Callable[[], T]) -> T:
    """Work in a thread. A backend that is idle for long counts as half-open, so it has something to do meanwhile."""
    task = asyncio.create_task(asyncio.to_thread(work))
    try:
        while not (await asyncio.wait([task], timeout=ALIVE_SEC))[0]:
            await conn.execute("SELECT 1")
        return task.result()
    finally:
        task.cancel()


async def _stage(
    conn: Connection, path: Path, wanted: Iterable[Condition], more: Mapping[str, Any] | None = None
) -> int:
    number = 0
    async for rows in _rows(conn, path, wanted):
        number += len(rows)
        if int(await conn.fetchval(COUNT, len(rows))) > limits.ARCHIVED_ROWS:
            raise TooLarge(
                f"the query needs more than {limits.ARCHIVED_ROWS:,} rows of archives",
                hint="Narrow the filter: by time or position, or to the ids that you need.",
            )
        lines = (orjson.dumps({**row, **(more or {}), "data": orjson.Fragment(row["data"])}) for row in rows)
        await conn.execute(STAGE, b"\n".join(lines).decode())
    return number
