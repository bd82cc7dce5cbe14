"""The stages of jobs: the times that they spent in each state, from their events, as the web page draws them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from storax._events.site_time import moment
from storax.models.job_rules import FINAL

AT_ONCE = 1000  # jobs asked for in one request
Change = tuple[int, str, datetime, dict[str, Any] | None]  # job, new state, time of the event, its data


@dataclass(frozen=True)
class Stage:
    """A time of a job in one state.

    Attributes:
        job_id: The job.
        state: The state: the name of the stage.
        attempt: Number of the run that it belongs to; 0 before the first one.
        begin: When it began.
        end: When it ended; None while it lasts.
        outcome: The state after it; None while it lasts.
    """

    job_id: int
    state: str
    attempt: int
    begin: datetime
    end: datetime | None = None
    outcome: str | None = None

    def duration(self, now: datetime) -> timedelta:
        """Return how long it lasted, or has lasted until now."""
        return max(timedelta(), (self.end or now) - self.begin)


def stages_of(ids: Sequence[int]) -> dict[int, list[Stage]]:
    """Return the stages of jobs in the order of their times, from one query of the log for every thousand jobs."""
    by_job: dict[int, list[Stage]] = {number: [] for number in ids}
    for stage in stages(_changes(ids)):
        by_job[stage.job_id].append(stage)
    return by_job


def stages(changes: Iterable[Change]) -> Iterator[Stage]:
    """Yield stages as they end, and those that last at the end; changes are in the order of the log, jobs mixed.

    Final states are none, and states of no duration are left out, but for runs.
    """
    present: dict[int, tuple[str, int, datetime]] = {}
    for job_id, state, timestamp, data in changes:
        _, attempt, earlier = present.get(job_id, ("", 0, timestamp))
        at = moment(timestamp, data)
        at = max(at, earlier) if job_id in present else at
        if job_id in present:
            yield from _stage(job_id, *present[job_id], at, state)
        present[job_id] = (state, attempt + (state == "RUNNING"), at)
    for job_id, (state, attempt, begin) in present.items():
        yield from _stage(job_id, state, attempt, begin, None, None)


def _stage(
    job_id: int, state: str, attempt: int, begin: datetime, end: datetime | None, outcome: str | None
) -> Iterator[Stage]:
    if state not in FINAL and (begin != end or state == "RUNNING"):
        yield Stage(job_id, state, attempt, begin, end, outcome)


def _changes(ids: Sequence[int]) -> Iterator[Change]:
    from storax.models.event_log import EventLog

    for first in range(0, len(ids), AT_ONCE):
        query = EventLog.objects.filter(job_id=ids[first : first + AT_ONCE], to_state__isnull=False)
        yield from query.order_by("position").values_list("entity_id", "to_state", "timestamp", "data")
