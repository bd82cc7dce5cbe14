"""Jobs created, ended and in each state by time."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple


class Throughput(NamedTuple):
    """Jobs by time: ``times`` are the begins of equal parts of a window, and every other list has a number for each.

    ``created`` counts the jobs created in a part, ``ended`` by state those that ended in it; ``states`` has the number
    of jobs in each state at its end. ``partial``: the server has not counted all of it yet.
    """

    times: list[datetime]
    step_sec: int
    created: list[int]
    ended: dict[str, list[int]]
    states: dict[str, list[int]]
    partial: bool

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "Throughput":
        """Return what an answer says."""
        since, step = datetime.fromisoformat(answer["since"]), timedelta(seconds=answer["step_sec"])
        times = [since + step * place for place in range(len(answer["created"]))]
        return cls(times, **{name: answer[name] for name in cls._fields[1:]})

    @property
    def columns(self) -> dict[str, list[Any]]:
        """Return times, created and ended jobs as columns, as ``pandas.DataFrame`` takes them."""
        return {"time": self.times, "created": self.created, **self.ended}
