"""What pages read: the queries of the REST routes, in process, with the same rights, bounds and errors."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from fastapi import Request

from storax_api.identity import scope
from storax_api.requests.parameters import service_of
from storax_api.rows.existing import existing_row
from storax_api.service import Caller
from storax_api.web.frame.viewer import Viewer
from storax_core.database.connections import Connection
from storax_core.queries import select
from storax_core.resources import Resource

Row = dict[str, Any]


@dataclass(frozen=True)
class Rows:
    """A page of rows as a client of REST gets them: plain JSON values, times as text."""

    rows: list[Row]
    next: str | None
    count: int | None


@dataclass(frozen=True)
class Reads:
    """The reads of one viewer over one connection."""

    request: Request
    caller: Caller
    conn: Connection

    async def page(self, resource: Resource, query: select.Query, *, held: bool = True) -> Rows:
        """Return a page of what matches. ``held``: its memory counts until the answer has been read."""
        query = scope.narrow(self.caller, resource, query)
        page = await select.fetch_page(self.conn, resource, self.caller.owner_id, query)
        if held:
            service_of(self.request).memory.of(self.request.scope).add(page.size)
        rows = _plain([dict(zip(page.columns, row, strict=True)) for row in page.rows])
        return Rows(rows, page.next, page.count)

    async def count(self, resource: Resource, query: select.Query) -> int:
        """Return how many match."""
        query = scope.narrow(self.caller, resource, query)
        return await select.count(self.conn, resource, self.caller.owner_id, query)

    async def counts(self, resource: Resource, by: str, query: select.Query | None = None) -> dict[str, int]:
        """Return how many match by the values of one field."""
        query = query or select.Query()
        return await select.counts(self.conn, resource, self.caller.owner_id, by, query)

    async def one(self, resource: Resource, wanted: int, as_of: int | datetime | None = None) -> Row:
        """Return one row. Raises NotFound."""
        row: Row = _plain(await existing_row(self.conn, resource, self.caller.owner_id, wanted, as_of))
        return row

    async def names(self, resource: Resource, ids: Collection[int]) -> dict[int, str]:
        """Return the names of things by id: of Apps and sites that a table of jobs names."""
        if not ids:
            return {}
        query = select.Query(filter={"id": sorted(ids)}, fields=["id", "name"], limit=len(ids))
        return {row["id"]: row["name"] for row in (await self.page(resource, query)).rows}


def _plain(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


@asynccontextmanager
async def reads_of(request: Request, viewer: Viewer) -> AsyncIterator[Reads]:
    """Lend a connection that sees the viewer's rows."""
    async with service_of(request).db.owner(viewer.caller.owner_id, by_filter=True) as conn:
        yield Reads(request, viewer.caller, conn)
