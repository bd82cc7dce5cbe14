"""Trends that forget: the least-squares line through (time, value), where the weight of a value halves with age.

These are the discounted least squares of Brown, "Smoothing, Forecasting and Prediction of Discrete Time Series" (1963),
and what getML 1.5 calls EWMA_TREND.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from storax_engine.learning.aggregations.declaration import Aggregation, Inputs
from storax_engine.learning.aggregations.fading import (
    FURTHEST,
    NAMED,
    newest_known,
    oldest_of_weight,
    seconds_of,
    weighed,
)
from storax_engine.learning.kernels.compile import kernel
from storax_engine.learning.kernels.elapsed import since
from storax_engine.learning.tables.columns import Floats

if TYPE_CHECKING:
    from storax_engine.learning.sql.matched import Matched


@kernel
def fading_trend(
    values: Any, times: Any, lo: Any, hi: Any, ends: Any, moment: Any, half_life: float, is_time: bool, out: Any
) -> None:
    """Fill ``out`` with the line for a half-life in seconds, read at ``ends``; NaN where no value is known.

    Ages and weights are taken relative to the newest value; rows of no weight count in no sum. It is the average where
    all weight lies at one time.
    """
    rate = np.log(2.0) / half_life
    for i in range(lo.size):
        newest = newest_known(values, lo[i], hi[i], moment[i], is_time)
        if newest < 0:
            out[i] = np.nan
            continue
        weights, mean, mean_x, sxx, sxy = 0.0, 0.0, 0.0, 0.0, 0.0
        oldest = oldest_of_weight(times, lo[i], newest, rate, FURTHEST)
        for centred in range(2):
            for j in range(oldest, newest + 1):
                y = since(moment[i], values[j]) if is_time else values[j]
                x = times[newest] - times[j]
                if y != y:
                    continue
                w = np.exp(-x * rate)
                if centred:
                    sxx += w * (x - mean_x) ** 2
                    sxy += w * (x - mean_x) * (y - mean)
                else:
                    weights += w
                    mean += w * y
                    mean_x += w * x
            if not centred:
                mean, mean_x = mean / weights, mean_x / weights
        ahead = ends[i] - times[newest]
        out[i] = mean - sxy / sxx * (mean_x + ahead) if sxx > 0 else mean


def _compute(inputs: Inputs, wanted: Sequence[Aggregation]) -> Sequence[Floats]:
    i, s, out = inputs, inputs.slices, np.empty((len(wanted), len(inputs.moments)))
    ends = i.moments - i.horizon
    for of, result in zip(wanted, out, strict=True):
        for p in inputs.parts(weight=8):
            line = result[p]
            fading_trend(i.values, s.times, s.lo[p], s.hi[p], ends[p], i.moments[p], of.half_life, i.is_time, line)
    return list(out)


def named(name: str) -> Aggregation | None:
    """Return the trend that a name such as ``EWMA_TREND_3H`` says; None where it says none."""
    half_life = seconds_of(name, "EWMA_TREND_")
    if not half_life:
        return None

    def sql(m: "Matched") -> Any:
        aged = weighed(m, half_life)
        weight, total = aged.rows.weight_, aged.over(aged.rows.weight_.sum())
        wide = aged.wide(
            mean_=aged.over((weight * aged.value).sum()) / total,
            middle_=aged.over((weight * aged.rows.age_).sum()) / total,
            ahead_=aged.moment - aged.horizon - aged.over(aged.time.max()),
        )
        mean, off = wide.rows.mean_.min(), wide.rows.age_ - wide.rows.middle_
        weighted = wide.rows.weight_ * off
        slope = (weighted * (wide.value - wide.rows.mean_)).sum() / (weighted * off).sum().nullif(0.0)
        line = mean - slope * (wide.rows.middle_ + wide.rows.ahead_).min()
        return wide.aggregate(line.coalesce(mean))

    return Aggregation(name, sql, needs_time=True, half_life=half_life, compute=_compute)


AGGREGATIONS = [trend for half_life in NAMED if (trend := named(f"EWMA_TREND_{half_life}")) is not None]
