"""Events of the log and of its archives as one list: which archives a query needs, and in which order."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from storax_core.database.connections import Connection
from storax_core.log.archive import archives
from storax_core.log.archive.archives import Archive
from storax_core.queries.archive import archived
from storax_core.queries.archive.archived import Condition
from storax_core.queries.filters import Log, Selection, ValueForm, value_of
from storax_core.queries.ordering import Key
from storax_core.resources import EVENTS

FIRST, LAST = 0, 2**63 - 1
_SAME = ("entity", "entity_id", "type", "actor", "site_id", "position")
# Filters for which the log is searched for jobs: the jobs that it says, then those that the staged events say.
JOBS_OF: Mapping[str, str] = {
    "tags": """SELECT jobs_ever_tagged($1::jsonb) UNION SELECT entity_id FROM staged_event
WHERE type = 'job.deleted' AND data @> jsonb_build_object('last', jsonb_build_object('tags', $1::jsonb))""",
    "batch_job_id": """SELECT jobs_taken_by($1::bigint[]) UNION SELECT entity_id FROM staged_event
WHERE type = 'job.leased' AND (data ->> 'batch_job_id')::bigint = ANY($1::bigint[])""",
    "scheduler_id": """WITH called(id) AS (SELECT batch_jobs_called($1::text[]) UNION SELECT entity_id FROM staged_event
  WHERE type = 'batch_job.deleted' AND data -> 'last' ->> 'scheduler_id' = ANY($1::text[]))
