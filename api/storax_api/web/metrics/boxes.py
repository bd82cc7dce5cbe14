"""Box plots of durations: a line from the shortest to the longest, a box of the quartiles, on a logarithmic axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Any

WIDTH, LEFT, LINE, TOP, BOTTOM = 1000.0, 170.0, 30, 6, 22
# Of the axis, by seconds; what is shorter or longer stands at its edge.
TICKS = {
    0.01: "10 ms", 0.1: "0.1 s", 1.0: "1 s", 10.0: "10 s", 60.0: "1 min", 600.0: "10 min", 3600.0: "1 h",
    36_000.0: "10 h", 259_200.0: "3 d", 2_592_000.0: "30 d",
}  # fmt: skip
Row = dict[str, Any]


@dataclass(frozen=True)
class Box:
    """One line of the plot: the places of minimum, quartiles, 95 % and maximum, and the durations in seconds."""

    label: str
    number: int
    y: float
    places: tuple[float, ...]
    seconds: tuple[float, ...]


@dataclass(frozen=True)
class Plot:
    """All lines, and the ticks of their axis."""

    boxes: list[Box]
    ticks: list[tuple[float, str]]

    @property
    def height(self) -> float:
        """Return its height in units of the picture."""
        return TOP + LINE * len(self.boxes) + BOTTOM


def plot(rows: Sequence[Row], labels: Sequence[str]) -> Plot:
    """Draw rows with a ``spread`` of six durations."""
    if not rows:
        return Plot([], [])
    shortest, longest = min(row["spread"][0] for row in rows), max(row["spread"][-1] for row in rows)
    low = max((tick for tick in TICKS if tick <= shortest), default=min(TICKS))
    high = min((tick for tick in TICKS if tick >= longest and tick > low), default=max(TICKS))

    def place(seconds: float) -> float:
        share = log(max(low, seconds) / low) / log(high / low)
        return round(LEFT + (WIDTH - LEFT) * min(1.0, share), 1)

    boxes = [
        Box(label, row["number"], TOP + LINE * n, tuple(map(place, row["spread"])), tuple(row["spread"]))
        for n, (row, label) in enumerate(zip(rows, labels, strict=True))
    ]
    return Plot(boxes, [(place(tick), TICKS[tick]) for tick in TICKS if low <= tick <= high])
