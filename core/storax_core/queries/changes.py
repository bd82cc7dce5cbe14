"""What each event of a page changed, from what to what: a field's value before, as the log has it, and after.

The value before is in the last earlier event of the same thing that names the field. Versions have no gap, so that is
what the tables held. One statement for each kind of thing reads the values before all events of a page.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import orjson

from storax_core.database.connections import Connection
from storax_core.database.json_meter import DROPPED, NO_LIMIT, meter_of
from storax_core.log.schemas import newest_data
from storax_core.queries.bounded import Part
from storax_core.resources import BY_ENTITY

NAME = "changes"
NONE = orjson.Fragment(b"{}")
NEEDED = ("entity", "entity_id", "version")  # columns by which an event is found


@cache
def _statement(entity: str) -> str:
    """SQL of the changes of some events of one kind: place and changes. $1 owner, $2 ids, $3 versions."""
    resource = BY_ENTITY[entity]
    fields = ", ".join(f"'{name}'" for name in resource.folded)
    earlier = newest_data(resource, "AND entity_id = w.id AND version < w.v AND owner_id = $1")
    before = f"SELECT p.data -> d.key AS value FROM ({earlier}) p WHERE p.data ? d.key ORDER BY p.version DESC LIMIT 1"  # noqa: S608
    change = "jsonb_build_object('before', b.value, 'after', d.value)"
    return f"""SELECT w.n, jsonb_object_agg(d.key, {change}) AS changes
FROM unnest($2::bigint[], $3::int[]) WITH ORDINALITY AS w(id, v, n)
JOIN event_log e ON e.entity = '{entity}' AND e.entity_id = w.id AND e.version = w.v AND e.owner_id = $1
CROSS JOIN LATERAL jsonb_each(e.data) AS d
LEFT JOIN LATERAL ({before}) b ON e.version > 1
WHERE d.key IN ({fields}) GROUP BY w.n"""  # noqa: S608


async def fill(conn: Connection, owner_id: int, part: Part, columns: Sequence[str], *, size: int) -> Part:
    """Return the rows of a page with their changes; behind ``columns`` they have those of ``NEEDED``.

    The page ends earlier where its changes would have more than ``size`` bytes; it keeps one row at least.
    """
    place, width = columns.index(NAME), len(columns)
    events = [tuple(row)[width : width + len(NEEDED)] for row in part.rows]
    changes, used = await _of_events(conn, owner_id, events, size)
    rows = [(*row[:place], one, *row[place + 1 :]) for row, one in zip(part.rows, changes, strict=False)]
    return Part(rows, part.size + used, cut=part.cut or len(rows) < len(part.rows))


async def of_one(conn: Connection, owner_id: int, event: Mapping[str, Any]) -> Any:
    """Return the changes of one event, as JSON."""
    changes, _ = await _of_events(conn, owner_id, [tuple(event[name] for name in NEEDED)], NO_LIMIT)
    return changes[0]


async def _of_events(
    conn: Connection, owner_id: int, events: Sequence[tuple[Any, ...]], size: int
) -> tuple[list[Any], int]:
    """Return the changes of the first events, while they have ``size`` bytes at most, but of one; and their bytes."""
    changes: list[Any] = [NONE] * len(events)
    with meter_of(conn).limited(size) as meter:
        for entity in dict.fromkeys(event[0] for event in events):
            if entity in BY_ENTITY:
                await _read(conn, owner_id, events, entity, changes)
        used = size - meter.left
    whole = next((place for place, one in enumerate(changes) if one is DROPPED), len(changes))
    return (changes[:whole], min(used, size)) if whole else await _of_events(conn, owner_id, events[:1], NO_LIMIT)


async def _read(
    conn: Connection, owner_id: int, events: Sequence[tuple[Any, ...]], entity: str, changes: list[Any]
) -> None:
    """Put the changes of the events of one kind of thing into their places."""
    places = [place for place, event in enumerate(events) if event[0] == entity]
    ids, versions = [events[place][1] for place in places], [events[place][2] for place in places]
    for row in await conn.fetch(_statement(entity), owner_id, ids, versions):
        changes[places[row["n"] - 1]] = row["changes"]
