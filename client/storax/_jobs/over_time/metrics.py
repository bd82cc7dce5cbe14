"""How long jobs ran, waited and were in each state in a window."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple


class Durations(NamedTuple):
    """How long something took, in seconds: the shortest, the quartiles, 95 %, the longest, and how many there were."""

    number: int
    min: float
    lower_quartile: float
    median: float
    upper_quartile: float
    p95: float
    max: float

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Durations":
        """Return those of a row of an answer."""
        return cls(**{name: row[name] for name in cls._fields})


class Metrics(NamedTuple):
    """How fast jobs ran in a window, as the page Metrics shows it.

    ``run_times`` are the durations of runs that began in it and have ended, by id of the App, the most frequent first,
    30 at most. ``waits`` are those of states in which a job could start, ``stages`` those of every other state.
    ``times`` are the begins of equal parts of the window, and these have a number for each: ``ended``, jobs by the
    state in which they ended; ``used`` and ``allocated``, nodes on which jobs ran, and nodes of BatchJobs, on average.
    """

    since: datetime
    until: datetime
    run_times: dict[int, Durations]
    waits: dict[str, Durations]
    stages: dict[str, Durations]
    times: list[datetime]
    ended: dict[str, list[int]]
    used: list[float]
    allocated: list[float]

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "Metrics":
        """Return what an answer says."""
        since, until = (datetime.fromisoformat(answer[name]) for name in ("since", "until"))
        step = timedelta(seconds=answer["step_sec"])
        times = [since + step * place for place in range(len(answer["used"]))]
        waits, stages = (_by(answer[name], "state") for name in ("waits", "stages"))
        series = {name: answer[name] for name in ("ended", "used", "allocated")}
        return cls(since, until, _by(answer["run_times"], "app_id"), waits, stages, times, **series)

    @property
    def utilisation(self) -> float | None:
        """Return the share of the allocated nodes on which jobs ran; None where none were allocated."""
        allocated = sum(self.allocated)
        return sum(self.used) / allocated if allocated else None


def _by(rows: Sequence[Mapping[str, Any]], key: str) -> dict[Any, Durations]:
    return {row[key]: Durations.of(row) for row in rows}
