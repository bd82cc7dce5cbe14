"""The page of one job."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from storax_api.requests.parameters import choice, only, row_id
from storax_api.web.frame.live import published
from storax_api.web.frame.reads import reads_of
from storax_api.web.frame.respond import Live, live_page
from storax_api.web.frame.viewer import Reader
from storax_api.web.job import output
from storax_api.web.job.explain import explain
from storax_api.web.job.facts import facts_of
from storax_api.web.job.timeline import timeline
from storax_api.web.jobs.actions import OUTCOME, outcome_of
from storax_core.resources import JOBS

router = APIRouter()
router.include_router(output.router)
VIEWS = ("compact", "full", "json")
RESOURCES = (
    "num_nodes", "ranks_per_node", "threads_per_rank", "threads_per_core", "gpus_per_rank", "mem_per_node_mb",
    "node_packing_count", "wall_time_min", "wall_time_limit_min", "priority", "max_attempts", "max_losses",
    "retry_delay_sec", "launch_params",
)  # fmt: skip


@router.get("/jobs/{id}")
async def job(request: Request, viewer: Reader, id: str) -> Response:  # noqa: A002
    """Show it."""
    only(request, "events", *OUTCOME)
    wanted, view = row_id(id, JOBS), choice(request, "events", *VIEWS)
    after, now = await published(request), datetime.now(UTC)
    async with reads_of(request, viewer) as reads:
        facts = await facts_of(reads, wanted)
    context = {
        "facts": facts, "job": facts.job, "sentences": list(explain(facts, now)), "resources": RESOURCES,
        "timeline": timeline(facts.events, now), "view": view, "views": VIEWS, "outcome": outcome_of(request),
        "fields": {name: JOBS.fields[name].description for name in RESOURCES},
    }  # fmt: skip
    changes = Live(after, ("job", "transfer_item"))
    return live_page(request, "job/job.html", context, changes=changes)
