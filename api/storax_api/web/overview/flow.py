"""The curves of the start page: jobs that have not ended by state, and jobs created and ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from storax_api.web.frame.states import look_of
from storax_core.lifecycle.states import JOB_DONE
from storax_core.queries.activity.throughput import Throughput

LABELS = {"waiting": "waiting", "ready": "can start", "running": "running", "warning": "after a failed run"}
Series = tuple[str, str, Sequence[int]]  # name, tone, values


@dataclass(frozen=True)
class Flow:
    """Two groups of series over the same times; ``totals`` are the sums of the second one."""

    times: list[datetime]
    step: timedelta
    states: list[Series]
    moves: list[Series]
    partial: bool

    @property
    def totals(self) -> list[tuple[str, int]]:
        """Return how many jobs were created, finished, failed and cancelled in the window."""
        return [(name, sum(values)) for name, _, values in self.moves]

    @property
    def had_jobs(self) -> bool:
        """Whether any job had not ended at some time."""
        return any(any(values) for _, _, values in self.states)


def flow_of(counted: Throughput) -> Flow:
    """Return the curves of these counts."""
    times = [counted.since + timedelta(seconds=counted.step_sec * place) for place in range(len(counted.created))]
    ends: list[Series] = [(name, look_of(state).tone, counted.ended[state]) for state, name in ENDS.items()]
    moves: list[Series] = [("created", "running", counted.created), *ends]
    return Flow(times, timedelta(seconds=counted.step_sec), _under_way(counted), moves, counted.partial)


ENDS = dict(zip(map(str, JOB_DONE), ("finished", "failed", "cancelled"), strict=True))


def _under_way(counted: Throughput) -> list[Series]:
    """Return the numbers of jobs that have not ended, by the colours of their states."""
    numbers = {tone: [0] * len(counted.created) for tone in LABELS}
    for state, values in counted.states.items():
        if state not in ENDS:
            tone = look_of(state).tone
            numbers[tone] = [sum(pair) for pair in zip(numbers[tone], values, strict=True)]
    return [(LABELS[tone], tone, values) for tone, values in numbers.items()]
