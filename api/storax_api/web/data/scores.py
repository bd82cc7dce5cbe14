"""The scores of a pipeline's fits, oldest first: a row for each, and a line for each measure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from storax_api.web.frame.reads import Row

FACTS = ("date_time", "set_used", "job_id")  # of a score, beside its measures
MOST_MEASURES, MOST_SCORES = 12, 200
WIDTH, HEIGHT = 200.0, 36.0


@dataclass(frozen=True)
class Score:
    """One score of one edition; ``values`` by measure."""

    edition: int
    pipeline_id: int
    date_time: str
    set_used: str
    job_id: Any
    values: dict[str, float]


@dataclass(frozen=True)
class Measure:
    """One measure over time: its first, best-known and last value, and a line for a picture."""

    name: str
    values: list[float]
    line: str

    @property
    def least(self) -> float:
        """Return its least value."""
        return min(self.values)

    @property
    def most(self) -> float:
        """Return its largest value."""
        return max(self.values)


def scores_of(pipelines: Sequence[Row]) -> list[Score]:
    """Return the newest scores of some editions, oldest first."""
    every = [
        Score(
            pipeline["edition"], pipeline["id"], str(entry.get("date_time", "")), str(entry.get("set_used", "")),
            entry.get("job_id"), dict(_numbers(entry, pipeline["targets"])),
        )
        for pipeline in pipelines
        for entry in pipeline["scores"]
        if isinstance(entry, dict)
    ]  # fmt: skip
    return sorted(every, key=lambda score: (score.date_time, score.edition))[-MOST_SCORES:]


def _numbers(entry: Row, targets: Sequence[Any]) -> Iterator[tuple[str, float]]:
    """Yield the numbers of an entry; of a list, one for each target."""
    for name, value in entry.items():
        if name in FACTS:
            continue
        for place, number in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(number, int | float) and not isinstance(number, bool):
                has_target = isinstance(value, list) and len(value) > 1 and place < len(targets)
                yield (f"{name} of {targets[place]}" if has_target else name), float(number)


def measures_of(scores: Sequence[Score]) -> list[Measure]:
    """Return what is measured, in the order in which it first came."""
    names = list(dict.fromkeys(name for score in scores for name in score.values))[:MOST_MEASURES]
    series = {name: [score.values[name] for score in scores if name in score.values] for name in names}
    return [Measure(name, values, _line(values)) for name, values in series.items()]


def _line(values: Sequence[float]) -> str:
    least, reach, last = min(values), (max(values) - min(values)) or 1.0, max(1, len(values) - 1)
    points = ((WIDTH * n / last, 3 + (HEIGHT - 6) * (1 - (value - least) / reach)) for n, value in enumerate(values))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
