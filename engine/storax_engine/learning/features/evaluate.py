"""Features of one join, computed: one slice per reference point and window, one pass per column and kernel."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import numpy as np
import pyarrow as pa

from storax_engine.learning.aggregations.catalogue import COUNTING, named
from storax_engine.learning.aggregations.declaration import Compute, Inputs
from storax_engine.learning.features import comparisons, filters, joins_checked
from storax_engine.learning.features.comparisons import Points
from storax_engine.learning.features.feature import WHOLE, Feature
from storax_engine.learning.kernels import conditions
from storax_engine.learning.kernels.parts import ROWS_AT_ONCE, in_parts
from storax_engine.learning.plan import Join
from storax_engine.learning.tables.columns import Floats, Ints, lookup
from storax_engine.learning.tables.frame import TIME_STAMP, Frame
from storax_engine.learning.tables.index import Index, References, Slices, Window, references, slices_in_parts

AT_ONCE = 2**18  # rows whose comparisons are in memory at a time, or those of one reference point
WINDOWS_KEPT = 16
K = TypeVar("K")
Out = Callable[[Feature, Floats], None]
Give = Callable[[References, int, Feature, Floats], None]


class Evaluator:
    """Computes features of one join for one left frame; reference points and slices are found once."""

    def __init__(self, join: Join, left: Frame, index: Index, tick: Callable[[], None]) -> None:
        self._join, self._left, self._index, self._tick = join, left, index, tick
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

        def give(points: References, first: int, feature: Feature, values: Floats) -> None:
            points.spread(np.ascontiguousarray(values), rows[place[feature]], first=first)

        for feature, row in zip(features, rows, strict=True):
            row[:] = _nothing(feature)
        for window, inside in _by(features, lambda f: f.window):
            for part, sliced in self._sliced(window):
                for where, alike in _by(inside, lambda f: f.where):
                    kept = sliced.only(filters.keep(self._index, where)) if where else sliced
                    self._of_slices(alike, part, kept, give)

    def _of_slices(self, features: list[Feature], part: slice, sliced: Slices, give: Give) -> None:
        for (column, mine, _), same in _by(features, _inputs):
            self._tick()
            if mine is None:
                one_pass = _Pass(self._join, self._points.moments[part], sliced, column, self._tick)
                one_pass.run(same, partial(give, self._points, part.start))
            else:
                points = self._divided(mine, column or "")
                some = points.of_points(part)
                known = self._compared(same, sliced, points.part(some, part), column or "")
                for feature, values in known.items():
                    give(points.references, some.start, feature, values)

    def _divided(self, mine: str, theirs: str) -> Points:
        values = comparisons.own_values(self._left, mine, self._index.frame, theirs)
        return comparisons.points(self._points, values)

    def _compared(self, features: list[Feature], sliced: Slices, points: Points, column: str) -> dict[Feature, Floats]:
        """Values of features that compare one column with another: rows that several points see are copied."""
        out = {feature: np.empty(len(points.at)) for feature in features}
        is_time = self._index.frame.columns[column].kind == TIME_STAMP
        for p in in_parts(sliced.hi[points.at] - sliced.lo[points.at], AT_ONCE, self._tick):
            rows, of_point = sliced.copied(points.at[p])
            moments, mine = points.references.moments[p], points.values[p][of_point]
            theirs = rows.column(column)
            if is_time:  # one after the moment is not known then
                theirs = np.where(theirs <= moments[of_point], theirs, np.nan)
            for how, same in _by(features, lambda f: (f.compared or ("",))[0]):
                compared = comparisons.compute(how, mine, theirs)
                known = _Pass(self._join, moments, rows, column, self._tick, compared).values_of(same)
                for feature, values in known.items():
                    out[feature][p] = values
        return out

    def _sliced(self, window: Window) -> Iterator[tuple[slice, Slices]]:
        """Yield parts of the points with their slices; some are kept for the next call if they are one part."""
        if window in self._slices:
            yield self._slices[window]
            return
        narrow = _narrow(self._join, window)
        for part, sliced in slices_in_parts(self._points, self._join, self._index, narrow, self._tick):
            if len(sliced.lo) == len(self._points.keys) and len(self._slices) < WINDOWS_KEPT:
                self._slices[window] = part, sliced
            yield part, sliced


def _inputs(feature: Feature) -> tuple[str | None, str | None, str | None]:
    """What features share that are computed together: column, what it is compared with, category of the condition."""
    compared, condition = feature.compared, feature.condition
    return feature.column, compared and compared[1], condition and condition[0]


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
    """All features of one column, or of one comparison with it (``compared``: its values), in one window."""

    def __init__(
        self, join: Join, moments: Floats, sliced: Slices, column: str | None, tick: Callable[[], None],
        compared: Floats | None = None,
    ) -> None:  # fmt: skip
        self.join, self.moments, self.sliced, self.column, self.tick = join, moments, sliced, column, tick
        frame = sliced.index.frame
        self.is_time = compared is None and column is not None and frame.columns[column].kind == TIME_STAMP
        if compared is not None:
            self.values = compared
        else:
            self.values = sliced.column(column) if column is not None else sliced.times

    def values_of(self, features: list[Feature]) -> dict[Feature, Floats]:
        """Return the values of each feature, one for each slice."""
        values = dict[Feature, Floats]()
        self.run(features, values.__setitem__)
        return values

    def run(self, features: list[Feature], give: Out) -> None:
        """Give the values of each feature, one for each slice."""
        for compute, same in _by(features, lambda f: None if f.condition else named(f.aggregation or "").compute):
            if compute is None:
                self._conditions(same, give)
            else:
                self._aggregated(same, compute, give)

    def _aggregated(self, features: list[Feature], compute: Compute, give: Out) -> None:
        inputs = Inputs(self.values, self.sliced, self.moments, self.join.horizon, self.is_time, self.tick)
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
        """Return the place of each row's category among the wanted ones, -1 for another one or null."""
        index = self.sliced.index
        codes, values = index.frame.coded(category)
        order = index.order if self.sliced.rows is None else index.order[self.sliced.rows]
        # The last place is that of code -1: null.
        places = np.append(lookup(values, pa.array(wanted, pa.string())), -1)
        return np.asarray(places[codes[order]], np.int64)


def _conditional(aggregation: str, n: Floats, total: Floats) -> Floats:
    if aggregation == "COUNT":
        return n
    known = np.where(n > 0, total, np.nan)
    return known if aggregation == "SUM" else known / n
