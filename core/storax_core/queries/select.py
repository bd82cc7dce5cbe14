"""Filters, orderings and key-set pages, compiled to one SELECT. Names come from the resource's declaration alone."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from storax_core.database.aliases import column, source
from storax_core.database.connections import Connection
from storax_core.errors import Invalid, TooLarge
from storax_core.queries import names as named
from storax_core.queries.capacity import ANY_NUMBER, NodeSize, held, nodes_filled
from storax_core.queries.filters import Where, conditions
from storax_core.resources import BY_ENTITY, JOBS, Resource
from storax_core.suggest import nearest

__all__ = [
    "Query",
    "Where",
    "count",
    "counts",
    "fetch_one",
    "fetch_page",
    "footprint",
    "matching_ids",
]
MAX_LIMIT = 10_000


class Query(BaseModel):
    """What a list call may say. ``filter`` values: a scalar equals, a list is any of, null is null."""

    model_config = ConfigDict(extra="forbid")

    filter: dict[str, Any] = Field(default_factory=dict, description="By filter name.")
    exclude: list[dict[str, Any]] = Field(default_factory=list, description="Each is NOT (all of its filters).")
    ordering: list[str] = Field(default_factory=list, max_length=4, description="Field names, '-' for descending.")
    limit: int = Field(default=100, ge=0, le=MAX_LIMIT, description="Rows of a page.")
    offset: int = Field(default=0, ge=0, le=2**40, description="Rows to skip; a cursor is cheaper.")
    cursor: str | None = Field(default=None, max_length=4000, description="From the last page's 'next'.")
    fields: list[str] | None = Field(default=None, description="Only these fields.")
    count: bool = Field(default=False, description="Also count all that match.")
    format: str = Field(default="objects", pattern="^(objects|rows)$", description="objects, or rows with columns.")


@dataclass
class Page:
    """Column names, raw rows, the cursor of the next page, and the count where asked."""

    columns: list[str]
    rows: list[Any]
    next: str | None
    count: int | None


def where_of(resource: Resource, owner_id: int, query: Query) -> Where:
    """The owner's wall, then every filter, then every exclusion."""
    where = Where([owner_id])
    alias = "s" if resource.split else "t"
    where.parts = [f"{alias}.owner_id = $1::bigint", *conditions(resource, where, query.filter)]
    for group in query.exclude:
        inner = conditions(resource, where, group)
        if inner:
            where.parts.append(f"NOT coalesce({' AND '.join(inner)}, false)")
    return where


@dataclass(frozen=True)
class Order:
    """One key of an ordering."""

    name: str
    sql: str
    down: bool
    pg_type: str


def orders(resource: Resource, ordering: Sequence[str]) -> list[Order]:
    """The ordering with the unique key as its last part, so that pages never overlap."""
    unique = "position" if "position" in resource.fields else "id"
    names = [n for n in ordering if n] or [resource.default_order]
    out = []
    for name in names:
        bare = name.removeprefix("-")
        bare = unique if bare == "id" else bare
        if bare not in resource.orderings:
            raise Invalid(f"{resource.path} cannot be ordered by {bare!r}", hint=nearest(bare, resource.orderings))
        spec = resource.fields[bare]
        sql = column(resource, bare)
        if spec.nullable:
            sql = f"coalesce({sql}, 'infinity'::timestamptz)" if spec.pg_type == "timestamptz" else sql
        out.append(Order(bare, sql, name.startswith("-"), spec.pg_type))
    if all(o.name != unique for o in out):
        out.append(Order(unique, column(resource, unique), out[0].down, "bigint"))
    return out


def _decode(cursor: str, keys: Sequence[Order]) -> list[Any]:
    try:
        names, values = orjson.loads(base64.urlsafe_b64decode(cursor.encode()))
        if names != [("-" if k.down else "") + k.name for k in keys]:
            raise ValueError
        return [_typed(k, v) for k, v in zip(keys, values, strict=True)]
    except (ValueError, TypeError):
        raise Invalid("the cursor does not fit this query", hint="Start again without a cursor.") from None


def _typed(key: Order, value: Any) -> Any:
    if key.pg_type == "timestamptz":
        return datetime.fromisoformat(value)
    if type(value) is not {"text": str, "boolean": bool, "float": float}.get(key.pg_type, int):
        raise TypeError
    return value


def _encode(keys: Sequence[Order], values: Sequence[Any]) -> str:
    names = [("-" if k.down else "") + k.name for k in keys]
    return base64.urlsafe_b64encode(orjson.dumps([names, list(values)])).decode()