SELECT jobs_taken_by(ARRAY(SELECT id FROM called)) UNION SELECT entity_id FROM staged_event
WHERE type = 'job.leased' AND (data ->> 'batch_job_id')::bigint IN (SELECT id FROM called)""",
}
BEGUN = (
    "SELECT count(*) FROM event_log WHERE entity = ANY($1::text[]) AND entity_id = ANY($2::bigint[]) AND version = 1"
)
_TELLING = ["job.deleted", "batch_job.deleted", "job.leased"]
Filters = Mapping[str, Any]


async def are_needed(conn: Connection, selection: Selection, groups: Sequence[Filters], *, down_to: int) -> bool:
    """Whether archives may have events of a query that has all those of the log down to a position."""
    horizon = await archives.horizon(conn)
    if not horizon or search_jobs(groups):
        return bool(horizon)
    wanted = _conditions(selection)
    return down_to <= horizon and _bounds(wanted)[0] <= horizon and not await _began_later(conn, wanted)


def search_jobs(groups: Sequence[Filters]) -> bool:
    """Whether filters search the log for jobs, so that archived events decide which events of the log are meant."""
    return any(name in JOBS_OF for group in groups for name in group)


async def _began_later(conn: Connection, wanted: Sequence[Condition]) -> bool:
    """Whether the query is about resources all of which began behind the horizon: their first events are in the log."""
    ids = {value for name, _, values in wanted if name == "entity_id" for value in values}
    entities = {value for name, _, values in wanted if name == "entity" for value in values}
    return bool(ids and entities) and await conn.fetchval(BEGUN, list(entities), list(ids)) == len(ids) * len(entities)


async def by_jobs(conn: Connection, owner_id: int, groups: Sequence[Filters]) -> list[Filters]:
    """The same groups of filters, with the ids of jobs in place of filters that search the log for jobs."""
    wanted: list[Condition] = [("owner_id", "in", [owner_id]), ("type", "in", _TELLING)]
    if search_jobs(groups):
        for archive in await archives.all_of(conn):
            await archived.stage_events(conn, archive, wanted)
        groups = [await _by_jobs(conn, group) for group in groups]
        await conn.execute(archived.EMPTY)
    return list(groups)


async def _by_jobs(conn: Connection, group: Filters) -> Filters:
    rest, ids = {name: value for name, value in group.items() if name not in JOBS_OF}, []
    for name in group.keys() - rest.keys():
        spec = EVENTS.filters[name]
        value = value_of(EVENTS, spec, group[name])
        value = orjson.dumps(value).decode() if isinstance(value, dict) else value
        value = [value] if spec.many and not isinstance(value, list) else value
        ids.append({row[0] for row in await conn.fetch(JOBS_OF[name], value)})
    if ids and "job_id" in rest:
        own = value_of(EVENTS, EVENTS.filters["job_id"], rest["job_id"])
        ids.append(set(own if isinstance(own, list) else [own]))
    return {**rest, "job_id": sorted(set.intersection(*ids))} if ids else rest


async def parts(
    conn: Connection, selection: Selection, keys: Sequence[Key], cursor: Sequence[Any]
) -> AsyncIterator[Log]:
    """Stage one piece of the archives after the other, in the order of positions, from the cursor on.

    Each time that there are events, and for the log, say where to read.
    """
    wanted = _conditions(selection)
    down = keys[0].down
    if cursor:
        wanted.append(("position", "<=" if down else ">=", cursor[0]))
    low, high = _bounds(wanted)
    known = [one for one in await holding(conn, wanted) if one.low < high and low <= one.high]
    horizon = await archives.horizon(conn)
    if down and high > horizon:
        yield Log.LIVE
    for archive in reversed(known) if down else known:
        pieces = await archived.pieces(conn, archive, wanted)
        for piece in reversed(pieces) if down else pieces:
            await conn.execute(archived.EMPTY)
            if await archived.stage_events(conn, archive, piece):
                yield Log.STAGED
    if not down and high > horizon:
        yield Log.LIVE


async def stage_all(conn: Connection, selection: Selection) -> None:
    """Stage all archived events that a query may need, for what is not read in the order of positions."""
    wanted = _conditions(selection)
    for archive in await holding(conn, wanted):
        await archived.stage_events(conn, archive, wanted)


async def stage_one(conn: Connection, owner_id: int, position: int) -> None:
    """Stage the event at a position."""
    await conn.execute(archived.TABLE)
    wanted: list[Condition] = [("owner_id", "in", [owner_id]), ("position", "in", [position])]
    for archive in await holding(conn, wanted):
        await archived.stage_events(conn, archive, wanted)


async def holding(conn: Connection, wanted: Sequence[Condition]) -> list[Archive]:
    """The archives that may hold events that meet the conditions."""
    low, high = _bounds(wanted)
    since = [value for name, test, value in wanted if (name, test) == ("timestamp", ">=")]
    until = [value for name, test, value in wanted if (name, test) == ("timestamp", "<=")]
    return [
        archive
        for archive in await archives.all_of(conn)
        if archive.low < high
        and low <= archive.high
        and all(moment <= archive.last_at for moment in since)
        and all(archive.first_at <= moment for moment in until)
    ]


def _bounds(wanted: Sequence[Condition]) -> tuple[int, int]:
    """The least and the largest position that meets the conditions."""
    low, high = FIRST, LAST
    for name, test, value in wanted:
        if name == "position":
            low = max(low, value) if test == ">=" else max(low, min(value, default=LAST)) if test == "in" else low
            high = min(high, value) if test == "<=" else min(high, max(value, default=FIRST)) if test == "in" else high
    return low, high


def _conditions(selection: Selection) -> list[Condition]:
    """Conditions on columns that all events of a query meet; the statement itself tests all of its own."""
    owner_id, *values = selection.values
    conditions: list[Condition] = [("owner_id", "in", [owner_id])]
    if selection.shape.past:
        conditions.append(("position", "<=", values.pop(0)))
    values_left = iter(values)
    for name, form in selection.shape.filters:
        value = next(values_left) if form not in (ValueForm.TRUE, ValueForm.FALSE) else None
        value = [value] if form is ValueForm.ONE else value
        conditions += _condition(name, value) if form in (ValueForm.VALUE, ValueForm.ONE) else ()
    return conditions


def _condition(name: str, value: Any) -> Iterator[Condition]:
    if name in _SAME:
        yield name, "in", value
    elif name == "id":
        yield "position", "in", value
    elif name == "command_id":
        yield name, "in", [str(one) for one in value]
    elif name == "job_id":
        yield "entity", "in", ["job"]
        yield "entity_id", "in", value
    elif name in ("position__gt", "position__gte"):
        yield "position", ">=", value + (name == "position__gt")
    elif name in ("position__lt", "position__lte"):
        yield "position", "<=", value - (name == "position__lt")
    elif name in ("timestamp_after", "timestamp_before") and isinstance(value, datetime):
        yield "timestamp", ">=" if name == "timestamp_after" else "<=", value
