"""The numbers of a report: counts by state, run times, runs by App, the slowest jobs."""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from storax.report.histories import History

SLOWEST = 10


class ListedJob(NamedTuple):
    """What a report says of one job besides its history."""

    id: int
    app_id: int
    workdir: str
    tags: Mapping[str, str]


class AppRuns(NamedTuple):
    """The runs of one App that have ended; times in seconds."""

    app_id: int
    jobs: int
    runs: int
    median: float
    p95: float


class SlowJob(NamedTuple):
    """A job and the seconds of all its ended runs together."""

    job: ListedJob
    state: str
    runs: int
    seconds: float


@dataclass(frozen=True)
class Summary:
    """What all jobs come to; times in seconds, None where no run has ended."""

    jobs: int
    states: Mapping[str, int]
    first: datetime
    last: datetime
    attempts: int
    losses: int
    runs: int
    under_way: int
    total: float
    median: float | None


def summarize(histories: Mapping[int, History]) -> Summary:
    """Return the summary of at least one job."""
    every = list(histories.values())
    runs = [seconds for history in every for seconds in history.runs]
    counts = Counter(history.state for history in every)
    return Summary(
        jobs=len(every),
        states=dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        first=min(history.first for history in every),
        last=max(history.last for history in every),
        attempts=sum(history.attempts for history in every),
        losses=sum(history.losses for history in every),
        runs=len(runs),
        under_way=sum(history.begin is not None for history in every),
        total=math.fsum(runs),
        median=statistics.median(runs) if runs else None,
    )


def percentile(values: Sequence[float], part: float) -> float:
    """Return the smallest value that at least this part of all values does not exceed (nearest rank).

    Args:
        values: At least one, in any order.
        part: More than 0, at most 1; 0.95 for p95.
    """
    return sorted(values)[math.ceil(part * len(values)) - 1]


def by_app(jobs: Sequence[ListedJob], histories: Mapping[int, History]) -> list[AppRuns]:
    """Return the runs of each App that has any, the App with the longest time first."""
    runs, counts = defaultdict[int, list[float]](list), Counter[int]()
    for job in jobs:
        if seconds := histories[job.id].runs:
            runs[job.app_id] += seconds
            counts[job.app_id] += 1
    order = sorted(runs, key=lambda app_id: (-math.fsum(runs[app_id]), app_id))
    return [AppRuns(i, counts[i], len(runs[i]), statistics.median(runs[i]), percentile(runs[i], 0.95)) for i in order]


def slowest(jobs: Sequence[ListedJob], histories: Mapping[int, History], number: int = SLOWEST) -> list[SlowJob]:
    """Return the jobs whose runs took longest together, the slowest first."""
    all_jobs = [
        SlowJob(job, history.state, len(history.runs), math.fsum(history.runs))
        for job in jobs
        if (history := histories[job.id]).runs
    ]
    return sorted(all_jobs, key=lambda slow: (-slow.seconds, slow.job.id))[:number]
