"""What ran when in a window."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

LaneBy = Literal["job", "app", "allocation"]


class Run(NamedTuple):
    """One run of a job, clipped to the window.

    ``batch_job_id`` is that of the job now; None: no BatchJob. ``nodes`` counts shared nodes by their shares.
    ``outcome`` is the state behind it, None while it lasts. ``began_before``: it began before the window.
    """

    job_id: int
    app_id: int
    site_id: int
    batch_job_id: int | None
    nodes: float
    outcome: str | None
    began_before: bool
    started: datetime
    ended: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Run":
        """Return a run of an answer."""
        times = {name: datetime.fromisoformat(row[name]) for name in ("started", "ended")}
        return cls(**{name: row[name] for name in cls._fields} | times)


class Lane(NamedTuple):
    """How many runs of one job, App or allocation there were at once, on average in each part of the window.

    ``key`` is the id of the job, App or BatchJob, 0 for jobs without a BatchJob; ``number`` counts its runs.
    """

    key: int
    number: int
    levels: list[float]


class Runs(NamedTuple):
    """The newest runs that touch a window. Where there are ``more``, ``lanes`` has the 40 busiest lanes of all of them.

    ``times`` are the begins of equal parts of the window; the ``levels`` of a lane have a number for each.
    """

    since: datetime
    until: datetime
    runs: list[Run]
    more: bool
    times: list[datetime]
    lanes: list[Lane]

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "Runs":
        """Return what an answer says."""
        since, until = (datetime.fromisoformat(answer[name]) for name in ("since", "until"))
        parts = round((until - since).total_seconds() / answer["step_sec"])  # one may be shorter than a microsecond
        times = [since + (until - since) * place / parts for place in range(parts)]
        lanes = [Lane(row["lane"], row["number"], row["levels"]) for row in answer["lanes"]]
        return cls(since, until, list(map(Run.of, answer["runs"])), answer["more"], times, lanes)
