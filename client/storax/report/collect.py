"""Read what a report says, all at one position of the log, a bounded number of rows at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from storax._runtime import progress
from storax._runtime.json import dumps
from storax.errors import DoesNotExist
from storax.report.histories import AT_ONCE, History, read_histories
from storax.report.series import FAILED, Bins, Series, ended_over_time, states_over_time
from storax.report.statistics import AppRuns, ListedJob, SlowJob, Summary, by_app, slowest, summarize

if TYPE_CHECKING:
    from storax._jobs.over_time.failure_groups import FailureGroup
    from storax.client import Client

MOST_GROUPS = 50


@dataclass(frozen=True)
class Provenance:
    """Where the numbers come from.

    ``position`` is that of the log, ``time`` that of its event; ``read_at`` is when it was read.
    """

    server: str
    version: str
    user: str
    position: int
    time: datetime
    read_at: datetime
    command: str


@dataclass(frozen=True)
class Report:
    """What a report says.

    Attributes:
        summary: All jobs together.
        matching: Number of jobs that match, of which the newest are in the report.
        bins: The parts of the time of both series.
        states: Jobs in each group of states at the end of each part.
        ended: Ends of jobs in each part, by group.
        failures: Failed jobs by what went wrong, as the server groups them.
        slowest: The jobs with the longest runs.
        apps: The runs of each App.
        app_names: Names of Apps by id.
        provenance: Where the numbers come from.
    """

    summary: Summary
    matching: int
    bins: Bins
    states: Series
    ended: Series
    failures: "Sequence[FailureGroup]"
    slowest: Sequence[SlowJob]
    apps: Sequence[AppRuns]
    app_names: Mapping[int, str]
    provenance: Provenance

    @property
    def ungrouped(self) -> int:
        """How many failed jobs are in no group: there are too many groups, or they have changed since."""
        return max(0, self.summary.states.get(FAILED, 0) - sum(group.jobs for group in self.failures))


def collect(query: Any, *, limit: int, command: str) -> Report:
    """Read the report of the jobs of a query; see `storax.report.read`."""
    query._plan.require_whole("reported", "Use limit=, which keeps the newest jobs.")
    read_at, client = datetime.now(UTC), query._home()
    position, time = _position(client, query._plan.as_of)
    query = query if query._plan.as_of is None else query.as_of(position)
    jobs = _jobs(query, limit)
    histories = _histories(client, jobs, position)
    matching = query.count() if len(jobs) == limit else len(histories)
    jobs = [job for job in jobs if job.id in histories]  # the others were created behind the position
    if not jobs:
        raise DoesNotExist("No job matches.")
    summary = summarize(histories)
    bins, apps = Bins.of(summary.first, summary.last), by_app(jobs, histories)
    return Report(
        summary=summary,
        matching=matching,
        bins=bins,
        states=states_over_time(histories.values(), bins),
        ended=ended_over_time(histories.values(), bins),
        failures=_failures(query, jobs, summary, time),
        slowest=slowest(jobs, histories),
        apps=apps,
        app_names=_app_names(client, {job.app_id for job in jobs}),
        provenance=_provenance(client, position, time, read_at, command or _call(query)),
    )


def _position(client: "Client", as_of: int | str | None) -> tuple[int, datetime]:
    """Return the position of the last event until ``as_of``, by default of the log, and its time."""
    from storax.models.event_log import EventLog

    events: Any = EventLog.objects.using(client).order_by("-position")
    if isinstance(as_of, int):
        events = events.filter(position__lte=as_of)
    elif as_of is not None:
        events = events.filter(timestamp_before=datetime.fromisoformat(as_of) + timedelta(microseconds=1))
    last = events.first()
    if last is None:
        raise DoesNotExist("No job matches: the log has no event until then.")
    return last.position, last.timestamp


def _jobs(query: Any, limit: int) -> list[ListedJob]:
    """Return the newest jobs of a query."""
    rows = query.order_by("-id")[:limit].values_list("id", "app_id", "workdir", "tags")
    return [ListedJob(number, app_id, workdir, tags or {}) for number, app_id, workdir, tags in rows]


def _histories(client: "Client", jobs: Sequence[ListedJob], position: int) -> dict[int, History]:
    from storax.models.event_log import EventLog
    from storax.models.job import Job

    if not jobs:
        return {}
    # The server answers this once every event up to the position is final, so that none of them can come later.
    Job.objects.using(client).as_of(position).filter(id=jobs[0].id).count()
    visible = progress.shown() and len(jobs) > AT_ONCE
    with progress.counted("Reading jobs", len(jobs), visible) as bar:
        return read_histories(EventLog.objects.using(client), [job.id for job in jobs], position, bar.update)


def _failures(query: Any, jobs: Sequence[ListedJob], summary: Summary, time: datetime) -> "list[FailureGroup]":
    """Group the failed jobs by what went wrong; the server knows the groups of the present alone."""
    if not summary.states.get(FAILED):
        return []
    present = query._derive(replace(query._plan, as_of=None))
    covered = present.filter(
        id__gt=min(job.id for job in jobs) - 1,
        id__lt=max(job.id for job in jobs) + 1,
        last_update_after=summary.first - timedelta(seconds=1),  # without it, the last 7 days alone count
        last_update_before=time + timedelta(microseconds=1),
    )
    groups: list[FailureGroup] = covered.failures(limit=MOST_GROUPS)
    return groups


def _app_names(client: "Client", ids: set[int]) -> dict[int, str]:
    from storax.models.job import App

    apps: Any = App.objects.using(client)
    return dict(apps.filter(id=sorted(ids)).values_list("id", "name"))


def _provenance(client: "Client", position: int, time: datetime, read_at: datetime, command: str) -> Provenance:
    user = str(client.request("GET", "/auth/me")["username"])
    return Provenance(without_secrets(client.url), version("storax"), user, position, time, read_at, command)


def without_secrets(url: str) -> str:
    """Return the address of a server without user name, password, query and fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _call(query: Any) -> str:
    """Return the call of a report that Python made, with the filters as REST takes them."""
    return f"storax.report.read(...) of jobs with {dumps(query._plan.reading).decode()}"
