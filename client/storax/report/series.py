"""Jobs over time: how many were in each group of states, and how many ended, in equal parts of the time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from storax.models.job_rules import FINAL, RUNNABLE
from storax.report.histories import RUN_ENDS, RUNNING, History

PARTS = 96
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
FINISHED, FAILED, CANCELLED = FINAL
# From the bottom of the chart to its top: the legend's text, by the name of its colour in the style sheet.
GROUPS = {
    "good": "finished", "bad": "failed", "stopped": "cancelled", "running": "running", "warning": "after a run",
    "ready": "runnable", "waiting": "waiting",
}  # fmt: skip
_GROUP_OF = {
    FINISHED: "good", FAILED: "bad", CANCELLED: "stopped", RUNNING: "running",
    **dict.fromkeys((*RUN_ENDS, "POSTPROCESSED", "STAGED_OUT"), "warning"),
    **dict.fromkeys(RUNNABLE, "ready"),
}  # fmt: skip
Series = dict[str, list[int]]


@dataclass(frozen=True)
class Bins:
    """Equal parts of a span of time."""

    begin: datetime
    step: timedelta
    number: int

    @classmethod
    def of(cls, first: datetime, last: datetime) -> "Bins":
        """Return at most ``PARTS`` parts of a round length that cover both times."""
        span = (last - first).total_seconds()
        step = next((s for s in _STEPS if span / s < PARTS - 1), None) or 86400 * (int(span / 86400 / (PARTS - 1)) + 1)
        seconds = int(first.timestamp()) // step * step
        begin = datetime.fromtimestamp(seconds, UTC)
        return cls(begin, timedelta(seconds=step), int((last - begin).total_seconds()) // step + 1)

    @property
    def end(self) -> datetime:
        """The end of the last part."""
        return self.begin + self.step * self.number

    def index(self, time: datetime) -> int:
        """Return the part of a time; one outside counts for the nearest part."""
        return max(0, min(int((time - self.begin) / self.step), self.number - 1))


def states_over_time(histories: Iterable[History], bins: Bins) -> Series:
    """Return the number of jobs in each group of states at the end of each part; groups without any are left out."""
    changes = {group: [0] * bins.number for group in GROUPS}
    for history in histories:
        before, place = None, 0
        for time, state in history.moves:
            # Times of the log may go back by a little; its order counts.
            place, group = max(place, bins.index(time)), _GROUP_OF.get(state, "waiting")
            changes[group][place] += 1
            if before is not None:
                changes[before][place] -= 1
            before = group
    series = {group: list(accumulate(values)) for group, values in changes.items()}
    return {group: values for group, values in series.items() if any(values)}


def ended_over_time(histories: Iterable[History], bins: Bins) -> Series:
    """Return how many times a job ended in each part, by the group of the state in which it did."""
    counts = {_GROUP_OF[state]: [0] * bins.number for state in FINAL}
    for history in histories:
        for time, state in history.moves:
            if state in FINAL:
                counts[_GROUP_OF[state]][bins.index(time)] += 1
    return {group: values for group, values in counts.items() if any(values)}
