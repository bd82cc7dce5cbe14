"""The page of metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from storax_api.errors import status_of
from storax_api.web.frame.live import published
from storax_api.web.frame.reads import Reads, reads_of
from storax_api.web.frame.respond import Live, live_page, page
from storax_api.web.frame.viewer import Reader
from storax_api.web.metrics.boxes import Plot, plot
from storax_api.web.timeline.scope import HOURS, Scope, scope_of
from storax_core.errors import Conflict, Invalid
from storax_core.queries.activity.metrics import metrics as measure
from storax_core.resources import APPS

router = APIRouter()
EVERY_SEC = 30
Row = dict[str, Any]


@dataclass(frozen=True)
class Metrics:
    """What the page shows; a series has a value for each moment of ``times``."""

    scope: Scope
    times: list[datetime]
    ended: dict[str, list[int]]
    used: list[float]
    allocated: list[float]
    waits: Plot
    run_times: Plot
    stages: Plot

    @property
    def number(self) -> int:
        """Return how many jobs ended."""
        return sum(map(sum, self.ended.values()))

    @property
    def per_hour(self) -> float:
        """Return how many jobs finished in an hour, on average."""
        return sum(self.ended["JOB_FINISHED"]) / (self.scope.window.length.total_seconds() / 3600)

    @property
    def utilisation(self) -> float | None:
        """Return the share of the allocated nodes on which jobs ran; None where none were allocated."""
        allocated = sum(self.allocated)
        return sum(self.used) / allocated if allocated else None


@router.get("/metrics")
async def metrics(request: Request, viewer: Reader) -> Response:
    """Show it; what is wrong with a filter is said on the page."""
    after = await published(request)
    context: dict[str, Any] = {"problem": None, "shown": None, "hours": HOURS}
    try:
        async with reads_of(request, viewer) as reads:
            shown = await _read(request, reads)
    except (Conflict, Invalid) as error:
        return page(request, "metrics/metrics.html", context | {"problem": error}, status=status_of(error))
    context["shown"] = shown
    if not shown.scope.follows:
        return page(request, "metrics/metrics.html", context)
    return live_page(request, "metrics/metrics.html", context, changes=Live(after, ("job",), every_sec=EVERY_SEC))


async def _read(request: Request, reads: Reads) -> Metrics:
    scope = await scope_of(request, reads)
    measured = await measure(reads.conn, reads.caller.owner_id, scope.window)
    apps = await reads.names(APPS, {row["app_id"] for row in measured.run_times})
    return Metrics(
        scope,
        [scope.window.since + scope.step * place for place in range(len(measured.used))],
        measured.ended,
        measured.used,
        measured.allocated,
        _states(measured.waits),
        plot(measured.run_times, [apps.get(row["app_id"], str(row["app_id"])) for row in measured.run_times]),
        _states(measured.stages),
    )


def _states(rows: Sequence[Row]) -> Plot:
    return plot(rows, [row["state"] for row in rows])
