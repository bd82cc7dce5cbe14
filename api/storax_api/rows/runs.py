"""What ran when in a window of time: the runs of the page Timeline."""

from datetime import UTC, datetime

from fastapi import Request, Response

from storax_api.documents import document
from storax_api.requests.body import parse_as
from storax_api.requests.parameters import Who, only, query_connection, service_of
from storax_api.requests.plain_route import PlainRouter
from storax_api.rows.window import window_of
from storax_api.schemas import JobRuns
from storax_api.service import json
from storax_core.queries.activity.runs import runs
from storax_core.resources import JOBS

router = PlainRouter(prefix="/api/v1/jobs", tags=["jobs"])


@router.post("/runs", **document(JOBS, "runs"))
async def job_runs(request: Request, who: Who) -> Response:
    """The newest runs; of more, also how many there were at once in each part of the window, as the page has them."""
    only(request)
    ask = parse_as(JobRuns, await service_of(request).body(request))
    window = window_of(ask, datetime.now(UTC))
    async with query_connection(request, who) as conn:
        answer = await runs(conn, who.owner_id, window, by=ask.by, most=ask.limit)
    return json(answer._asdict())
