"""Aggregations of shape and of extremes: skew, kurtosis, how many are above the mean, how long ago the maximum was."""

from collections.abc import Callable, Sequence
from functools import partial, reduce
from operator import eq, gt, lt, methodcaller
from typing import TYPE_CHECKING, Any

import numpy as np

from storax_engine.learning.aggregations.declaration import DIFFERENCE, NEITHER, Aggregation, Inputs, of_kernel
from storax_engine.learning.aggregations.moments import variance_around_mean
from storax_engine.learning.kernels.compile import kernel
from storax_engine.learning.kernels.elapsed import since
from storax_engine.learning.tables.columns import Floats

if TYPE_CHECKING:
    from storax_engine.learning.sql.matched import Matched

Pick = Callable[[Any], Any]
Pair = Callable[[Any, Any], Any]


@kernel
def shapes(values: Any, times: Any, lo: Any, hi: Any, moment: Any, is_time: bool, out: Any) -> None:
    """Fill ``out[:, c]`` for each of AGGREGATIONS; counts of nothing are 0, the rest NaN.

    Skew and kurtosis are those of the population (the third and fourth standardised moment; a normal one has 3); they
    are NaN where all values are equal. Rows lie in order of time.
    """
    for i in range(lo.size):
        n, total, low, high = 0, 0.0, np.inf, -np.inf
        for j in range(lo[i], hi[i]):
            y = since(moment[i], values[j]) if is_time else values[j]
            if y == y:
                n += 1
                total += y
                low, high = min(low, y), max(high, y)
        out[i, :] = np.nan
        out[i, 3:7] = 0.0
        if n == 0:
            continue
        mean, m2, m3, m4 = total / n, 0.0, 0.0, 0.0
        for j in range(lo[i], hi[i]):
            y = since(moment[i], values[j]) if is_time else values[j]
            if y != y:
                continue
            d = y - mean
            m2 += d * d
            m3 += d * d * d
            m4 += d * d * d * d
            out[i, 3] += y > mean
            out[i, 4] += y < mean
            out[i, 5] += y == high
            out[i, 6] += y == low
            age = moment[i] - times[j]
            if y == high:
                out[i, 7] = age if out[i, 7] != out[i, 7] else out[i, 7]
                out[i, 8] = age
            if y == low:
                out[i, 9] = age if out[i, 9] != out[i, 9] else out[i, 9]
                out[i, 10] = age
        if m2 > 0 and low < high:
            out[i, 0] = (m3 / n) / (m2 / n) ** 1.5
            out[i, 1] = (m4 / n) / (m2 / n) ** 2
        if mean != 0:
            out[i, 2] = np.sqrt(m2 / n) / mean


def _compute(inputs: Inputs, _wanted: Sequence[Aggregation]) -> Floats:
    out, s = inputs.room(len(AGGREGATIONS)), inputs.slices
    for p in inputs.parts():
        shapes(inputs.values, s.times, s.lo[p], s.hi[p], inputs.moments[p], inputs.is_time, out[p])
    return out


def _standardised_moment(power: int, m: "Matched") -> Any:
    wide = m.wide(mean_=m.over(m.value.mean()))
    off = wide.value - wide.rows.mean_
    square = (off * off).mean().nullif(0.0)
    raised = reduce(lambda a, b: a * b, [off] * power)
    return wide.aggregate(raised.mean() / square ** (power / 2))


def _variation(m: "Matched") -> Any:
    return m.value.std(how="pop") / m.value.mean().nullif(0.0)


def _variation_without_variance(m: "Matched") -> Any:
    wide, variance = variance_around_mean(m)
    return wide.aggregate(variance.sqrt() / wide.value.mean().nullif(0.0))


def _count_where(test: Pair, of_group: Pick, m: "Matched") -> Any:
    """Count the rows whose value compares so with a value of its group."""
    wide = m.wide(other_=m.over(of_group(m.value)))
    return wide.aggregate(test(wide.value, wide.rows.other_).sum())


def _time_since(extreme: Pick, pick: Pick, m: "Matched") -> Any:
    wide = m.wide(best_=m.over(extreme(m.value)))
    return wide.aggregate(pick((wide.value == wide.rows.best_).ifelse(wide.moment - wide.time, None)))


def _since(name: str, extreme: Pick, pick: Pick) -> Aggregation:
    return Aggregation(f"TIME_SINCE_{name}", partial(_time_since, extreme, pick), needs_time=True, compares=NEITHER)


MEAN, LEAST, MOST = methodcaller("mean"), methodcaller("min"), methodcaller("max")
AGGREGATIONS = of_kernel(
    _compute,
    Aggregation("SKEW", partial(_standardised_moment, 3), compares=NEITHER),
    Aggregation("KURTOSIS", partial(_standardised_moment, 4), compares=NEITHER),
    Aggregation(
        "VARIATION_COEFFICIENT",
        _variation,
        portable=_variation_without_variance,
        compares=frozenset({DIFFERENCE}),
    ),
    Aggregation("COUNT_ABOVE_MEAN", partial(_count_where, gt, MEAN), counts=True, compares=NEITHER),
    Aggregation("COUNT_BELOW_MEAN", partial(_count_where, lt, MEAN), counts=True, compares=NEITHER),
    Aggregation("NUM_MAX", partial(_count_where, eq, MOST), counts=True, compares=NEITHER),
    Aggregation("NUM_MIN", partial(_count_where, eq, LEAST), counts=True, compares=NEITHER),
    _since("FIRST_MAXIMUM", MOST, MOST),
    _since("LAST_MAXIMUM", MOST, LEAST),
    _since("FIRST_MINIMUM", LEAST, MOST),
    _since("LAST_MINIMUM", LEAST, LEAST),
)
