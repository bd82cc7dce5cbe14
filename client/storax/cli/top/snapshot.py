"""What `storax top` shows, as it is at one moment: each part is one request or two, whatever the number of jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from storax.cli.job.durations import add_durations
from storax.cli.terminal.listing import named
from storax.cli.terminal.select import RECENT, Selection
from storax.client import current_client

if TYPE_CHECKING:
    from storax.models.job import JobQuery

MOST_RUNNING = 200  # jobs whose runs are measured: those that have not changed for longest
MOST_GROUPS = 1000
MOST_SITES = 1000
WINDOWS = {"last minute": timedelta(minutes=1), "last 10 min": timedelta(minutes=10)}
MOVES = {"started": "RUNNING", "finished": "JOB_FINISHED", "failed": "FAILED"}
Row = dict[str, Any]


class Chosen(NamedTuple):
    """Which jobs are shown: as a user wrote it, and as filters of jobs and events. The names are looked up once."""

    text: str
    filters: Mapping[str, Any]

    @classmethod
    def of(cls, selection: Selection) -> "Chosen":
        """Make it of a selection by tags and sites.

        Raises:
            CommandError: There is no such site; the message names the nearest.
        """
        return cls(str(selection), selection.filters())


@dataclass(frozen=True)
class Snapshot:
    """The chosen jobs, and their sites.

    Attributes:
        chosen: Which jobs.
        time: When it was read, by the server's clock.
        states: Number of jobs by state.
        rates: By the name of a window of ``WINDOWS``: runs that started, jobs that finished and failed, per minute.
        running: Rows of running jobs with ``duration``, the longest run first.
        failures: Groups of the failures of the last day as rows, the one that grew last first.
        sites: Rows of sites with the number of jobs ``running``, in the order of their names.
    """

    chosen: Chosen
    time: datetime
    states: Mapping[str, int]
    rates: Mapping[str, Mapping[str, float]]
    running: Sequence[Row]
    failures: Sequence[Row]
    sites: Sequence[Row]


def read(chosen: Chosen) -> Snapshot:
    """Read it from the server.

    Raises:
        Unavailable: The server cannot answer now.
    """
    from storax._runtime.reply import time_of
    from storax.models.job import Job

    jobs = Job.objects.filter(**chosen.filters)
    counts = jobs.counts("state")
    # The server's: its events and the last contacts of agents are by that clock, which may differ from this one.
    now = time_of(current_client().get_transport().last_date) or datetime.now(UTC)
    rates = {name: _rates(chosen, now, length) for name, length in WINDOWS.items()}
    return Snapshot(chosen, now, counts, rates, _running(jobs, now), _failures(jobs, now), _sites(chosen, jobs))


def _rates(chosen: Chosen, now: datetime, length: timedelta) -> dict[str, float]:
    """Count the changes of state of the last minutes; a run that was reported late counts when it was reported."""
    from storax.models.event_log import EventLog

    events = EventLog.objects.filter(entity="job", to_state=list(MOVES.values()), timestamp_after=now - length)
    counts = events.filter(**chosen.filters).counts("to_state")
    return {name: counts.get(state, 0) / (length / timedelta(minutes=1)) for name, state in MOVES.items()}


def _running(jobs: "JobQuery", now: datetime) -> list[Row]:
    query: Any = jobs.filter(state="RUNNING").order_by("last_update")[:MOST_RUNNING]
    rows: list[Row] = query.values("id", "state", "attempt", "app_id", "site_id", "workdir")
    add_durations(named(rows, ("app", "site")), now=now)
    return sorted(rows, key=lambda row: row["duration"] or timedelta(), reverse=True)


def _failures(jobs: "JobQuery", now: datetime) -> list[Row]:
    groups = jobs.filter(last_update_after=now - RECENT).failures(limit=MOST_GROUPS)
    rows = [group._asdict() for group in groups]
    return named(sorted(rows, key=lambda row: row["last"], reverse=True), ("app",))


def _sites(chosen: Chosen, jobs: "JobQuery") -> list[Row]:
    from storax.models.site import Site

    ids = chosen.filters.get("site_id")
    query: Any = Site.objects.filter(id=ids) if ids else Site.objects.all()
    rows: list[Row] = query.order_by("name")[:MOST_SITES].values("id", "name", "last_refresh")
    running = jobs.filter(state="RUNNING").counts("site_id")
    return [row | {"running": running.get(row["id"], 0)} for row in rows]
