"""Everything as it was: numbers and lists of jobs at an instant, by the same ``as_of`` as REST and Python."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response

from storax_api.errors import status_of
from storax_api.web.events.instants import Instant, instant_of
from storax_api.web.frame.filters import UrlQuery
from storax_api.web.frame.live import published
from storax_api.web.frame.reads import Reads, Rows, reads_of
from storax_api.web.frame.respond import page
from storax_api.web.frame.states import JOB_STATES
from storax_api.web.frame.times import parse
from storax_api.web.frame.viewer import Reader
from storax_core.errors import Conflict, CoreError, Invalid, TooLarge
from storax_core.queries.select import Query
from storax_core.resources import APPS, EVENTS, JOBS

router = APIRouter()
PAGE_ROWS = 50
FIELDS = ["id", "state", "app_id", "workdir", "tags", "attempt", "return_code", "last_update"]
STEPS = {
    "a day before": timedelta(days=-1), "an hour before": timedelta(hours=-1),
    "10 minutes before": timedelta(minutes=-10),
    "10 minutes later": timedelta(minutes=10), "an hour later": timedelta(hours=1), "a day later": timedelta(days=1),
}  # fmt: skip


@dataclass(frozen=True)
class Past:
    """The ends of the log, the instant, and the jobs then; or why there are none."""

    first: int = 0
    last: int = 0
    at: Instant | None = None
    counts: dict[str, int] = field(default_factory=dict)
    counts_now: dict[str, int] = field(default_factory=dict)
    rows: Rows = field(default_factory=lambda: Rows([], None, None))
    apps: dict[int, str] = field(default_factory=dict)
    problem: CoreError | None = None

    @property
    def states(self) -> list[str]:
        """Return the states of which there were jobs then, or are now, in the order of a job's life."""
        return [name for name in JOB_STATES if self.counts.get(name) or self.counts_now.get(name)]


@router.get("/events/then")
async def then(request: Request, viewer: Reader) -> Response:
    """Show the jobs that match the URL as they were at its ``as_of``; without one, at the end of the log."""
    view, end = UrlQuery.of(request, JOBS), await published(request)
    try:
        async with reads_of(request, viewer) as reads:
            past = await _read(reads, view, end)
    except (Conflict, Invalid, TooLarge) as error:
        past = Past(last=end, problem=error)
    context: dict[str, Any] = {
        "view": view, "past": past, "tab": "events/then", "steps": _steps(past),
        "conditions": [(name, value) for name, value in view.conditions if name != "as_of"],
    }  # fmt: skip
    return page(request, "events/then.html", context, status=status_of(past.problem) if past.problem else 200)


async def _read(reads: Reads, view: UrlQuery, end: int) -> Past:
    oldest = await reads.page(EVENTS, Query(ordering=["position"], limit=1, fields=["position"]))
    if not oldest.rows:
        return Past(last=end)
    at = await instant_of(reads, view.value("as_of"), end)
    query = view.query(limit=PAGE_ROWS, ordering="-id")
    query = query.model_copy(update={"as_of": at.position, "fields": FIELDS, "format": "objects"})
    rows = await reads.page(JOBS, query)
    counts = await reads.counts(JOBS, "state", Query(filter=query.filter, exclude=query.exclude, as_of=at.position))
    now = await reads.counts(JOBS, "state", Query(filter=query.filter, exclude=query.exclude))
    apps = await reads.names(APPS, {row["app_id"] for row in rows.rows})
    return Past(oldest.rows[0]["position"], end, at, counts, now, rows, apps)


def _steps(past: Past) -> list[tuple[str, str]]:
    """Return links to instants near this one that have been: a label and a time."""
    if past.at is None or past.at.time is None:
        return []
    moment, now = parse(past.at.time), datetime.now(UTC)
    near = {label: moment + step for label, step in STEPS.items()}
    return [(label, time.isoformat(timespec="seconds")) for label, time in near.items() if time <= now]
