"""The page of the timeline."""

from dataclasses import dataclass, field
from typing import Any, get_args

from fastapi import APIRouter, Request, Response

from storax_api.errors import status_of
from storax_api.requests.parameters import choice
from storax_api.web.frame.live import published
from storax_api.web.frame.reads import Reads, reads_of
from storax_api.web.frame.respond import Live, live_page, page
from storax_api.web.frame.viewer import Reader
from storax_api.web.timeline import chart
from storax_api.web.timeline.scope import HOURS, Scope, scope_of
from storax_core.errors import Conflict, Invalid
from storax_core.queries.activity import reads as activity
from storax_core.queries.activity.runs import runs as runs_of
from storax_core.resources import APPS

router = APIRouter()
EVERY_SEC = 15
FIELD = {"allocation": "batch_job_id", "app": "app_id", "job": "job_id"}
GAPS_SHOWN = 10


@dataclass(frozen=True)
class Shown:
    """What the page shows; ``runs`` are there where they are few enough for a bar each."""

    scope: Scope
    chart: chart.Chart
    runs: list[dict[str, Any]] = field(default_factory=list)
    gaps: list[Any] = field(default_factory=list)
    labels: dict[int, str] = field(default_factory=dict)
    many: bool = False


@router.get("/timeline")
async def timeline(request: Request, viewer: Reader) -> Response:
    """Show it; what is wrong with a filter is said on the page."""
    after = await published(request)
    context: dict[str, Any] = {"problem": None, "shown": None, "by": "allocation", "lanes": list(FIELD), "hours": HOURS}
    try:
        by: activity.Lane = choice(request, "by", "allocation", *get_args(activity.Lane))  # type: ignore[assignment]
        async with reads_of(request, viewer) as reads:
            shown = await _read(request, reads, by)
    except (Conflict, Invalid) as error:
        return page(request, "timeline/timeline.html", context | {"problem": error}, status=status_of(error))
    context |= {"shown": shown, "by": by, "bars": activity.MOST_BARS, "most_lanes": activity.MOST_LANES}
    if not shown.scope.follows:
        return page(request, "timeline/timeline.html", context)
    return live_page(request, "timeline/timeline.html", context, changes=Live(after, ("job",), every_sec=EVERY_SEC))


async def _read(request: Request, reads: Reads, by: activity.Lane) -> Shown:
    scope = await scope_of(request, reads, "by")
    window = scope.window
    ran = await runs_of(reads.conn, reads.caller.owner_id, window, by=by, most=activity.MOST_BARS)
    runs = ran.runs
    if ran.more:
        drawn = chart.of_levels(ran.lanes, window)
        return Shown(scope, drawn, labels=await _labels(reads, by, drawn), many=True)
    drawn = chart.of_runs(runs, FIELD[by], window)
    idle = chart.gaps(runs, window)[:GAPS_SHOWN] if runs else []
    return Shown(scope, drawn, runs, idle, await _labels(reads, by, drawn))


async def _labels(reads: Reads, by: str, drawn: chart.Chart) -> dict[int, str]:
    keys = {lane.key for lane in drawn.lanes}
    if by == "app":
        return await reads.names(APPS, keys)
    return {key: f"{'BatchJob' if by == 'allocation' else 'job'} {key}" if key else "no BatchJob" for key in keys}
