"""The log, newest first. It grows at its top, each event once, whatever happened to the connection."""

from typing import Any

from fastapi import APIRouter, Request, Response

from storax_api.errors import status_of
from storax_api.web.events import changes, tail, then
from storax_api.web.frame.filters import UrlQuery
from storax_api.web.frame.live import published
from storax_api.web.frame.reads import Reads, Rows, reads_of
from storax_api.web.frame.respond import page
from storax_api.web.frame.viewer import Reader
from storax_core.errors import Conflict, CoreError, Invalid, TooLarge
from storax_core.resources import BY_ENTITY, EVENTS

router = APIRouter()
for part in (tail.router, then.router, changes.router):
    router.include_router(part)
PAGE_ROWS = 50
OFFERED = ("type", "entity", "entity_id", "job_id", "site_id", "tags", "to_state", "actor", "timestamp_after",
           "timestamp_before")  # fmt: skip


@router.get("/events")
async def events(request: Request, viewer: Reader) -> Response:
    """Show the events that match the URL; what is wrong with a filter is said on the page."""
    view, end = UrlQuery.of(request, EVENTS), await published(request)
    rows, problem = Rows([], None, None), None
    try:
        async with reads_of(request, viewer) as reads:
            rows = await _read(reads, view, end)
    except (Conflict, Invalid, TooLarge) as error:
        problem = error
    context = _context(view, rows, problem)
    if problem is None and tail.is_followed(view):
        context |= {"live": tail.stream(view, end), "live_trigger": "", "tail": tail.first(view, end, len(rows.rows))}
    return page(request, "events/list.html", context, status=status_of(problem) if problem else 200)


async def _read(reads: Reads, view: UrlQuery, end: int) -> Rows:
    query = view.query(limit=PAGE_ROWS, ordering=tail.NEWEST_FIRST)
    if tail.is_followed(view):  # behind this end an event may still come before one that is there
        query = query.model_copy(update={"filter": {**query.filter, "position__lte": end}})
    return await reads.page(EVENTS, query)


def _context(view: UrlQuery, rows: Rows, problem: CoreError | None) -> dict[str, Any]:
    return {
        "view": view, "rows": rows, "problem": problem, "tail": None, "offered": OFFERED,
        "entities": sorted(BY_ENTITY.keys() - {EVENTS.entity}), "tab": "events",
        "others": [(name, value) for name, value in view.pairs if name not in (*OFFERED, "cursor", "fields")],
    }  # fmt: skip