def _after(where: Where, keys: Sequence[Order], values: Sequence[Any]) -> str:
    """The rows behind ``values``: a row comparison where all keys run one way, spelled out otherwise."""
    places = [f"{where.param(v)}::{k.pg_type}" for k, v in zip(keys, values, strict=True)]
    if len({k.down for k in keys}) == 1:
        sign = "<" if keys[0].down else ">"
        after = f"({', '.join(k.sql for k in keys)}) {sign} ({', '.join(places)})"
        # Said of both halves of a split row: a merge join would else walk the other half from its beginning.
        return f"{after} AND t.id {sign} {places[0]}" if keys[0].sql == "s.id" else after
    steps = []
    for i, (key, place) in enumerate(zip(keys, places, strict=True)):
        same = [f"{k.sql} = {p}" for k, p in zip(keys[:i], places[:i], strict=True)]
        steps.append("(" + " AND ".join([*same, f"{key.sql} {'<' if key.down else '>'} {place}"]) + ")")
    return f"({' OR '.join(steps)})"


def _columns(resource: Resource, wanted: Sequence[str] | None) -> list[str]:
    for name in wanted or ():
        if name not in resource.visible:
            raise Invalid(f"{resource.path} has no field {name!r}", hint=nearest(name, resource.visible))
    return list(dict.fromkeys(wanted or resource.visible))


async def fetch_page(conn: Connection, resource: Resource, owner_id: int, query: Query) -> Page:
    """One page of what matches, and its count where asked. Deep pages cost what the first costs, by cursor."""
    columns = _columns(resource, query.fields)
    where = where_of(resource, owner_id, query)
    total = await count(conn, resource, owner_id, query) if query.count else None
    keys = orders(resource, query.ordering)
    if query.limit == 0:
        return Page(columns, [], None, total)
    if query.cursor:
        where.parts.append(_after(where, keys, _decode(query.cursor, keys)))
    found = await conn.fetch(_select(resource, columns, where, keys, query), *where.params)
    await _right_names(conn, resource, owner_id, query, matched=bool(found))
    rows, extra = found[: query.limit], len(keys)
    nxt = _encode(keys, tuple(rows[-1])[-extra:]) if len(found) > query.limit else None
    return Page(columns, [tuple(r)[:-extra] for r in rows], nxt, total)


async def _right_names(conn: Connection, resource: Resource, owner_id: int, query: Query, *, matched: bool) -> None:
    if resource.naming and (query.exclude or not resource.naming.keys().isdisjoint(query.filter)):
        await named.require(conn, resource, owner_id, query.filter, query.exclude, matched=matched)


def _select(resource: Resource, columns: Sequence[str], where: Where, keys: Sequence[Order], query: Query) -> str:
    picked = [column(resource, n) for n in columns] + [f"{k.sql} AS k{i}" for i, k in enumerate(keys)]
    order = ", ".join(f"{k.sql} {'DESC' if k.down else 'ASC'}" for k in keys)
    paging = f"LIMIT {query.limit + 1}" + (f" OFFSET {query.offset}" if query.offset else "")
    if resource.split:
        # The page is found in the small hot table (or by its filters) first; wide rows are read for that page alone.
        inner = f"SELECT s.id FROM {_needed(resource, where)} WHERE {where.sql} ORDER BY {order} {paging}"  # noqa: S608
        if "t." not in order and query.offset:
            return (
                f"SELECT {', '.join(picked)} FROM ({inner}) page JOIN {resource.state_table} s ON s.id = page.id"  # noqa: S608
                f" JOIN {resource.table} t ON t.id = page.id ORDER BY {order}"
            )
    return f"SELECT {', '.join(picked)} FROM {source(resource)} WHERE {where.sql} ORDER BY {order} {paging}"  # noqa: S608


def _needed(resource: Resource, where: Where) -> str:
    return source(resource, state_only=not any("t." in part for part in where.parts))


def _tallied(resource: Resource, owner_id: int, query: Query) -> Where | None:
    """The condition on the tally where that can answer: jobs, by nothing but site and state."""
    if resource is not JOBS or query.exclude or not query.filter.keys() <= {"state", "site_id"}:
        return None
    where = where_of(resource, owner_id, query)
    where.parts = [part.replace("s.", "t.") for part in where.parts]
    return where


async def count(conn: Connection, resource: Resource, owner_id: int, query: Query) -> int:
    """How many match."""
    tallied = _tallied(resource, owner_id, query)
    if tallied:
        sql = f"SELECT coalesce(sum(n), 0) FROM job_tally t WHERE {tallied.sql}"  # noqa: S608
        return int(await conn.fetchval(sql, *tallied.params))
    where = where_of(resource, owner_id, query)
    found = int(
        await conn.fetchval(f"SELECT count(*) FROM {_needed(resource, where)} WHERE {where.sql}", *where.params)  # noqa: S608
    )
    await _right_names(conn, resource, owner_id, query, matched=found > 0)
    return found


