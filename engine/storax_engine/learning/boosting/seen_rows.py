"""The rows of a join that some rows of the population see, one behind the other, with what is left of the target."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from storax_engine.learning.plan import Join
from storax_engine.learning.tables.columns import Floats, Ints
from storax_engine.learning.tables.frame import TIME_STAMP, Frame
from storax_engine.learning.tables.index import Index, References, references, slice_rows, widths

MOST = 500_000
"""Rows of one join that one round looks at; one that several rows of the population see counts each time.

A row of the population that sees more is not drawn."""


@dataclass
class Seen:
    """Points are different (key, time) of the drawn rows; point ``i`` sees the rows ``[lo[i], hi[i])``.

    ``places`` are the rows' own in the index, ``point`` says who sees them, and ``ages`` are beyond the horizon.
    ``weights`` and ``targets``: how many rows of the population a point stands for, and the sum of their targets.
    """

    index: Index
    places: Ints
    point: Ints
    lo: Ints
    hi: Ints
    moments: Floats
    ages: Floats
    weights: Floats
    targets: Floats

    def values(self, column: str | None) -> Floats:
        """Return a column in units of its deviation, of a time stamp the time since it; without a column the ages."""
        if column is None:
            return self.ages
        values = self.index.column(column)[self.places]
        if self.index.frame.columns[column].kind == TIME_STAMP:
            moments = self.moments[self.point]
            values = np.where(values <= moments, moments - values, np.nan)
        known = values[np.isfinite(values)]
        spread = float(np.std(known)) if len(known) else 0.0
        return values / spread if spread > 0 else values

    def left(self) -> Floats:
        """Return for each row the mean target of who sees it, less that of all."""
        mean = self.targets.sum() / max(self.weights.sum(), 1.0)
        left: Floats = (self.targets / self.weights - mean)[self.point]
        return left


class Drawn:
    """Draws from one join."""

    def __init__(self, join: Join, left: Frame, index: Index) -> None:
        self.join, self.index = join, index
        self._points = references(left, join, index)

    def draw(self, rows: Ints, targets: Floats, order: np.random.Generator, tick: Callable[[], None]) -> Seen | None:
        """Return what these rows of the population see, of so many of their points as fit; None if there are none."""
        tick()
        groups = self._points.groups[rows]
        rows, groups = rows[groups >= 0], groups[groups >= 0]
        which, at = np.unique(groups, return_inverse=True)
        points = References(groups, self._points.keys[which], self._points.moments[which])
        drawn, sizes = order.permutation(len(which)), widths(points, self.join, self.index)
        drawn = drawn[sizes[drawn] <= MOST]
        n = int(np.searchsorted(np.cumsum(sizes[drawn]), MOST, side="right"))
        some = np.sort(drawn[:n])
        if not n:
            return None
        few = References(groups, points.keys[some], points.moments[some])
        copy, point = slice_rows(few, self.join, self.index, (0.0, self.join.memory)).copied(np.arange(n))
        places = np.arange(len(point)) if copy.rows is None else copy.rows
        timed = self.join.time_stamps is not None
        ages = few.moments[point] - self.join.horizon - copy.times if timed else np.zeros(len(point))
        weights = np.bincount(at, minlength=len(which))[some].astype(np.float64)
        sums = np.bincount(at, targets[rows], minlength=len(which))[some].astype(np.float64)
        return Seen(self.index, places, point, copy.lo, copy.hi, few.moments, ages, weights, sums)
