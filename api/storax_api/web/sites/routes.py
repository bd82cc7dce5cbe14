"""The list of sites, the page of one, and the list of allocations."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from storax_api.errors import status_of
from storax_api.requests.parameters import only, row_id
from storax_api.web.frame.filters import UrlQuery
from storax_api.web.frame.live import published
from storax_api.web.frame.reads import Reads, Row, Rows, reads_of
from storax_api.web.frame.respond import Live, live_page, page
from storax_api.web.frame.sites import presence
from storax_api.web.frame.viewer import Reader
from storax_api.web.sites.allocations import listed
from storax_api.web.sites.load import RUNNABLE, UNDER_WAY, load_of
from storax_api.web.sites.reported import failures_of, set_aside_of
from storax_core.errors import CoreError, Invalid, TooLarge
from storax_core.lifecycle.states import BatchJobState
from storax_core.queries.select import Query
from storax_core.resources import BATCH_JOBS, SITES

router = APIRouter()
PAGE_ROWS = 50
NEWEST_FIRST = "-id"
NEWEST = 10  # allocations on the pages of sites
OFFERED = ("state", "site_id", "queue", "project", "scheduler_id", "job_mode")
CHANGES = ("site", "session", "job", "batch_job")
EVERY_SEC = 3


@router.get("/sites")
async def sites(request: Request, viewer: Reader) -> Response:
    """Show the sites by name, what each has to do, what fails, and the newest allocations."""
    view = UrlQuery.of(request, SITES)
    after, now = await published(request), datetime.now(UTC)
    problem: CoreError | None = None
    rows = Rows([], None, None)
    async with reads_of(request, viewer) as reads:
        try:
            rows = await reads.page(SITES, view.query(limit=PAGE_ROWS, ordering="name"))
        except (Invalid, TooLarge) as error:
            problem = error
        load, allocations = await load_of(reads), await _allocations(reads, Query(ordering=["-id"], limit=NEWEST))
    shown = [(site, presence(site, now), failures_of(site), set_aside_of(site)) for site in rows.rows]
    context: dict[str, Any] = {
        "view": view, "problem": problem, "sites": shown, "rows": rows,
        "load": load, "runnable": RUNNABLE, "under_way": UNDER_WAY, "allocations": allocations,
    }  # fmt: skip
    if problem:
        return page(request, "sites/list.html", context, status=status_of(problem))
    return live_page(request, "sites/list.html", context, changes=Live(after, CHANGES, every_sec=EVERY_SEC))


@router.get("/sites/{id}")
async def site(request: Request, viewer: Reader, id: str) -> Response:  # noqa: A002
    """Show what one agent reported of itself, and the site's allocations."""
    only(request)
    wanted = row_id(id, SITES)
    after, now = await published(request), datetime.now(UTC)
    async with reads_of(request, viewer) as reads:
        row = await reads.one(SITES, wanted)
        load = await load_of(reads)
        newest = Query(filter={"site_id": wanted}, ordering=["-id"], limit=NEWEST)
        allocations = await _allocations(reads, newest)
    context = {
        "site": row, "presence": presence(row, now), "failures": failures_of(row), "set_aside": set_aside_of(row),
        "load": load, "runnable": RUNNABLE, "under_way": UNDER_WAY,
        "allocations": allocations,
    }  # fmt: skip
    return live_page(request, "sites/site.html", context, changes=Live(after, CHANGES, every_sec=EVERY_SEC))


@router.get("/allocations")
async def allocations(request: Request, viewer: Reader) -> Response:
    """Show the allocations that match the URL; what is wrong with a filter is said on the page."""
    view = UrlQuery.of(request, BATCH_JOBS)
    after = await published(request)
    context: dict[str, Any] = {
        "view": view, "problem": None, "ordering": view.value("ordering") or NEWEST_FIRST, "next": None,
        "states": list(map(str, BatchJobState)), "allocations": [], "offered": OFFERED,
        "others": [(name, value) for name, value in view.pairs if name not in (*OFFERED, "cursor", "fields")],
    }  # fmt: skip
    try:
        async with reads_of(request, viewer) as reads:
            rows = await reads.page(BATCH_JOBS, view.query(limit=PAGE_ROWS, ordering=NEWEST_FIRST))
            context |= {"allocations": await listed(reads, rows.rows), "next": rows.next}
    except (Invalid, TooLarge) as error:
        context["problem"] = error
        return page(request, "sites/allocations.html", context, status=status_of(error))
    return live_page(request, "sites/allocations.html", context, changes=Live(after, ("batch_job",)))


async def _allocations(reads: Reads, query: Query) -> list[Row]:
    return await listed(reads, (await reads.page(BATCH_JOBS, query)).rows)
