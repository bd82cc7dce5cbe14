"""The history of each job, read from the log: its states, its runs, and how many runs were lost."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from storax._events.site_time import TRUSTED, site_time
from storax.models.job_rules import FINAL

AT_ONCE = 500  # jobs whose events are asked for in one request
RUNNING = "RUNNING"
RUN_ENDS = ("RUN_DONE", "RUN_ERROR", "RUN_TIMEOUT")
# A release that skips the stages after a run ends it with one of these.
_ENDS = (*RUN_ENDS, "RESTART_READY", *FINAL)


class Event(NamedTuple):
    """One event of a job, as the report reads it."""

    position: int
    job_id: int
    to_state: str | None
    timestamp: datetime


@dataclass(slots=True)
class History:
    """What one job went through, up to a position of the log.

    Attributes:
        first: Time of its first event.
        last: Time of its last event.
        moves: When it entered each state, in the order of the log.
        runs: Seconds of each run that has ended.
        begin: Start of the run that is under way, by the clocks of the site and of the log; None: there is none.
        attempts: Number of runs that have started.
        losses: Number of runs that were lost.
    """

    first: datetime
    last: datetime
    moves: list[tuple[datetime, str]] = field(default_factory=list)
    runs: list[float] = field(default_factory=list)
    begin: tuple[datetime | None, datetime] | None = None
    attempts: int = 0
    losses: int = 0

    @property
    def state(self) -> str:
        """Its last state."""
        return self.moves[-1][1] if self.moves else ""

    def add(self, event: Event, data: Mapping[str, Any]) -> None:
        """Go one event further; ``data`` is that of the event, where it starts or ends a run."""
        self.first, self.last = min(self.first, event.timestamp), max(self.last, event.timestamp)
        if event.to_state is None:
            return
        self.moves.append((event.timestamp, event.to_state))
        self.losses = max(self.losses, int(data.get("losses") or 0))
        at = site_time(data)
        if event.to_state == RUNNING:
            self.begin, self.attempts = (at, event.timestamp), self.attempts + 1
        elif self.begin is not None:  # whatever the state: a job may be forced out of RUNNING
            self.runs.append(_seconds(self.begin, (at, event.timestamp)))
            self.begin = None


def _seconds(begin: tuple[datetime | None, datetime], end: tuple[datetime | None, datetime]) -> float:
    """Return the time between two moments by the clock of the site, or by that of the log.

    The log's counts where a moment lacks the site's, and where the two are a week apart.
    """
    logged = end[1] - begin[1]
    span = end[0] - begin[0] if begin[0] and end[0] else logged
    return max((span if abs(span - logged) <= TRUSTED else logged).total_seconds(), 0.0)


def read_histories(
    events: Any, ids: Sequence[int], position: int, advance: Callable[[int], object]
) -> dict[int, History]:
    """Read the histories of jobs up to a position of the log, a bounded number of jobs at a time.

    Args:
        events: Query of all events.
        ids: The jobs.
        position: Last position that counts.
        advance: Called with the number of jobs that were read.
    """
    histories: dict[int, History] = {}
    for start in range(0, len(ids), AT_ONCE):
        chunk = list(ids[start : start + AT_ONCE])
        own = events.filter(job_id=chunk, position__lte=position).order_by("position")
        rows = own.values_list("position", "entity_id", "to_state", "timestamp")
        # Only these have a time of the site or a loss; the data of others may be large.
        data = dict(own.filter(to_state=[RUNNING, *_ENDS]).values_list("position", "data"))
        fold(histories, map(Event._make, rows), data)
        advance(len(chunk))
    return histories


def fold(histories: dict[int, History], events: Iterable[Event], data: Mapping[int, Mapping[str, Any] | None]) -> None:
    """Add events, in the order of the log, to the histories of their jobs; ``data`` is by position."""
    for event in events:
        history = histories.setdefault(event.job_id, History(event.timestamp, event.timestamp))
        history.add(event, data.get(event.position) or {})
