"""Aggregations that need a slice's values in order.

Slices that overlap much, as those of a frequent key do, slide: the time grows with rows and slices, not with their
product. All others are sorted one by one. Both give the same numbers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from storax_engine.learning.aggregations.declaration import ANYTHING, NEITHER, Aggregation, Inputs, of_kernel
from storax_engine.learning.kernels import sliding
from storax_engine.learning.kernels.compile import kernel
from storax_engine.learning.kernels.elapsed import since
from storax_engine.learning.kernels.parts import in_parts
from storax_engine.learning.tables.columns import Floats

if TYPE_CHECKING:
    from storax_engine.learning.sql.matched import Matched

QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.75, 0.9, 0.95, 0.99)
_QUANTILES = np.array(QUANTILES)
FIRST_QUANTILE = 5  # its column in the output; what comes after the quantiles may use them
SLIDING = 6  # so many times the time of a row that is sorted takes one that enters and leaves, and each slice
SORTED_AT_ONCE = 2_000_000  # rows, in one call of a kernel
LONG = SORTED_AT_ONCE // 2  # a run of more is several calls
SLIDES_FROM = SORTED_AT_ONCE  # rows of all slices; to compile the kernels that slide takes longer than to sort fewer


@kernel
def ranks(values: Any, lo: Any, hi: Any, moment: Any, is_time: bool, quantiles: bool, out: Any) -> None:
    """Fill ``out[:, c]`` for each of AGGREGATIONS; counts of nothing are 0, else NaN. The smallest of several modes."""
    widest = 1
    for i in range(lo.size):
        widest = max(widest, hi[i] - lo[i])
    room = np.empty(widest)
    for i in range(lo.size):
        n = 0
        for j in range(lo[i], hi[i]):
            y = since(moment[i], values[j]) if is_time else values[j]
            if y == y:
                room[n] = y
                n += 1
        if n == 0:
            out[i, :] = np.nan
            out[i, 0] = out[i, 1] = 0.0
            continue
        b = room[:n]
        b.sort()
        different, best, run, mode = 1, 1, 1, b[0]
        for q in range(1, n):
            if b[q] == b[q - 1]:
                run += 1
            else:
                different += 1
                run = 1
            if run > best:
                best, mode = run, b[q]
        out[i, 0], out[i, 1], out[i, 2] = different, n - different, different / n
        out[i, 3] = 0.5 * (b[(n - 1) // 2] + b[n // 2])
        out[i, 4] = mode
        if quantiles:
            for q in range(_QUANTILES.size):
                place = _QUANTILES[q] * (n - 1)
                low = int(place)
                high = min(low + 1, n - 1)
                out[i, FIRST_QUANTILE + q] = b[low] + (place - low) * (b[high] - b[low])


@kernel
def slide(
    places: Any, ordered: Any, lo: Any, hi: Any, moment: Any, is_time: bool, quantiles: bool, begin: int, end: int,
    window: Any, out: Any,
) -> None:  # fmt: skip
    """Fill the same numbers for the slices from ``begin`` to ``end`` of one run; see ``kernels.sliding``."""
    for i in range(begin, end):
        sliding.move(i, places, ordered, lo, hi, moment, is_time, window)
        n, different = sliding.numbers(window)
        if n == 0:
            out[i, :] = np.nan
            out[i, 0] = out[i, 1] = 0.0
            continue
        m = moment[i]
        out[i, 0], out[i, 1], out[i, 2] = different, n - different, different / n
        lower = sliding.value_at((n - 1) // 2, ordered, m, is_time, window)
        out[i, 3] = 0.5 * (lower + sliding.value_at(n // 2, ordered, m, is_time, window))
        out[i, 4] = sliding.mode(ordered, m, is_time, window)
        if quantiles:
            for q in range(_QUANTILES.size):
                place = _QUANTILES[q] * (n - 1)
                low = int(place)
                lower = sliding.value_at(low, ordered, m, is_time, window)
                upper = sliding.value_at(min(low + 1, n - 1), ordered, m, is_time, window)
                out[i, FIRST_QUANTILE + q] = lower + (place - low) * (upper - lower)


@kernel
def slide_run(values: Any, lo: Any, hi: Any, moment: Any, is_time: bool, quantiles: bool, out: Any) -> bool:
    """Fill the same numbers for all slices of a run; False where times since its stamps could be equal by rounding."""
    first, end = lo[0], hi[hi.size - 1]
    ordered = sliding.different_values(values[first:end], is_time)
    if is_time and not sliding.stay_different(ordered, moment[moment.size - 1]):
        return False
    places = np.empty(end - first, np.int64)
    sliding.find_places(values[first:end], ordered, is_time, places)
    window = sliding.begin_run(first, lo.size, end - first, ordered.size, is_time)
    slide(places, ordered, lo, hi, moment, is_time, quantiles, 0, lo.size, window, out)
    return True


@kernel
def short_runs(
    values: Any, lo: Any, hi: Any, moment: Any, is_time: bool, quantiles: bool, begin: int, budget: int, out: Any
) -> int:
    """Go through runs from the slice ``begin`` on; returns where the budget ended, or the next run is a long one."""
    while begin < lo.size and budget > 0:
        end, total = sliding.run_of(lo, hi, moment, begin)
        cost = min(total, SLIDING * (hi[end - 1] - lo[begin] + end - begin))
        if cost > LONG:
            break
        a, b, m, o = lo[begin:end], hi[begin:end], moment[begin:end], out[begin:end]
        if not (total > cost and slide_run(values, a, b, m, is_time, quantiles, o)):
            if total > LONG:
                break
            ranks(values, a, b, m, is_time, quantiles, o)
        budget -= cost + 1
        begin = end
    return begin


@dataclass(frozen=True)
class _Ranks:
    """All slices of ``inputs``, in calls of kernels between which a caller may stop it."""

    inputs: Inputs
    quantiles: bool
    out: Floats
    slides_from: int = SLIDES_FROM

    def fill(self) -> None:
        i, s, at = self.inputs, self.inputs.slices, 0
        if int((s.hi - s.lo).sum()) < self.slides_from:
            ranks(i.values, s.lo, s.hi, i.moments, i.is_time, self.quantiles, self.out)
            return
        while at < len(s.lo):
            i.tick()
            stopped = short_runs(
                i.values, s.lo, s.hi, i.moments, i.is_time, self.quantiles, at, SORTED_AT_ONCE, self.out
            )
            at = stopped if stopped > at else self._long_run(at)

    def _long_run(self, begin: int) -> int:
        """Go through the run that begins with this slice; returns its end."""
        i, s = self.inputs, self.inputs.slices
        end, total = sliding.run_of(s.lo, s.hi, i.moments, begin)
        run = slice(begin, end)
        rows = i.values[s.lo[begin] : s.hi[end - 1]]
        if total > SLIDING * (len(rows) + end - begin):
            ordered = sliding.different_values(rows, i.is_time)
            if not i.is_time or sliding.stay_different(ordered, i.moments[end - 1]):
                self._slide(rows, ordered, run)
                return int(end)
        lo, hi, moments, out = s.lo[run], s.hi[run], i.moments[run], self.out[run]
        for p in in_parts(hi - lo, SORTED_AT_ONCE, i.tick):
            ranks(i.values, lo[p], hi[p], moments[p], i.is_time, self.quantiles, out[p])
        return int(end)

    def _slide(self, rows: Floats, ordered: Floats, run: slice) -> None:
        i, s = self.inputs, self.inputs.slices
        lo, hi, moments, out = s.lo[run], s.hi[run], i.moments[run], self.out[run]
        places = np.empty(len(rows), np.int64)
        for p in _steps(0, len(rows), i.tick):
            sliding.find_places(rows[p], ordered, i.is_time, places[p])
        window = sliding.begin_run(lo[0], len(lo), len(rows), len(ordered), i.is_time)
        sizes = np.diff(lo, prepend=lo[0]) + np.diff(hi, prepend=lo[0]) + 1
        for p in in_parts(sizes, LONG, i.tick):
            for rest in _steps(window[sliding.STATE][sliding.HIGH], hi[p.start], i.tick):
                sliding.enter(p.start, rest.stop, places, ordered, lo[0], moments, i.is_time, window)
            slide(places, ordered, lo, hi, moments, i.is_time, self.quantiles, p.start, p.stop, window, out)


def _steps(begin: int, end: int, tick: Callable[[], None]) -> Iterator[slice]:
    for at in range(begin, end, LONG):
        tick()
        yield slice(at, min(at + LONG, end))


def _compute(inputs: Inputs, wanted: Sequence[Aggregation]) -> Floats:
    out = inputs.room(len(AGGREGATIONS))
    _Ranks(inputs, any(aggregation.column >= FIRST_QUANTILE for aggregation in wanted), out).fill()
    return out


def _distinct(value: Any, m: "Matched") -> Any:
    """Exact counts of distinct values, for dialects that only approximate them."""
    each = m.by_value()
    return each.aggregate(value(each.rows.count().cast("float64"), each.rows.n_.sum().cast("float64")))


def _mode(m: "Matched") -> Any:
    each = m.by_value()
    return each.first(each.rows.n_.desc(), each.value)


def _quantile(q: float, m: "Matched") -> Any:
    return m.value.quantile(q)


def _quantile_by_rank(q: float, m: "Matched") -> Any:
    """Interpolate between the values of the two nearest ranks, for dialects without quantiles."""
    ranked = m.wide(rank_=m.rank(m.value), n_=m.over(m.value.count()))
    place = (ranked.rows.n_ - 1).cast("float64") * q
    weight = 1.0 - (ranked.rows.rank_.cast("float64") - place).abs()
    near = ranked.wide(weight_=(weight > 0).ifelse(weight, 0.0))
    return near.aggregate((near.rows.weight_ * near.value).sum() / near.rows.weight_.sum())


AGGREGATIONS = of_kernel(
    _compute,
    Aggregation(
        "COUNT_DISTINCT",
        lambda m: m.value.nunique(),
        portable=partial(_distinct, lambda unique, _: unique),
        kinds=ANYTHING,
        compares=NEITHER,
        counts=True,
    ),
    Aggregation(
        "COUNT_MINUS_COUNT_DISTINCT",
        lambda m: m.value.count() - m.value.nunique(),
        portable=partial(_distinct, lambda unique, all_: all_ - unique),
        kinds=ANYTHING,
        compares=NEITHER,
        counts=True,
    ),
    Aggregation(
        "COUNT_DISTINCT_OVER_COUNT",
        lambda m: m.value.nunique().cast("float64") / m.value.count().nullif(0),
        portable=partial(_distinct, lambda unique, all_: unique / all_.nullif(0.0)),
        kinds=ANYTHING,
        compares=NEITHER,
    ),
    Aggregation("MEDIAN", lambda m: m.value.median(), portable=partial(_quantile_by_rank, 0.5)),
    Aggregation("MODE", _mode),
    *(
        Aggregation(f"Q{round(q * 100)}", partial(_quantile, q), portable=partial(_quantile_by_rank, q))
        for q in QUANTILES
    ),
)
