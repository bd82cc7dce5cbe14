"""Features of one join, computed: one slice per reference point and window, one pass per column and kernel."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from storax_engine.learning.aggregations.catalogue import COUNTING, named
from storax_engine.learning.aggregations.declaration import Compute, Inputs
from storax_engine.learning.features import joins_checked
from storax_engine.learning.features.feature import WHOLE, Feature
from storax_engine.learning.kernels import conditions
from storax_engine.learning.kernels.parts import ROWS_AT_ONCE, in_parts
from storax_engine.learning.plan import Join
from storax_engine.learning.tables.columns import Floats, Ints
from storax_engine.learning.tables.frame import TIME_STAMP, Frame
from storax_engine.learning.tables.index import Index, References, Slices, Window, references, slices_in_parts

K = TypeVar("K")
Out = Callable[[Feature, Floats], None]


class Evaluator:
    """Computes features of one join for one left frame; reference points and slices are found once."""

    def __init__(self, join: Join, left: Frame, index: Index, tick: Callable[[], None]) -> None:
        self._join, self._index, self._tick = join, index, tick
        self._points = references(left, join, index)
        self._slices: dict[Window, tuple[slice, Slices]] = {}

    def level(self) -> int:
        """How far the join comes; see ``finding``."""
        reached = joins_checked.NO_KEYS
        for _, sliced in self._sliced(WHOLE):
            reached = max(reached, joins_checked.level(self._points, sliced))
            if reached == joins_checked.MATCHED:
                break
        return reached

    def run(self, features: Sequence[Feature], rows: Sequence[Floats]) -> None:
        """Write ``features[i]`` into ``rows[i]``, one value per row of the left frame."""
        place = {f: i for i, f in enumerate(features)}

        def give(part: slice, feature: Feature, values: Floats) -> None:
            self._points.spread(np.ascontiguousarray(values), rows[place[feature]], first=part.start)

        for feature, row in zip(features, rows, strict=True):
            row[:] = _nothing(feature)
        for window, inside in _by(features, lambda f: f.window):
            for part, sliced in self._sliced(window):
                for column, same in _by(inside, lambda f: (f.column, f.condition and f.condition[0])):
                    self._tick()
                    some = self._points.part(part)
                    _Pass(self._join, some, sliced, column[0], self._tick).run(same, partial(give, part))

    def _sliced(self, window: Window) -> Iterator[tuple[slice, Slices]]:
        """Yield parts of the points with their slices; kept for the next call where they are one part."""
        if window in self._slices:
            yield self._slices[window]
            return
        narrow = _narrow(self._join, window)
        for part, sliced in slices_in_parts(self._points, self._join, self._index, narrow, self._tick):
            if len(sliced.lo) == len(self._points.keys):
                self._slices[window] = part, sliced
            yield part, sliced


def _narrow(join: Join, window: Window) -> Window:
    ends = [e for e in (window[1], join.memory) if e is not None]
    return window[0], min(ends) if ends else None


def _nothing(feature: Feature) -> float:
    return 0.0 if feature.aggregation in COUNTING else np.nan


def _by(features: Iterable[Feature], key: Callable[[Feature], K]) -> Iterable[tuple[K, list[Feature]]]:
    groups: dict[K, list[Feature]] = defaultdict(list)
    for feature in features:
        groups[key(feature)].append(feature)
    return groups.items()


class _Pass:
    """All features of one column in one window."""

    def __init__(
        self, join: Join, points: References, sliced: Slices, column: str | None, tick: Callable[[], None]
    ) -> None:
        self.join, self.points, self.sliced, self.column, self.tick = join, points, sliced, column, tick
        frame = sliced.index.frame
        self.is_time = column is not None and frame.columns[column].kind == TIME_STAMP
        self.values = sliced.column(column) if column is not None else sliced.times

    def run(self, features: list[Feature], give: Out) -> None:
        for compute, same in _by(features, lambda f: None if f.condition else named(f.aggregation or "").compute):
            if compute is None:
                self._conditions(same, give)
            else:
                self._aggregated(same, compute, give)

    def _aggregated(self, features: list[Feature], compute: Compute, give: Out) -> None:
        inputs = Inputs(self.values, self.sliced, self.points.moments, self.join.horizon, self.is_time, self.tick)
        columns = compute(inputs, [named(f.aggregation or "") for f in features])
        for feature, values in zip(features, columns, strict=True):
            give(feature, values)

    def _conditions(self, features: list[Feature], give: Out) -> None:
        category = (features[0].condition or ("", ""))[0]
        wanted = sorted({f.condition[1] for f in features if f.condition})
        slots, s = self._slots(category, wanted), self.sliced
        n, total = np.zeros((len(s.lo), len(wanted))), np.zeros((len(s.lo), len(wanted)))
        for p in in_parts(s.hi - s.lo + 1, ROWS_AT_ONCE, self.tick):
            if self.column is None:
                conditions.counts(slots, s.lo[p], s.hi[p], n[p])
            else:
                conditions.sums(slots, self.values, s.lo[p], s.hi[p], n[p], total[p])
        for feature in features:
            at = wanted.index((feature.condition or ("", ""))[1])
            give(feature, _conditional(feature.aggregation or "", n[:, at], total[:, at]))

    def _slots(self, category: str, wanted: list[str]) -> Ints:
        index = self.sliced.index
        codes, values = index.frame.coded(category)
        slot_of = {value: i for i, value in enumerate(wanted)}
        # The last place is that of code -1: null.
        slots = np.array([*(slot_of.get(v, -1) for v in values.to_pylist()), -1], np.int64)[codes][index.order]
        return np.asarray(slots if self.sliced.rows is None else slots[self.sliced.rows], np.int64)


def _conditional(aggregation: str, n: Floats, total: Floats) -> Floats:
    if aggregation == "COUNT":
        return n
    known = np.where(n > 0, total, np.nan)
    return known if aggregation == "SUM" else known / n
