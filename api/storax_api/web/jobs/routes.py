"""The list of jobs."""

from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request, Response

from storax_api.errors import status_of
from storax_api.web.frame.filters import UrlQuery
from storax_api.web.frame.live import published
from storax_api.web.frame.reads import Row, Rows, reads_of
from storax_api.web.frame.respond import Live, is_part, live_page, page
from storax_api.web.frame.viewer import Reader, Viewer
from storax_api.web.jobs import actions, columns, export
from storax_api.web.views import saved
from storax_core.errors import CoreError, Invalid, TooLarge
from storax_core.log.command_ids import new_command_id
from storax_core.resources import APPS, JOBS, SITES

router = APIRouter()
router.include_router(export.router)
router.include_router(actions.router)
PAGE_ROWS = 50
NEWEST_FIRST = "-id"
# Filters that the form offers; the URL takes every filter of REST.
OFFERED = ("state", "app_name", "site_name", "tags", "workdir__contains", "id", "creation_date_after",
           "creation_date_before", "last_update_after", "last_update_before", "attempt__gte",
           "return_code")  # fmt: skip


@dataclass(frozen=True)
class Listed:
    """What the list shows: its rows with the names of their Apps and sites, or why there are none."""

    rows: Rows = field(default_factory=lambda: Rows([], None, None))
    apps: dict[int, str] = field(default_factory=dict)
    sites: dict[int, str] = field(default_factory=dict)
    problem: CoreError | None = None


@router.get("/jobs")
async def jobs(request: Request, viewer: Reader) -> Response:
    """Show the jobs that match the URL; what is wrong with a filter is said on the page."""
    view = UrlQuery.of(request, JOBS, own=actions.OUTCOME)
    shown = columns.chosen(view.fields())
    after = await published(request)
    try:
        listed = await _read(request, viewer, view, shown)
    except (Invalid, TooLarge) as error:
        listed = Listed(problem=error)
    context: dict[str, Any] = {
        "view": view, "listed": listed, "columns": shown, "ordering": view.value("ordering") or NEWEST_FIRST,
        "all_columns": columns.COLUMNS.values(), "offered": OFFERED,
        "outcome": actions.outcome_of(request) or saved.outcome_of(request),
        "saved_views": await _saved(request, viewer, view), "most_views": saved.SHOWN,
        "view_query": saved.query_of(view), "key": str(new_command_id()),
        "others": [(name, value) for name, value in view.pairs if name not in (*OFFERED, "cursor", "fields")],
    }  # fmt: skip
    if listed.problem:
        return page(request, "jobs/list.html", context, status=status_of(listed.problem))
    return live_page(request, "jobs/list.html", context, changes=Live(after, ("job",)))


async def _read(request: Request, viewer: Viewer, view: UrlQuery, shown: list[columns.Column]) -> Listed:
    query = view.query(limit=PAGE_ROWS, ordering=NEWEST_FIRST)
    query = query.model_copy(update={"fields": columns.fields(shown), "format": "objects"})
    async with reads_of(request, viewer) as reads:
        rows = await reads.page(JOBS, query)
        apps = await reads.names(APPS, _ids(rows.rows, "app_id"))
        sites = await reads.names(SITES, _ids(rows.rows, "site_id"))
    return Listed(rows, apps, sites)


async def _saved(request: Request, viewer: Viewer, view: UrlQuery) -> list[saved.Saved]:
    """Return the viewer's views; they are no part of what the page asks for again."""
    if is_part(request):
        return []
    async with reads_of(request, viewer) as reads:
        return await saved.views_of(reads, view)


def _ids(rows: list[Row], name: str) -> set[int]:
    return {row[name] for row in rows if name in row}
