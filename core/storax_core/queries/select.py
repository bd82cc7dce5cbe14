"""Reads: pages, counts, one row, and the ids of what a bulk command changes. Names come from declarations alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from storax_core import limits
from storax_core.database.connections import Connection
from storax_core.errors import Invalid, TooLarge
from storax_core.queries import changes, filter_names, past, statements
from storax_core.queries.bounded import fetch_bounded
from storax_core.queries.capacity import ANY_NUMBER, NodeSize, Where, held, nodes_filled
from storax_core.queries.filters import QueryShape, Selection, selection_of
from storax_core.queries.ordering import decode, encode, keys_of
from storax_core.resources import EVENTS, JOBS, Resource
from storax_core.resources.types import AsOf
from storax_core.suggest import nearest

__all__ = [
    "Query",
    "Where",
    "count",
    "counts",
    "fetch_one",
    "fetch_page",
    "fetch_rows",
    "footprint",
    "matching_ids",
]
MAX_LIMIT = limits.ROWS


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
    as_of: AsOf = Field(default=None, description="Rows as they were at this position of the log, or at this time.")
    format: str = Field(default="objects", pattern="^(objects|rows)$", description="objects, or rows with columns.")


@dataclass
class Page:
    """Column names, raw rows, the cursor of the next page, and the count where asked.

    ``size`` is the number of bytes of JSON and long text in it.
    """

    columns: list[str]
    rows: list[Any]
    next: str | None
    count: int | None
    size: int = 0


def columns_of(resource: Resource, fields: Sequence[str] | None) -> tuple[str, ...]:
    """The fields of an answer, each once. Raises Invalid."""
    for name in fields or ():
        if name not in resource.visible:
            raise Invalid(f"{resource.path} has no field {name!r}", hint=nearest(name, resource.visible))
    return tuple(dict.fromkeys(fields or (name for name in resource.visible if name not in resource.on_request)))


async def fetch_page(
    conn: Connection, resource: Resource, owner_id: int, query: Query, *, size: int = limits.PAGE_BYTES
) -> Page:
    """One page of what matches, and its count where asked. Deep pages cost what the first costs, by cursor.

    It ends early, with a cursor, where its rows would have more than ``size`` bytes.
    """
    columns = columns_of(resource, query.fields)
    selection = await _selection(conn, resource, owner_id, query)
    total = await _count(conn, resource, owner_id, query, selection) if query.count else None
    keys = keys_of(resource, query.ordering)
    if query.limit == 0:
        return Page(list(columns), [], None, total)
    values = [*selection.values, *(decode(query.cursor, keys) if query.cursor else ())]
    values += [query.offset] if query.offset else []
    filled = changes.NAME in columns and resource is EVENTS
    statement = statements.page(
        resource.entity, selection.shape, (*columns, *changes.NEEDED) if filled else columns, keys, query.limit + 1,
        cursor=bool(query.cursor), skips=bool(query.offset),
    )  # fmt: skip
    part = await fetch_bounded(
        conn, resource, statement.sql, statement.arguments(values), rows=_most(query) + 1, size=size
    )
    if filled and part.rows:
        part = await changes.fill(conn, owner_id, part, columns, size=size)
    await _require_names(conn, resource, owner_id, query, matched=bool(part.rows))
    rows, width = part.rows[: query.limit], len(columns)
    following = encode(keys, tuple(rows[-1])[-len(keys) :]) if part.cut or len(part.rows) > query.limit else None
    return Page(list(columns), [tuple(row)[:width] for row in rows], following, total, part.size)


async def fetch_rows(conn: Connection, resource: Resource, owner_id: int, query: Query) -> list[dict[str, Any]]:
    """All rows that match, as dictionaries, page by page: for what is known to be few."""
    rows: list[dict[str, Any]] = []
    while True:
        page = await fetch_page(conn, resource, owner_id, query)
        rows += (dict(zip(page.columns, row, strict=True)) for row in page.rows)
        if page.next is None:
            return rows
        query = query.model_copy(update={"cursor": page.next})


def _most(query: Query) -> int:
    """How many rows a page can have: the ids that it is about are often few."""
    ids = query.filter.get("id")
    return min(query.limit, len(ids)) if isinstance(ids, list) else query.limit if "id" not in query.filter else 1


async def _selection(conn: Connection, resource: Resource, owner_id: int, query: Query) -> Selection:
    selection = selection_of(resource, owner_id, query.filter, query.exclude)
    if query.as_of is None:
        return selection
    past.require_own_fields(resource, set(query.filter).union(*query.exclude))
    return await _in_the_past(conn, selection, query.as_of)


async def _in_the_past(conn: Connection, selection: Selection, as_of: int | datetime) -> Selection:
    """The same conditions on the rows as they were."""
    owner_id, *values = selection.values
    position = await past.position_of(conn, owner_id, as_of)
    return Selection(selection.shape._replace(past=True), [owner_id, position, *values])


async def _require_names(conn: Connection, resource: Resource, owner_id: int, query: Query, *, matched: bool) -> None:
    if resource.naming and (query.exclude or not resource.naming.keys().isdisjoint(query.filter)):
        await filter_names.require(conn, resource, owner_id, query.filter, query.exclude, matched=matched)


def _counted_already(resource: Resource, query: Query) -> bool:
    """Whether the counts that every command keeps answer: those of the present, by nothing but site and state."""
    return (
        resource.counted and query.as_of is None and not query.exclude and query.filter.keys() <= {"state", "site_id"}
    )


async def count(conn: Connection, resource: Resource, owner_id: int, query: Query) -> int:
    """How many match."""
    return await _count(conn, resource, owner_id, query, await _selection(conn, resource, owner_id, query))


async def _count(conn: Connection, resource: Resource, owner_id: int, query: Query, selection: Selection) -> int:
    build = statements.kept_counts if _counted_already(resource, query) else statements.count
    statement = build(resource.entity, selection.shape)
    number = int(await conn.fetchval(statement.sql, *statement.arguments(selection.values)))
    await _require_names(conn, resource, owner_id, query, matched=number > 0)
    return number


async def counts(conn: Connection, resource: Resource, owner_id: int, by: str, query: Query) -> dict[str, int]:
    """How many match, by the values of one field."""
    _require_countable(resource, by)
    selection = await _selection(conn, resource, owner_id, query)
    if by in ("state", "site_id") and _counted_already(resource, query):
        statement = statements.kept_counts(resource.entity, selection.shape, by)
    else:
        statement = statements.counts(resource.entity, selection.shape, by, MAX_LIMIT + 1)
    rows = await conn.fetch(statement.sql, *statement.arguments(selection.values))
    await _require_names(conn, resource, owner_id, query, matched=bool(rows))
    if len(rows) > MAX_LIMIT:
        raise TooLarge(
            f"{by} has more than {MAX_LIMIT} different values", hint="Filter first, or count by another field."
        )
    return {"null" if row["k"] is None else str(row["k"]): int(row["n"]) for row in rows}


def _require_countable(resource: Resource, by: str) -> None:
    known = [name for name, field in resource.fields.items() if field.mark.filter and field.pg_type != "jsonb"]
    if by not in known:
        raise Invalid(f"{resource.path} cannot be counted by {by!r}", hint=nearest(by, known))


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
    selection = await _selection(conn, JOBS, owner_id, query)
    fills, fits = "s.num_nodes::float8 / s.node_packing_count", "true"
    if node:
        fills = nodes_filled(node, selection, whole_nodes=whole_nodes)
        fits = held([node.model_copy(update={"num_nodes": ANY_NUMBER})], selection) if fitting else "true"
    statement = statements.footprint(JOBS.entity, selection.shape, fills, fits)
    row = await conn.fetchrow(statement.sql, *statement.arguments(selection.values))
    await _require_names(conn, JOBS, owner_id, query, matched=row["num_jobs"] > 0)
    return dict(row)


async def matching_ids(conn: Connection, resource: Resource, owner_id: int, query: Query) -> list[int]:
    """Ids of all that match, in order, locked: they match still when they are changed."""
    selection = await _selection(conn, resource, owner_id, query)
    statement = statements.ids(resource.entity, selection.shape)
    rows = await conn.fetch(statement.sql, *statement.arguments(selection.values))
    await _require_names(conn, resource, owner_id, query, matched=bool(rows))
    return [row[0] for row in rows]


async def fetch_one(
    conn: Connection, resource: Resource, owner_id: int, row_id: int, as_of: int | datetime | None = None
) -> dict[str, Any] | None:
    """One row, of the present or as it was, as a dictionary (jsonb values as raw fragments), or None."""
    selection = Selection(QueryShape(), [owner_id])
    if as_of is not None:
        selection = await _in_the_past(conn, selection, as_of)
    statement = statements.one(resource.entity, selection.shape)
    row = await conn.fetchrow(statement.sql, *statement.arguments([*selection.values, row_id]))
    if row and resource is EVENTS:
        return {**row, changes.NAME: await changes.of_one(conn, owner_id, row)}
    return dict(row) if row else None
