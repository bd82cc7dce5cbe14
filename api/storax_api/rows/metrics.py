"""How fast jobs ran in a window of time: the numbers of the page Metrics."""

from datetime import UTC, datetime
from typing import Any

from fastapi import Request, Response

from storax_api.documents import SPREAD, document
from storax_api.requests.body import parse_as
from storax_api.requests.parameters import Who, only, query_connection, service_of
from storax_api.requests.plain_route import PlainRouter
from storax_api.rows.window import window_of
from storax_api.schemas import JobMetrics
from storax_api.service import json
from storax_core.queries.activity.metrics import metrics
from storax_core.resources import JOBS

router = PlainRouter(prefix="/api/v1/jobs", tags=["jobs"])


@router.post("/metrics", **document(JOBS, "metrics"))
async def job_metrics(request: Request, who: Who) -> Response:
    """Run times by App, waits and other stages by state, ends, and nodes in use and allocated, as the page has them."""
    only(request)
    window = window_of(parse_as(JobMetrics, await service_of(request).body(request)), datetime.now(UTC))
    async with query_connection(request, who) as conn:
        answer = (await metrics(conn, who.owner_id, window))._asdict()
    named = {name: list(map(_named, answer[name])) for name in ("run_times", "waits", "stages")}
    return json(answer | named)


def _named(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of durations with a name for each of its six numbers."""
    of = {name: value for name, value in row.items() if name != "spread"}
    return of | dict(zip(SPREAD, row["spread"], strict=True))
