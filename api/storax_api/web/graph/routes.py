"""The page of a graph: of jobs that match filters (``tags=campaign:a``), or of those around one (``around=17``)."""

from typing import Any

from fastapi import APIRouter, Request, Response

from storax_api.errors import status_of
from storax_api.requests.parameters import row_id
from storax_api.web.frame.filters import UrlQuery
from storax_api.web.frame.live import published
from storax_api.web.frame.reads import Reads, reads_of
from storax_api.web.frame.respond import Live, live_page, page
from storax_api.web.frame.viewer import Reader
from storax_api.web.graph.nodes import MOST_NODES, graph_of
from storax_api.web.graph.reading import MOST_JOBS, MOST_STEPS, Jobs, around, matching
from storax_core.errors import Invalid, TooLarge
from storax_core.resources import JOBS

router = APIRouter()
OWN = ("around", "steps")  # parameters that are no filters of jobs
OFFERED = ("state", "app_name", "site_name", "tags", "id")


@router.get("/graph")
async def graph(request: Request, viewer: Reader) -> Response:
    """Show it; what is wrong with a filter is said on the page."""
    view = UrlQuery.of(request, JOBS, own=OWN)
    after, jobs, problem = await published(request), Jobs(), None
    try:
        async with reads_of(request, viewer) as reads:
            jobs = await _read(request, reads, view)
    except (Invalid, TooLarge) as error:
        problem = error
    context: dict[str, Any] = {
        "view": view, "jobs": jobs, "graph": graph_of(jobs), "problem": problem, "most_nodes": MOST_NODES,
        "most_jobs": MOST_JOBS, "around": request.query_params.get("around", ""), "most_steps": MOST_STEPS,
        "steps": request.query_params.get("steps", "2"),
        "others": [pair for pair in view.conditions if pair[0] not in OFFERED],
    }  # fmt: skip
    if problem:
        return page(request, "graph/graph.html", context, status=status_of(problem))
    return live_page(request, "graph/graph.html", context, changes=Live(after, ("job",), every_sec=5))


async def _read(request: Request, reads: Reads, view: UrlQuery) -> Jobs:
    center = request.query_params.get("around", "")
    if not center:
        return await matching(reads, view)
    if view.conditions:
        raise Invalid(
            f"around and {view.conditions[0][0]} do not go together",
            hint="Leave one of them out: around shows every job that is near, filters those that match.",
        )
    return await around(reads, row_id(center, JOBS), _steps(request.query_params.get("steps", "") or "2"))


def _steps(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= MOST_STEPS):
        raise Invalid(f"steps is {text[:40]!r}", hint=f"It takes a whole number from 1 to {MOST_STEPS}.")
    return int(text)
