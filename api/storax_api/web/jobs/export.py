"""The jobs that match as CSV or NDJSON, page by page: the memory of it does not grow with their number."""

import csv
import io
from collections.abc import AsyncIterator, Callable, Sequence

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from storax_api.web.frame.filters import UrlQuery
from storax_api.web.frame.reads import Row, Rows, reads_of
from storax_api.web.frame.viewer import SignedIn, Viewer
from storax_core.queries.select import Query
from storax_core.resources import JOBS

router = APIRouter()
AT_ONCE = 1_000  # rows of a piece
Write = Callable[[Sequence[Row], bool], bytes]


@router.get("/jobs/export.csv")
async def export_csv(request: Request, viewer: SignedIn) -> StreamingResponse:
    """All fields as columns; lists and objects as JSON."""
    return await _stream(request, viewer, _csv, "text/csv; charset=utf-8", "jobs.csv")


@router.get("/jobs/export.ndjson")
async def export_ndjson(request: Request, viewer: SignedIn) -> StreamingResponse:
    """One JSON object a line, as REST answers it."""
    return await _stream(request, viewer, _ndjson, "application/x-ndjson", "jobs.ndjson")


async def _stream(request: Request, viewer: Viewer, write: Write, media_type: str, name: str) -> StreamingResponse:
    view = UrlQuery.of(request, JOBS)
    query = view.query(ordering="id").model_copy(update={"limit": AT_ONCE, "cursor": None})
    page = await _page(request, viewer, query)  # what is wrong with the filter is said before the answer begins
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(_pieces(request, viewer, query, page, write), media_type=media_type, headers=headers)


async def _page(request: Request, viewer: Viewer, query: Query) -> Rows:
    async with reads_of(request, viewer) as reads:
        return await reads.page(JOBS, query, held=False)


async def _pieces(request: Request, viewer: Viewer, query: Query, page: Rows, write: Write) -> AsyncIterator[bytes]:
    yield write(page.rows, True)
    while page.next is not None:
        page = await _page(request, viewer, query.model_copy(update={"cursor": page.next}))
        yield write(page.rows, False)


def _csv(rows: Sequence[Row], first: bool) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    if first:
        writer.writerow(JOBS.visible)
    writer.writerows([_cell(row[name]) for name in JOBS.visible] for row in rows)
    return text.getvalue().encode()


def _cell(value: object) -> object:
    return orjson.dumps(value).decode() if isinstance(value, (dict, list)) else value


def _ndjson(rows: Sequence[Row], _: bool) -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)
