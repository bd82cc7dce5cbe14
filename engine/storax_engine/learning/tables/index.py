"""A right table sorted by (key, time), once, and the slices of it that a left table's rows may see."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from storax_engine.learning.errors import BadData
from storax_engine.learning.kernels import slices, sorting
from storax_engine.learning.kernels.parts import ROWS_AT_ONCE, in_parts
from storax_engine.learning.plan import Join
from storax_engine.learning.tables import keys
from storax_engine.learning.tables.columns import Floats, Ints
from storax_engine.learning.tables.frame import Frame
from storax_engine.learning.tables.keys import Keys


class Index:
    """The order of a frame's rows by key and time, and its columns in that order."""

    def __init__(self, frame: Frame, join: Join) -> None:
        self.frame = frame
        self.keys: Keys
        self.keys, coded = (
            keys.of(frame, tuple(right for _, right in join.on)) if join.on else (_ONE, np.zeros(frame.rows, np.int64))
        )
        self.timed = join.time_stamps is not None
        times = frame.seconds(join.time_stamps[1]) if join.time_stamps else np.zeros(frame.rows)
        self.order, self.starts = sorting.by_key(coded, ~np.isnan(times), self.keys.size)
        self.times: Floats = sorting.by_time(self.order, self.starts, times)
        self._sorted: dict[str, Floats] = {}

    @property
    def nbytes(self) -> int:
        """Bytes that would be freed with it."""
        arrays = (self.order, self.starts, self.times, *list(self._sorted.values()))
        return sum(int(array.nbytes) for array in arrays) + self.frame.nbytes

    def column(self, name: str) -> Floats:
        """A column's numbers in the order of the index."""
        if name not in self._sorted:
            self._sorted[name] = self.frame.numbers(name)[self.order]
        return self._sorted[name]


_ONE = Keys((), (), 1)
Window = tuple[float, float | None]


@dataclass
class References:
    """The different (key, time) of a left frame: each is looked up once, however many rows share it."""

    groups: Ints
    keys: Ints
    moments: Floats

    def part(self, part: slice) -> "References":
        """Return some of them; ``groups`` still count all."""
        return References(self.groups, self.keys[part], self.moments[part])

    def spread(self, source: Floats, out: Floats, *, first: int = 0) -> None:
        """Give each row of the left frame its group's value; ``source`` begins with that of group ``first``."""
        slices.spread(source, first, self.groups, out)


def references(frame: Frame, join: Join, index: Index) -> References:
    """The reference points of a left frame; rows with a null or unknown key, or without a time, have group -1."""
    groups = index.keys.find(frame, tuple(left for left, _ in join.on)) if join.on else np.zeros(frame.rows, np.int64)
    moments = frame.seconds(join.time_stamps[0]) if join.time_stamps else np.zeros(frame.rows)
    order, starts = sorting.by_key(groups, ~np.isnan(moments), index.keys.size)
    times = sorting.by_time(order, starts, moments)
    return References(*sorting.distinct(order, starts, times, frame.rows))


@dataclass
class Slices:
    """Rows seen by each reference point: ``[lo, hi)`` of the index, or of ``rows`` where that is given."""

    index: Index
    lo: Ints
    hi: Ints
    times: Floats
    rows: Ints | None = None

    def column(self, name: str) -> Floats:
        """A column's numbers as the slices count them."""
        values = self.index.column(name)
        return values if self.rows is None else values[self.rows]

    def only(self, kept: npt.NDArray[np.bool_]) -> "Slices":
        """Return the same slices without the rows that are not ``kept``, which has a place for each of the index."""
        own = kept if self.rows is None else kept[self.rows]
        places = np.flatnonzero(own)
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(own)])
        rows = places if self.rows is None else self.rows[places]
        return Slices(self.index, before[self.lo], before[self.hi], self.times[places], rows)

    def copied(self, which: Ints) -> tuple["Slices", Ints]:
        """Return some slices with rows of their own, one behind the other, and for each such row its slice's place.

        A row of several slices is there several times.
        """
        lo, width = self.lo[which], self.hi[which] - self.lo[which]
        ends = np.cumsum(width)
        rows = np.arange(width.sum()) + np.repeat(lo - (ends - width), width)
        of_index = rows if self.rows is None else self.rows[rows]
        copy = Slices(self.index, ends - width, ends, self.times[rows], of_index)
        return copy, np.repeat(np.arange(len(which)), width)


def slices_in_parts(
    points: References, join: Join, index: Index, window: Window, tick: Callable[[], None]
) -> Iterator[tuple[slice, Slices]]:
    """Yield what ``slice_rows`` returns, for parts of the points; in one part where there is no upper time stamp.

    With one each slice lists its rows, and those of a frequent key together are too many for memory.
    """
    sizes = np.ones(len(points.keys), np.int64)
    if join.upper_time_stamp is not None:
        lo, hi = _within(points, join, index, window)
        sizes = hi - lo + 1
    for part in in_parts(sizes, max(ROWS_AT_ONCE, len(sizes)), tick):
        yield part, slice_rows(points.part(part), join, index, window)


def widths(points: References, join: Join, index: Index) -> Ints:
    """How many rows each point sees at most: those whose upper time stamp is over are counted too."""
    lo, hi = _within(points, join, index, (0.0, join.memory))
    return hi - lo


def slice_rows(points: References, join: Join, index: Index, window: Window) -> Slices:
    """What each point sees of the rows whose age beyond the horizon lies in ``[window[0], window[1])`` seconds."""
    lo, hi = _within(points, join, index, window)
    if not index.timed or join.upper_time_stamp is None:
        return Slices(index, lo, hi, index.times)
    uppers = index.frame.seconds(join.upper_time_stamp)[index.order]
    rows, lo, hi = slices.still_valid(lo, hi, points.moments, uppers)
    return Slices(index, lo, hi, index.times[rows], rows)


def _within(points: References, join: Join, index: Index, window: Window) -> tuple[Ints, Ints]:
    """Return the rows in the window of each point, whatever their upper time stamp."""
    if not index.timed:
        moments = np.zeros(len(points.keys))
        lo, hi = slices.find(index.starts, index.times, points.keys, moments - 1.0, moments)
        return lo, hi
    until = points.moments - join.horizon - window[0]
    oldest = -np.inf if window[1] is None else points.moments - join.horizon - window[1]
    after = np.broadcast_to(np.asarray(oldest, np.float64), until.shape).copy()
    lo, hi = slices.find(index.starts, index.times, points.keys, after, until)
    return lo, hi


def only_row(points: References, sliced: Slices, name: str) -> Ints:
    """The one row of the frame that each point sees, -1 for none. Raises ``BadData`` where there are more."""
    width = sliced.hi - sliced.lo
    if (width > 1).any():
        raise BadData(
            f"the join with {name!r} is declared as many_to_one, but {int((width > 1).sum())} reference points match "
            "more than one row: make its keys unique or declare it many_to_many"
        )
    at = np.minimum(sliced.lo, max(len(sliced.times) - 1, 0))
    order = sliced.index.order if sliced.rows is None else sliced.index.order[sliced.rows]
    if not len(order):
        return np.full(len(points.keys), -1, np.int64)
    return np.where(width == 1, order[at], -1)
