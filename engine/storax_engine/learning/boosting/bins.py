"""Columns that conditions may be on, in bins: numbers and ages between limits, the most frequent categories."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from storax_engine.learning.features import fastprop
from storax_engine.learning.features.feature import WHOLE
from storax_engine.learning.features.filters import ABOVE, IN, UP_TO, Filter, narrowed
from storax_engine.learning.plan import Join
from storax_engine.learning.tables.columns import Floats, Ints, lookup
from storax_engine.learning.tables.frame import CATEGORICAL, NUMERICAL, TARGET, Column
from storax_engine.learning.tables.index import Index, Window

LOOKED_AT = 100_000  # values whose quantiles are the limits
APART = 1e-9  # relative; values closer than that are not told apart, as SQL may round them otherwise
_ROUND = ((864_000.0, 86_400.0), (86_400.0, 3600.0), (3600.0, 60.0), (0.0, 1.0))  # from this age on, in these steps

Places = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Conditions:
    """What a row must meet: filters of its columns, and the window of its age."""

    where: tuple[Filter, ...] = ()
    window: Window = WHOLE


@dataclass(frozen=True)
class Bins:
    """A column in bins.

    ``rows``: the bin of each row of the index, -1 for none; None for the age, which depends on who sees the row.
    ``limits`` lie between the bins of numbers and ages; ``categories`` are the bins of a category.
    """

    column: str | None
    rows: Places | None
    limits: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """The number of bins."""
        return len(self.categories) or len(self.limits) + 1

    def of_ages(self, ages: Floats) -> Places:
        """Return the bins of ages beyond the horizon."""
        return np.asarray(np.searchsorted(np.asarray(self.limits), ages, side="right"), np.int16)

    def narrow(self, so_far: Conditions, last: bool, kept: Ints) -> Conditions:
        """Return the conditions with that of a split, which keeps these bins: the ``last`` ones, or the first."""
        if self.categories:
            names = tuple(sorted(self.categories[k] for k in kept))
            return Conditions(narrowed(so_far.where, Filter(self.column or "", IN, categories=names)), so_far.window)
        limit = self.limits[int(kept.min()) - 1] if last else self.limits[int(kept.max())]
        if self.column is not None:
            more = Filter(self.column, ABOVE if last else UP_TO, limit)
            return Conditions(narrowed(so_far.where, more), so_far.window)
        begin, end = so_far.window
        window = (max(begin, limit), end) if last else (begin, limit if end is None else min(end, limit))
        return Conditions(so_far.where, window)


def columns(join: Join, index: Index, ages: Floats, most: int) -> Iterator[Bins]:
    """Yield the columns of a join in at most so many bins, the age first; one that never varies is left out.

    Args:
        join: see ``FastProp`` for which of its columns are used.
        index: its rows.
        ages: beyond the horizon, of some rows that are seen.
        most: how many bins.
    """
    if join.time_stamps:
        yield from _of_ages(ages, most)
    for column in fastprop.inputs(join, index.frame):
        if column.kind == CATEGORICAL:
            bins = _category(index, column, most)
        elif column.kind in {NUMERICAL, TARGET}:
            bins = _number(index, column, most)
        else:
            continue
        if bins.n > 1:
            yield bins


def _number(index: Index, column: Column, most: int) -> Bins:
    values = index.column(column.name)
    limits = _limits(values[np.isfinite(values)], most)
    places = np.searchsorted(np.asarray(limits), values, side="left")
    return Bins(column.name, np.where(np.isnan(values), -1, places).astype(np.int16), limits)


def _category(index: Index, column: Column, most: int) -> Bins:
    categories = fastprop.most_frequent(index.frame, column.name, most)
    codes, values = index.frame.coded(column.name)
    places = np.append(lookup(values, pa.array(categories, pa.string())), -1)  # the last is that of code -1: null
    return Bins(column.name, places[codes[index.order]].astype(np.int16), categories=tuple(categories))


def _limits(values: Floats, most: int) -> tuple[float, ...]:
    """Return short numbers that divide the values into parts of about the same size, none of them one of the values."""
    some = np.sort(values[:: max(1, len(values) // LOOKED_AT)])
    different = np.unique(some)
    if len(different) > most:
        size = len(some) / most
        at = [(int((k - 0.25) * size), int((k + 0.25) * size)) for k in range(1, most)]
        near = [_between(float(some[low]), float(some[high])) for low, high in at]
    else:
        near = [float(value) for value in different[:-1]]
    limits = set()
    for limit in near:
        place = int(np.searchsorted(different, limit, side="right"))
        if 0 < place < len(different):
            below, above = float(different[place - 1]), float(different[place])
            least = APART * max(abs(below), abs(above))
            if above - below > 2 * least:
                low, high = below + least, above - least
                limits.add(limit if low < limit < high else _between(low, high))
    return tuple(sorted(limits))


def _between(low: float, high: float) -> float:
    """Return a number between two, ``low`` included, with few digits."""
    middle = low + (high - low) / 2
    for digits in range(1, 17):
        short = float(f"{middle:.{digits}g}")
        if low < short < high:
            return short
    return middle if low < middle < high else low


def _of_ages(ages: Floats, most: int) -> Iterator[Bins]:
    """Yield bins of about the same number of rows, and smaller ones of the newest: what is recent often counts."""
    some = np.sort(ages[:: max(1, len(ages) // LOOKED_AT)])
    if not len(some):
        return
    even = np.arange(1, most) / most
    shares = np.sort(np.concatenate([even[::2], np.geomspace(0.002, 0.5, max(1, len(even[1::2])))]))
    limits = sorted({_rounded(float(some[int(share * len(some))])) for share in shares} - {0.0})
    if limits and limits[0] <= some[-1]:
        yield Bins(None, None, tuple(limits))


def _rounded(age: float) -> float:
    step = next(step for least, step in _ROUND if age >= least)
    return round(age / step) * step
