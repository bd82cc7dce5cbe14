"""What each event of a page changed, from what to what: a field's value before, as the log has it, and after.

The value before is in the last earlier event of the same thing that names the field; where that event was archived, in
the baseline. Versions have no gap, so that is what the tables held. One statement for each kind of thing reads the
values before all events of a page; of archived events, one for each archive and kind.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import cache
from typing import Any

import orjson

from storax_core.database.connections import Connection
from storax_core.database.json_meter import DROPPED, NO_LIMIT, meter_of
from storax_core.log.archive.whole_log import LOG, STAGED
from storax_core.log.schemas import newest_data
from storax_core.queries.archive import archived
from storax_core.queries.bounded import Part
from storax_core.queries.filters import Log, Selection
from storax_core.resources import BY_ENTITY

NAME = "changes"
NONE = orjson.Fragment(b"{}")
NEEDED = ("entity", "entity_id", "version", "position")  # columns by which an event is found


@cache
def _statement(entity: str, log: Log) -> str:
    """SQL of the changes of some events of one kind: place and changes. $1 owner, $2 ids, $3 versions.

    Where no event is, no row is: it was archived meanwhile.
    """
    resource = BY_ENTITY[entity]
    fields = ", ".join(f"'{name}'" for name in resource.folded)
    events, history = ("staged_event", STAGED) if log is Log.STAGED else ("event_log", LOG)
    earlier = newest_data(resource, "AND entity_id = w.id AND version < w.v AND owner_id = $1", log=history)
    before = f"SELECT p.data -> d.key AS value FROM ({earlier}) p WHERE p.data ? d.key ORDER BY p.version DESC LIMIT 1"  # noqa: S608
    change = "jsonb_build_object('before', b.value, 'after', d.value)"
    return f"""SELECT w.n, coalesce(c.changes, '{{}}') AS changes
FROM unnest($2::bigint[], $3::int[]) WITH ORDINALITY AS w(id, v, n)
JOIN {events} e ON e.entity = '{entity}' AND e.entity_id = w.id AND e.version = w.v AND e.owner_id = $1
CROSS JOIN LATERAL (SELECT jsonb_object_agg(d.key, {change}) AS changes FROM jsonb_each(e.data) AS d
  LEFT JOIN LATERAL ({before}) b ON e.version > 1 WHERE d.key IN ({fields})) c"""  # noqa: S608


async def fill(conn: Connection, selection: Selection, part: Part, columns: Sequence[str], *, size: int) -> Part:
    """Return the rows of a page with their changes; behind ``columns`` they have those of ``NEEDED``.

    The page ends earlier where its changes would have more than ``size`` bytes; it keeps one row at least. An event of
    the live log that was archived since the page was read has None.
    """
    place, width = columns.index(NAME), len(columns)
    events = [tuple(row)[width : width + len(NEEDED)] for row in part.rows]
    changes, used = await _of_events(conn, selection, events, size)
    rows = [(*row[:place], one, *row[place + 1 :]) for row, one in zip(part.rows, changes, strict=False)]
    return Part(rows, part.size + used, cut=part.cut or len(rows) < len(part.rows))


async def of_one(conn: Connection, selection: Selection, event: Mapping[str, Any]) -> Any:
    """Return the changes of one event, as JSON; None where it was archived since it was read from the live log."""
    changes, _ = await _of_events(conn, selection, [tuple(event[name] for name in NEEDED)], NO_LIMIT)
    return changes[0]


async def _of_events(
    conn: Connection, selection: Selection, events: Sequence[tuple[Any, ...]], size: int
) -> tuple[list[Any], int]:
    """Return the changes of the first events, while they have ``size`` bytes at most, but of one; and their bytes."""
    changes: list[Any] = [None if event[0] in BY_ENTITY else NONE for event in events]
    with meter_of(conn).limited(size) as meter:
        async for log, places in _sources(conn, selection, events):
            for entity in dict.fromkeys(events[place][0] for place in places):
                if entity in BY_ENTITY:
                    own = [place for place in places if events[place][0] == entity]
                    await _read(conn, selection.values[0], _statement(entity, log), events, own, changes)
        used = size - meter.left
    whole = next((place for place, one in enumerate(changes) if one is DROPPED), len(changes))
    return (changes[:whole], min(used, size)) if whole else await _of_events(conn, selection, events[:1], NO_LIMIT)


async def _sources(
    conn: Connection, selection: Selection, events: Sequence[tuple[Any, ...]]
) -> AsyncIterator[tuple[Log, list[int]]]:
    """Yield where events and what was before them can be read, with the places of these events."""
    rest = set(range(len(events)))
    if selection.shape.log is not Log.LIVE:
        things = [(entity, id_, position) for entity, id_, _, position in events]
        async for places in archived.stage_histories(conn, selection.values[0], things):
            rest -= set(places)
            yield Log.STAGED, places
    if rest:
        yield Log.LIVE, sorted(rest)


async def _read(
    conn: Connection,
    owner_id: int,
    statement: str,
    events: Sequence[tuple[Any, ...]],
    places: Sequence[int],
    changes: list[Any],
) -> None:
    """Put the changes of the events at these places into theirs."""
    ids, versions = [events[place][1] for place in places], [events[place][2] for place in places]
    for row in await conn.fetch(statement, owner_id, ids, versions):
        changes[places[row["n"] - 1]] = row["changes"]
