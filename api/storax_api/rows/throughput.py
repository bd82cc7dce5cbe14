"""Jobs created and ended by time, and their states: one answer for the page and Python."""

from datetime import UTC, datetime
from typing import Any

from fastapi import Request, Response
from pydantic import TypeAdapter

from storax_api.documents import document
from storax_api.requests.body import parse_as, validate
from storax_api.requests.parameters import Who, only, query_connection, service_of
from storax_api.requests.plain_route import PlainRouter
from storax_api.schemas import JobFlow
from storax_api.service import json
from storax_core.errors import Invalid
from storax_core.queries.activity.throughput import throughput, window
from storax_core.resources import JOBS
from storax_core.resources.types import BigId

router = PlainRouter(prefix="/api/v1/jobs", tags=["jobs"])
SITES: TypeAdapter[list[int]] = TypeAdapter(list[BigId])


@router.post("/throughput", **document(JOBS, "throughput"))
async def job_throughput(request: Request, who: Who) -> Response:
    """Numbers by time, from counts that are kept: the answer takes as long for a million jobs as for one."""
    only(request)
    ask = parse_as(JobFlow, await service_of(request).body(request))
    span, sites = window(ask.since, ask.until, ask.step_sec, datetime.now(UTC)), _sites(ask)
    async with query_connection(request, who, by_filter=False) as conn:
        return json((await throughput(conn, who.owner_id, span, sites))._asdict())


def _sites(ask: JobFlow) -> list[int] | None:
    """Return the sites whose jobs count; None: all. Raises Invalid for filters that the counts do not know."""
    unknown: set[str] = {name for part in (ask.filter, *ask.exclude) for name in part} - {"site_id"}
    if unknown or ask.exclude:
        raise Invalid(
            f"jobs are counted by time only by site_id, not by {min(unknown, default='exclude')}",
            hint="Name a site, or count jobs of a creation_date with POST /api/v1/jobs/counts.",
        )
    value: Any = ask.filter.get("site_id")
    return None if value is None else validate(SITES, value if isinstance(value, list) else [value])
