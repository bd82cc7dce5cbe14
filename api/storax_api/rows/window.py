"""The window of time that a request names, and the jobs that count in it."""

from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from storax_api.requests.body import validate
from storax_api.schemas import JobMetrics
from storax_core.errors import Invalid
from storax_core.queries.activity.window import MOST_LENGTH, Window, in_bounds
from storax_core.resources.types import BigId, Tags

HOURS = 24
IDS: TypeAdapter[list[int]] = TypeAdapter(list[BigId])
TAGS: TypeAdapter[dict[str, str]] = TypeAdapter(Tags)
FILTERS = ("site_id", "app_id", "tags")


def window_of(ask: JobMetrics, now: datetime) -> Window:
    """Return the window of a request and its jobs. Raises Invalid for other filters, and a window that is too long."""
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
