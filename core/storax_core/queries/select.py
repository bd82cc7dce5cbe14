"""Reads: pages, counts, one row, and the ids of what a bulk command changes. Names come from declarations alone."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from operator import itemgetter
from typing import Any

from storax_core import limits
from storax_core.database.connections import Connection
from storax_core.errors import Invalid, TooLarge
from storax_core.queries import changes, filter_names, past, statements
from storax_core.queries.archive import archived, archived_events
from storax_core.queries.bounded import Part, fetch_bounded
from storax_core.queries.capacity import ANY_NUMBER, NodeSize, Where, held, nodes_filled
from storax_core.queries.filters import Log, QueryShape, Selection, selection_of
from storax_core.queries.ordering import Key, decode, encode, keys_of
from storax_core.queries.plans import is_counted
from storax_core.queries.query import Page, Query, columns_of, most_rows
from storax_core.resources import EVENTS, JOBS, Resource
from storax_core.suggest import nearest

__all__ = [
    "Page",
    "Query",
    "Where",
    "count",
    "counts",
    "failures",
    "fetch_one",
    "fetch_page",
    "fetch_rows",
    "footprint",
    "matching_ids",
]
MAX_LIMIT = limits.ROWS


async def fetch_page(
    conn: Connection, resource: Resource, owner_id: int, query: Query, *, size: int = limits.PAGE_BYTES
) -> Page:
    """One page of what matches, and its count where asked. Deep pages cost what the first costs, by cursor.

    It ends early, with a cursor, where its rows would have more than ``size`` bytes.
    """
    columns, keys = columns_of(resource, query.fields), keys_of(resource, query.ordering)
    if resource is EVENTS and query.limit and not query.count:
        return await _events_page(conn, owner_id, query, columns, keys, size)
    async with _selected(conn, resource, owner_id, query) as selection:
        total = await _count(conn, resource, owner_id, query, selection) if query.count else None
        if query.limit == 0:
            return Page(list(columns), [], None, total)
        part = await _part(conn, resource, query, selection, columns, keys, size)
        await _require_names(conn, resource, owner_id, query, matched=bool(part.rows))
    return _page(part, query, columns, keys, total)


def _page(part: Part, query: Query, columns: Sequence[str], keys: Sequence[Key], total: int | None = None) -> Page:
    rows, width = part.rows[: query.limit], len(columns)
    following = encode(keys, tuple(rows[-1])[-len(keys) :]) if part.cut or len(part.rows) > query.limit else None
    visible = list(map(itemgetter(slice(width)), rows))
    return Page(list(columns), visible, following, total, part.size)


async def _events_page(
    conn: Connection, owner_id: int, query: Query, columns: tuple[str, ...], keys: tuple[Key, ...], size: int
) -> Page:
    """A page of the log; where it may lack events that were archived meanwhile, one of log and archives."""
    selection = await _selection(conn, EVENTS, owner_id, query)
    part = await _part(conn, EVENTS, query, selection, columns, keys, size)
    page = _page(part, query, columns, keys)
    groups, least = [query.filter, *query.exclude], archived_events.FIRST
    if page.next and keys[0].name == "position" and keys[0].down:
        if changes.NAME not in columns and not archived_events.search_jobs(groups):
            return page  # an archive takes the oldest events of the log, so it lacks none of the newest
        least = int(tuple(part.rows[-1])[-len(keys)])
    if not await archived_events.are_needed(conn, selection, groups, down_to=least):
        return page
    async with _selected(
        conn, EVENTS, owner_id, query, in_parts=keys[0].name == "position" and not query.offset
    ) as whole:
        if whole.shape.log is Log.WHOLE:
            part = await _part(conn, EVENTS, query, whole, columns, keys, size)
        else:
            part = await _parts(conn, query, whole, columns, keys, size)
    return _page(part, query, columns, keys)


async def _parts(
    conn: Connection, query: Query, selection: Selection, columns: tuple[str, ...], keys: tuple[Key, ...], size: int
) -> Part:
    """As ``_part``, of the log and its archives, one after the other until the page is full."""
    whole = Part([], 0, cut=False)
    cursor = decode(query.cursor, keys) if query.cursor else ()
    async for log in archived_events.parts(conn, selection, keys, cursor):
        here = Selection(selection.shape._replace(log=log), selection.values)
        part = await _part(conn, EVENTS, query, here, columns, keys, max(1, size - whole.size), bare=True)
        whole.rows += part.rows[: query.limit + 1 - len(whole.rows)]
        whole.size, whole.cut = whole.size + part.size, part.cut
        if whole.cut or len(whole.rows) > query.limit:
            break
    if changes.NAME in columns and whole.rows:  # of all at once: what was before is looked up in each archive
        behind = Selection(selection.shape._replace(log=Log.STAGED), selection.values)
        return await changes.fill(conn, behind, whole, columns, size=size)
    return whole


async def _part(
    conn: Connection, resource: Resource, query: Query, selection: Selection, columns: tuple[str, ...],
    keys: tuple[Key, ...], size: int, *, bare: bool = False,
) -> Part:  # fmt: skip
    """The rows of a page and one more, each with its keys; of events their changes too, unless it is ``bare``."""
    values = [*selection.values, *(decode(query.cursor, keys) if query.cursor else ())]
    values += [query.offset] if query.offset else []
    filled = changes.NAME in columns and resource is EVENTS
    statement = statements.page(
        resource.entity, selection.shape, (*columns, *changes.NEEDED) if filled else columns, keys, query.limit + 1,
        cursor=bool(query.cursor), skips=bool(query.offset),
    )  # fmt: skip
    part = await fetch_bounded(
        conn, resource, statement.sql, statement.arguments(values), rows=most_rows(query) + 1, size=size
    )
    return await changes.fill(conn, selection, part, columns, size=size) if filled and part.rows and not bare else part


async def fetch_rows(conn: Connection, resource: Resource, owner_id: int, query: Query) -> list[dict[str, Any]]:
    """All rows that match, as dictionaries, page by page: for what is known to be few."""
    rows: list[dict[str, Any]] = []
    while True:
        page = await fetch_page(conn, resource, owner_id, query)
        rows += (dict(zip(page.columns, row, strict=True)) for row in page.rows)
        if page.next is None:
            return rows
        query = query.model_copy(update={"cursor": page.next})


@asynccontextmanager
async def _selected(
    conn: Connection, resource: Resource, owner_id: int, query: Query, *, in_parts: bool = False
) -> AsyncIterator[Selection]:
    """What a query selects, within a block in which all of it can be read, also what was archived.

    With ``in_parts`` archived events are staged later, one archive after the other.
    """
    if resource is not EVENTS and query.as_of is None:
        yield await _selection(conn, resource, owner_id, query)
        return
    await past.wait_until_final(conn, owner_id, query.as_of)
    async with archived.snapshot(conn):
        if resource is not EVENTS:
            selection = await _selection(conn, resource, owner_id, query)
            yield await past.staged(conn, resource, selection, past.ids_of(query.filter))
            return
        yield await _selected_events(conn, owner_id, query, in_parts=in_parts)


async def _selected_events(conn: Connection, owner_id: int, query: Query, *, in_parts: bool) -> Selection:
    selection = await _selection(conn, EVENTS, owner_id, query)
    groups = [query.filter, *query.exclude]
    if not await archived_events.are_needed(conn, selection, groups, down_to=archived_events.FIRST):
        return selection
    await conn.execute(archived.TABLE)
    filters, *exclude = await archived_events.by_jobs(conn, owner_id, groups)
    query = query.model_copy(update={"filter": filters, "exclude": exclude})
    selection = await _selection(conn, EVENTS, owner_id, query)
    if in_parts:
        return selection
    await archived_events.stage_all(conn, selection)
    return Selection(selection.shape._replace(log=Log.WHOLE), selection.values)


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


async def count(conn: Connection, resource: Resource, owner_id: int, query: Query) -> int:
    """How many match."""
    async with _selected(conn, resource, owner_id, query) as selection:
        return await _count(conn, resource, owner_id, query, selection)


async def _count(conn: Connection, resource: Resource, owner_id: int, query: Query, selection: Selection) -> int:
    build = statements.kept_counts if is_counted(resource, query) else statements.count
    statement = build(resource.entity, selection.shape)
    number = int(await conn.fetchval(statement.sql, *statement.arguments(selection.values)))
    await _require_names(conn, resource, owner_id, query, matched=number > 0)
    return number


async def counts(conn: Connection, resource: Resource, owner_id: int, by: str, query: Query) -> dict[str, int]:
    """How many match, by the values of one field."""
    _require_countable(resource, by)
    async with _selected(conn, resource, owner_id, query) as selection:
        if is_counted(resource, query, by):
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


async def failures(conn: Connection, owner_id: int, query: Query) -> dict[str, Any]:
    """FAILED jobs that match, grouped by App, exit code and last line of their error, the largest group first.

    The newest of them are examined, up to a bound; ``more`` says whether there are others.
    """
    selection = await _selection(conn, JOBS, owner_id, query)
    statement = statements.failures(JOBS.entity, selection.shape, MAX_LIMIT)
    rows = await conn.fetch(statement.sql, *statement.arguments(selection.values))
    await _require_names(conn, JOBS, owner_id, query, matched=bool(rows))
    number = sum(row["jobs"] for row in rows)
    return {"groups": list(map(dict, rows[: query.limit])), "jobs": number, "more": number == MAX_LIMIT}


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
    if as_of is None and (row := await _one(conn, resource, selection, row_id)) is not None:
        return row
    if as_of is None and resource is not EVENTS:
        return None
    await past.wait_until_final(conn, owner_id, as_of)
    async with archived.snapshot(conn):
        if as_of is not None:
            selection = await _in_the_past(conn, selection, as_of)
        selection = await past.staged(conn, resource, selection, [row_id])
        return await _one(conn, resource, selection, row_id)


async def _one(conn: Connection, resource: Resource, selection: Selection, row_id: int) -> dict[str, Any] | None:
    statement = statements.one(resource.entity, selection.shape)
    row = await conn.fetchrow(statement.sql, *statement.arguments([*selection.values, row_id]))
    if row and resource is EVENTS:
        changed = await changes.of_one(conn, selection, row)
        return None if changed is None else {**row, changes.NAME: changed}
    return dict(row) if row else None
