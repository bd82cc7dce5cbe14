"""How fast jobs ran in a window of time: the numbers of the page Metrics."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter

from storax_api.documents import SPREAD, document
from storax_api.requests.body import parse_as, validate
from storax_api.requests.parameters import Who, only, service_of
from storax_api.schemas import JobMetrics
from storax_api.service import json
from storax_core.errors import Invalid
from storax_core.queries.activity.metrics import metrics
from storax_core.queries.activity.window import MOST_LENGTH, Window, in_bounds
from storax_core.resources import JOBS
from storax_core.resources.types import BigId, Tags

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])
HOURS = 24
IDS: TypeAdapter[list[int]] = TypeAdapter(list[BigId])
TAGS: TypeAdapter[dict[str, str]] = TypeAdapter(Tags)
FILTERS = ("site_id", "app_id", "tags")


@router.post("/metrics", **document(JOBS, "metrics"))
async def job_metrics(request: Request, who: Who) -> Response:
    """Run times by App, waits and other stages by state, ends, and nodes in use and allocated, as the page has them."""
    only(request)
    window = _window(parse_as(JobMetrics, await service_of(request).body(request)), datetime.now(UTC))
    await service_of(request).queue_for_query(request, who)
    async with service_of(request).db.owner(who.owner_id, by_filter=True) as conn:
        answer = (await metrics(conn, who.owner_id, window))._asdict()
    named = {name: list(map(_named, answer[name])) for name in ("run_times", "waits", "stages")}
    return json(answer | named)


def _window(ask: JobMetrics, now: datetime) -> Window:
    for name, moment in (("since", ask.since), ("until", ask.until)):
        if moment:
            in_bounds(name, moment)
    until = ask.until or now
    since = ask.since or until - timedelta(hours=HOURS)
    if not timedelta(0) < until - since <= MOST_LENGTH:
        raise Invalid(
            f"the window from {since.isoformat()} to {until.isoformat()} cannot be measured",
            hint=f"until is to be later than since, by {MOST_LENGTH.days} days at most.",
        )
    unknown = {name for part in (ask.filter, *ask.exclude) for name in part} - {*FILTERS}
    if unknown or ask.exclude:
        raise Invalid(
            f"jobs are measured only by site_id, app_id and tags, not by {min(unknown, default='exclude')}",
            hint="Name sites, Apps or tags.",
        )
    tags = validate(TAGS, ask.filter.get("tags", {}))
    return Window(since, until, _ids(ask.filter, "site_id"), _ids(ask.filter, "app_id"), tags)


def _ids(filters: dict[str, Any], name: str) -> list[int] | None:
    value = filters.get(name)
    return None if value is None else validate(IDS, value if isinstance(value, list) else [value])


def _named(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of durations with a name for each of its six numbers."""
    of = {name: value for name, value in row.items() if name != "spread"}
    return of | dict(zip(SPREAD, row["spread"], strict=True))
