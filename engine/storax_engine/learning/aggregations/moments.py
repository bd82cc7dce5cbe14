"""Aggregations that need no order of values: two passes over the slice, all of them at once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from storax_engine.learning.aggregations.declaration import RATIO, Aggregation, Inputs, of_kernel
from storax_engine.learning.kernels.compile import kernel
from storax_engine.learning.kernels.elapsed import since
from storax_engine.learning.tables.columns import Floats

if TYPE_CHECKING:
    from storax_engine.learning.sql.matched import Matched


@kernel
def moments(values: Any, times: Any, lo: Any, hi: Any, moment: Any, horizon: float, is_time: bool, out: Any) -> None:
    """Fill ``out[:, c]`` for each of AGGREGATIONS; NaN where no value is known.

    A time stamp counts as the time since it (``is_time``). The trend is the least-squares line through (time, value),
    read at the moment less the horizon. Among values of the same time the first is the smallest, the last the largest.
    """
    for i in range(lo.size):
        n, total, total_x = 0, 0.0, 0.0
        smallest, largest = np.inf, -np.inf
        first = last = first_time = last_time = np.nan
        end = moment[i] - horizon
        for j in range(lo[i], hi[i]):
            y = since(moment[i], values[j]) if is_time else values[j]
            if y != y:
                continue
            t = times[j]
            if n == 0:
                first, first_time = y, t
            elif t == first_time and y < first:
                first = y
            if n == 0 or t != last_time or y > last:
                last, last_time = y, t
            n += 1
            total += y
            total_x += end - t
            smallest, largest = min(smallest, y), max(largest, y)
        if n == 0:
            out[i, :] = np.nan
            continue
        mean, mean_x = total / n, total_x / n
        syy, sxx, sxy = 0.0, 0.0, 0.0
        for j in range(lo[i], hi[i]):
            y = since(moment[i], values[j]) if is_time else values[j]
            if y == y:
                x = end - times[j] - mean_x
                syy += (y - mean) ** 2
                sxx += x * x
                sxy += x * (y - mean)
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = mean, total, smallest, largest
        out[i, 4], out[i, 5], out[i, 6], out[i, 7] = np.sqrt(syy / n), syy / n, first, last
        out[i, 8] = mean - sxy / sxx * mean_x if sxx > 0 else mean


def _compute(inputs: Inputs, _wanted: Sequence[Aggregation]) -> Floats:
    out, s = inputs.room(len(AGGREGATIONS)), inputs.slices
    for p in inputs.parts():
        at = inputs.moments[p]
        moments(inputs.values, s.times, s.lo[p], s.hi[p], at, inputs.horizon, inputs.is_time, out[p])
    return out


def variance_around_mean(m: "Matched") -> tuple["Matched", Any]:
    """Return rows with their difference from the mean, and their variance, for dialects without variance."""
    wide = m.wide(off_=m.value - m.over(m.value.mean()))
    return wide, (wide.rows.off_ * wide.rows.off_).mean()


def _variance(m: "Matched") -> Any:
    wide, variance = variance_around_mean(m)
    return wide.aggregate(variance)


def _deviation(m: "Matched") -> Any:
    wide, variance = variance_around_mean(m)
    return wide.aggregate(variance.sqrt())


def _trend(m: "Matched") -> Any:
    """Evaluate the least-squares line through (time, value) at the end of the horizon; the average if undefined."""
    age, value = m.moment - m.horizon - m.time, m.value
    slope = value.cov(age, how="pop") / age.var(how="pop").nullif(0)
    return (value.mean() - slope * age.mean()).coalesce(value.mean())


def _trend_without_covariance(m: "Matched") -> Any:
    aged = m.wide(age_=m.moment - m.horizon - m.time)
    wide = aged.wide(mean_=aged.over(aged.value.mean()), middle_=aged.over(aged.rows.age_.mean()))
    off = wide.rows.age_ - wide.rows.middle_
    slope = (off * (wide.value - wide.rows.mean_)).sum() / (off * off).sum().nullif(0.0)
    mean = wide.rows.mean_.min()
    return wide.aggregate((mean - slope * wide.rows.middle_.min()).coalesce(mean))


_RATIO = frozenset({RATIO})  # deviations do not change where the same number is added to all values
AGGREGATIONS = of_kernel(
    _compute,
    Aggregation("AVG", lambda m: m.value.mean()),
    Aggregation("SUM", lambda m: m.value.sum()),
    Aggregation("MIN", lambda m: m.value.min()),
    Aggregation("MAX", lambda m: m.value.max()),
    Aggregation("STDDEV", lambda m: m.value.std(how="pop"), portable=_deviation, compares=_RATIO),
    Aggregation("VAR", lambda m: m.value.var(how="pop"), portable=_variance, compares=_RATIO),
    Aggregation("FIRST", lambda m: m.first(m.time, m.value), needs_time=True),
    Aggregation("LAST", lambda m: m.first(m.time.desc(), m.value.desc()), needs_time=True),
    Aggregation("TREND", _trend, portable=_trend_without_covariance, needs_time=True),
)
