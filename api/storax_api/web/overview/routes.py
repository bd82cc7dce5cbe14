"""The start page: jobs by state, failures of the last hour, sites, newest events. Every tile is bounded."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response

from storax_api.requests.parameters import choice, only
from storax_api.rows.failures import SINCE, failed
from storax_api.web.failures.routes import grouped
from storax_api.web.frame.live import published
from storax_api.web.frame.reads import Reads, Row, reads_of
from storax_api.web.frame.respond import Live, live_page
from storax_api.web.frame.sites import presence
from storax_api.web.frame.states import JOB_STATES, look_of
from storax_api.web.frame.viewer import Reader
from storax_api.web.overview.flow import flow_of
from storax_api.web.sites.reported import failures_of
from storax_api.web.views import saved
from storax_core.lifecycle.states import JOB_RUNNABLE, JobState
from storax_core.queries.activity.throughput import throughput, window
from storax_core.queries.select import Query
from storax_core.resources import EVENTS, JOBS, SITES

router = APIRouter()
FAILURES, EVENTS_SHOWN, SITES_SHOWN = 8, 12, 50
HOUR = timedelta(hours=1)
HOURS, DEFAULT_HOURS = (1, 6, 24, 168), 24  # of the curves
FIGURES: dict[str, list[str]] = {
    "running": [JobState.RUNNING],
    "can start": list(JOB_RUNNABLE),
    "finished": [JobState.JOB_FINISHED],
    "failed": [JobState.FAILED],
}


@router.get("/")
async def overview(request: Request, viewer: Reader) -> Response:
    """Show it."""
    only(request, "hours")
    hours = int(choice(request, "hours", *map(str, (DEFAULT_HOURS, *HOURS))))
    after, now = await published(request), datetime.now(UTC)
    async with reads_of(request, viewer) as reads:
        counts = await reads.counts(JOBS, "state")
        failures = await _failures(reads, now)
        sites = await reads.page(SITES, Query(ordering=["name"], limit=SITES_SHOWN))
        events = await reads.page(EVENTS, Query(ordering=["-position"], limit=EVENTS_SHOWN))
        views = await saved.views_of(reads)
        flow = await throughput(
            reads.conn, reads.caller.owner_id, window(now - timedelta(hours=hours), None, None, now)
        )
    context = {
        "flow": flow_of(flow), "hours": hours, "choices": HOURS,
        "counts": _in_order(counts), "figures": _figures(counts), "bar": _bar(counts),
        "total": sum(counts.values()), "failures": failures, "events": events.rows,
        "sites": [(site, presence(site, now), failures_of(site)) for site in sites.rows],
        "saved_views": views, "most_views": saved.SHOWN, "more_sites": sites.next is not None,
    }  # fmt: skip
    changes = Live(after, ("job", "site", "session", "saved_view"), every_sec=3)
    return live_page(request, "overview/overview.html", context, changes=changes)


async def _failures(reads: Reads, now: datetime) -> dict[str, Any]:
    since = (now - HOUR).isoformat(timespec="seconds")
    return await grouped(reads, [], failed(Query(filter={SINCE: since}, limit=FAILURES), now))


def _figures(counts: dict[str, int]) -> list[tuple[str, list[str], int]]:
    """Return what is told of the jobs first: a label, the states that it means, and their number."""
    return [(label, states, sum(counts.get(state, 0) for state in states)) for label, states in FIGURES.items()]


def _in_order(counts: dict[str, int]) -> list[tuple[str, int]]:
    """Return states and numbers in the order of a job's life; states of other releases last."""
    known = [(state, counts[state]) for state in JOB_STATES if counts.get(state)]
    return known + [(state, number) for state, number in counts.items() if state not in JOB_STATES]


def _bar(counts: dict[str, int]) -> list[Row]:
    """Return the parts of one bar of a width of 1000, one for each tone."""
    tones: dict[str, int] = {}
    for state, number in _in_order(counts):
        tone = look_of(state).tone
        tones[tone] = tones.get(tone, 0) + number
    total, x, parts = sum(tones.values()), 0.0, []
    for tone, number in tones.items():
        width = max(4.0, 1000 * number / total)
        parts.append({"tone": tone, "x": round(x, 1), "width": round(width, 1), "number": number})
        x += width
    return parts