async def counts(conn: Connection, resource: Resource, owner_id: int, by: str, query: Query) -> dict[str, int]:
    """How many match, by the values of one field."""
    spec = resource.fields.get(by)
    if spec is None or not spec.mark.filter or spec.pg_type == "jsonb":
        known = [n for n, f in resource.fields.items() if f.mark.filter and f.pg_type != "jsonb"]
        raise Invalid(f"{resource.path} cannot be counted by {by!r}", hint=nearest(by, known))
    tallied = _tallied(resource, owner_id, query) if by in ("state", "site_id") else None
    if tallied:
        sql = f"""SELECT {by}::text AS k, sum(n) AS n FROM job_tally t WHERE {tallied.sql}
GROUP BY 1 HAVING sum(n) <> 0 ORDER BY 2 DESC"""  # noqa: S608
        return {r["k"]: int(r["n"]) for r in await conn.fetch(sql, *tallied.params)}
    where = where_of(resource, owner_id, query)
    col = column(resource, by)
    where.parts.append("true")
    tables = source(resource) if col.startswith("t.") and resource.split else _needed(resource, where)
    sql = (
        f"SELECT {col}::text AS k, count(*) AS n FROM {tables} WHERE {where.sql} GROUP BY 1 ORDER BY 2 DESC LIMIT 10001"  # noqa: S608
    )
    rows = await conn.fetch(sql, *where.params)
    await _right_names(conn, resource, owner_id, query, matched=bool(rows))
    if len(rows) > MAX_LIMIT:
        raise TooLarge(
            f"{by} has more than {MAX_LIMIT} different values", hint="Filter first, or count by another field."
        )
    return {str(r["k"]) if r["k"] is not None else "null": r["n"] for r in rows}


async def footprint(
    conn: Connection,
    owner_id: int,
    query: Query,
    *,
    node: NodeSize | None = None,
    whole_nodes: bool = False,
    fitting: bool = False,
) -> dict[str, float]:
    """What the jobs that match would fill: their number, their nodes, the nodes of the widest and the minutes of the
    longest. A job counts as its share of nodes like ``node``, or where none is said, as its ``node_packing_count``
    says; with ``fitting`` only jobs count that such nodes can hold."""
    where = where_of(JOBS, owner_id, query)
    fills = nodes_filled(node, where, whole_nodes=whole_nodes) if node else "s.num_nodes::float8 / s.node_packing_count"
    if node and fitting:
        where.parts.append(held([node.model_copy(update={"num_nodes": ANY_NUMBER})], where))
    sql = f"""SELECT count(*) AS num_jobs, coalesce(sum({fills}), 0) AS nodes,
  coalesce(max(s.num_nodes), 0) AS max_nodes, coalesce(max(s.wall_time_min), 0) AS max_wall_time_min
FROM {_needed(JOBS, where)} WHERE {where.sql}"""  # noqa: S608
    row = await conn.fetchrow(sql, *where.params)
    await _right_names(conn, JOBS, owner_id, query, matched=row["num_jobs"] > 0)
    return dict(row)


async def matching_ids(conn: Connection, resource: Resource, owner_id: int, query: Query) -> list[int]:
    """Ids of all that match, in order, locked: they match still when they are changed."""
    where = where_of(resource, owner_id, query)
    alias = "s" if resource.split else "t"
    sql = f"SELECT {alias}.id FROM {_needed(resource, where)} WHERE {where.sql} ORDER BY 1 FOR UPDATE OF {alias}"  # noqa: S608
    found = [r[0] for r in await conn.fetch(sql, *where.params)]
    await _right_names(conn, resource, owner_id, query, matched=bool(found))
    return found


async def fetch_one(conn: Connection, resource: Resource, owner_id: int, row_id: int) -> dict[str, Any] | None:
    """One row as a dictionary (jsonb values as raw fragments), or None."""
    row = await conn.fetchrow(_one(resource.entity), row_id, owner_id)
    return dict(row) if row else None


@cache
def _one(entity: str) -> str:
    resource = BY_ENTITY[entity]
    key = "position" if "position" in resource.fields else "id"
    col, alias = column(resource, key), "s" if resource.split else "t"
    picked = ", ".join(f"{column(resource, n)} AS {n}" for n in resource.visible)
    return f"SELECT {picked} FROM {source(resource)} WHERE {col} = $1 AND {alias}.owner_id = $2"  # noqa: S608
