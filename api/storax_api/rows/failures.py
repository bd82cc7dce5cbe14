"""Failures grouped by what went wrong: one answer for the page, the command line and Python."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import Request, Response

from storax_api.documents import document
from storax_api.requests.body import parse_as
from storax_api.requests.parameters import Who, only, query_connection, service_of
from storax_api.requests.plain_route import PlainRouter
from storax_api.schemas import FailureGroups
from storax_api.service import json
from storax_core.errors import Invalid
from storax_core.queries import select
from storax_core.resources import JOBS

router = PlainRouter(prefix="/api/v1/jobs", tags=["jobs"])
DAYS = 7
SINCE, STATE = "last_update_after", "FAILED"


def failed(query: select.Query, now: datetime) -> select.Query:
    """Return the query of the FAILED jobs among those that match, bounded in time. Raises Invalid for other states."""
    if query.as_of is not None:
        raise Invalid("failures are grouped as they are now", hint="Leave as_of out; bound them by last_update_before.")
    states = query.filter.get("state", STATE)
    if STATE not in (states if isinstance(states, list) else [states]):
        raise Invalid(f"only jobs in state {STATE} are grouped", hint="Leave the state out.")
    since = query.filter.get(SINCE) or (now - timedelta(days=DAYS)).isoformat(timespec="seconds")
    return query.model_copy(update={"filter": {**query.filter, "state": STATE, SINCE: since}})


@router.post("/failures", **document(JOBS, "failures"))
async def failures(request: Request, who: Who) -> Response:
    """Groups of App, exit code and last line of the error; a group's three values are filters of jobs."""
    only(request)
    ask = parse_as(FailureGroups, await service_of(request).body(request))
    query = failed(select.Query(filter=ask.filter, exclude=ask.exclude, limit=ask.limit), datetime.now(UTC))
    async with query_connection(request, who, by_filter=False) as conn:
        answer: dict[str, Any] = await select.failures(conn, who.owner_id, query)
    return json({**answer, "since": query.filter[SINCE]})
