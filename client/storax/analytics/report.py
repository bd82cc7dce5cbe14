"""Report: a number over time, as two columns."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from html import escape
from itertools import accumulate, groupby, islice
from operator import itemgetter
from typing import Any

from storax._orm import notebook
from storax._orm.query import SHOWN
from storax._orm.to_frames import library

Change = tuple[datetime, int | Fraction]
"""An instant, and by how much the number changes then."""


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """A number over time: ``times, counts = report``.

    Attributes:
        times: Aware UTC times, each once, in their order.
        counts: The number from each time until the next one.
        unit: What is counted: ``jobs`` or ``nodes``. The name of the column.
        title: What it shows.
    """

    times: list[datetime]
    counts: list[int] | list[float]
    unit: str
    title: str

    @classmethod
    def of(cls, changes: Iterable[Change], *, unit: str, title: str, whole: bool = True) -> "Report":
        """Add up changes, in any order, from 0; ``whole``: the number is an int, else a float."""
        when = itemgetter(0)
        steps = [(at, sum(by for _, by in group)) for at, group in groupby(sorted(changes, key=when), when)]
        sums = accumulate(by for _, by in steps)
        return cls([at for at, _ in steps], [int(n) if whole else float(n) for n in sums], unit, title)

    def __iter__(self) -> Iterator[list[Any]]:
        return iter((self.times, self.counts))

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.times)

    @property
    def columns(self) -> dict[str, list[Any]]:
        """Return the columns by name: ``time`` and the unit."""
        return {"time": self.times, self.unit: list(self.counts)}

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame with the columns ``time`` and the unit; needs pandas."""
        pandas = library("pandas")
        numbers = pandas.Series(self.counts, dtype=None if self.counts else "int64")
        return pandas.DataFrame({"time": pandas.to_datetime(self.times, utc=True), self.unit: numbers})

    def plot(self, ax: Any = None) -> Any:
        """Draw it as steps, and return the axes.

        Args:
            ax: Axes of matplotlib to draw on; by default those of a new figure of ``matplotlib.pyplot``.

        Raises:
            StoraxError: matplotlib is not installed.
        """
        axes = library("matplotlib.pyplot", "matplotlib").subplots()[1] if ax is None else ax
        axes.step(self.times, self.counts, where="post", label=self.title)
        axes.set(xlabel="time (UTC)", ylabel=self.unit)
        return axes

    def __repr__(self) -> str:
        if not self.times:
            return f"Report({self.title!r}, empty)"
        first, last = (at.isoformat(timespec="seconds") for at in (self.times[0], self.times[-1]))
        number = f"{self.counts[-1]:,}" if isinstance(self.counts[-1], int) else f"{self.counts[-1]:g}"
        return f"Report({self.title!r}, {len(self):,} rows, {first} to {last}, last {number} {self.unit})"

    def _repr_html_(self) -> str:
        if not self.times:
            return f"<p>{escape(self.title)}: no rows.</p>"
        rows = [{"time": at, self.unit: count} for at, count in islice(zip(*self, strict=True), SHOWN)]
        return f"<p>{escape(self.title)}</p>{notebook.table('Report', rows, more=len(self) > SHOWN)}"
