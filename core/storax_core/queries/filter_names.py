"""Values of filters that are names of resources: a name that no resource has or ever had is misspelt.

Checked only where the answer could hide it: where nothing matched, for several names, or in an exclusion.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from storax_core.database.connections import Connection
from storax_core.errors import Invalid
from storax_core.log.archive import archives
from storax_core.resources import BY_ENTITY, Resource
from storax_core.suggest import nearest

# The log answers for what was deleted or has another name now; its index has the entity and the version.
UNKNOWN = """SELECT n FROM unnest($2::text[]) AS n
WHERE NOT EXISTS (SELECT FROM {table} WHERE owner_id = $1 AND name = n)
AND NOT EXISTS (SELECT FROM event_log WHERE entity = '{entity}' AND version = 1 AND owner_id = $1
  AND data->>'name' = n) ORDER BY n LIMIT 1"""
KNOWN = "SELECT DISTINCT name FROM {table} WHERE owner_id = $1 LIMIT 10000"
Filters = Mapping[str, Any]


async def require(
    conn: Connection, resource: Resource, owner_id: int, filters: Filters, exclude: Sequence[Filters], *, matched: bool
) -> None:
    """Raise Invalid, with the nearest right name, for a filter by a name that no resource has or ever had."""
    for name in resource.naming:
        values = _values(filters.get(name))
        if matched and len(values) == 1:
            values = []  # a name that something matched is right
        for group in exclude:
            values += _values(group.get(name))
        if values:
            await _require_known(conn, resource, owner_id, name, values)


def _values(raw: Any) -> list[str]:
    return [str(v) for v in raw] if isinstance(raw, list) else [] if raw is None else [str(raw)]


async def _require_known(conn: Connection, resource: Resource, owner_id: int, name: str, values: Sequence[str]) -> None:
    noun = BY_ENTITY[resource.naming[name]]
    unknown = await conn.fetchval(UNKNOWN.format(table=noun.table, entity=noun.entity), owner_id, list(values))
    if unknown is None:
        return
    known = [r["name"] for r in await conn.fetch(KNOWN.format(table=noun.table), owner_id)]
    horizon = await archives.horizon(conn)
    since = f" since position {horizon}, up to which the log is archived" if horizon else ""
    raise Invalid(
        f"filter {name} of {resource.path}: you have no {noun.python_name} named {unknown[:80]!r}, nor had one{since}",
        hint=nearest(unknown, known) if known else f"You have no {noun.python_name} at all yet.",
    )
