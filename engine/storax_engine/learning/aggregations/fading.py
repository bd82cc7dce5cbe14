"""Averages that forget: the weight of a value halves with each half-life of age."""

import re
from collections.abc import Sequence
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np

from storax_engine.learning.aggregations.declaration import Aggregation, Inputs
from storax_engine.learning.kernels.compile import kernel
from storax_engine.learning.kernels.elapsed import since
from storax_engine.learning.tables.columns import Floats

if TYPE_CHECKING:
    from storax_engine.learning.sql.matched import Matched

NAMED = ("1S", "1M", "1H", "1D", "7D", "30D", "90D", "365D")  # half-lives that scripts know by a name of their own
_DURATION = re.compile(r"(\d+)([SMHD])")
_UNIT = {"S": 1.0, "M": 60.0, "H": 3600.0, "D": 86400.0}
# A weight of less than e to the power of -FURTHEST is 0: its square, and its product with a value, must stay above the
# smallest float64, below which PostgreSQL raises an error.
FURTHEST = 340.0
_NOTHING = 746.0  # e to the power of -746 is 0


@kernel
def newest_known(values: Any, lo: int, hi: int, moment: float, is_time: bool) -> int:
    """Return the place of the newest known value of a slice; -1 where there is none."""
    for j in range(hi - 1, lo - 1, -1):
        y = since(moment, values[j]) if is_time else values[j]
        if y == y:
            return j
    return -1


@kernel
def oldest_of_weight(times: Any, lo: int, newest: int, rate: float, furthest: float) -> int:
    """Return the place of the first row of a slice whose age before the newest, times ``rate``, is within a limit."""
    begin, end = lo, newest
    while begin < end:
        middle = (begin + end) >> 1
        if (times[newest] - times[middle]) * rate > furthest:
            begin = middle + 1
        else:
            end = middle
    return begin


@kernel
def fading(values: Any, times: Any, lo: Any, hi: Any, moment: Any, half_life: float, is_time: bool, out: Any) -> None:
    """Fill ``out`` with the weighted average for a half-life in seconds; NaN where no value is known.

    Weights are taken relative to the newest value, so that none of them vanishes, however old all are. Rows whose
    weight is 0 are not read.
    """
    rate = np.log(2.0) / half_life
    for i in range(lo.size):
        newest = newest_known(values, lo[i], hi[i], moment[i], is_time)
        if newest < 0:
            out[i] = np.nan
            continue
        total, weights = 0.0, 0.0
        for j in range(oldest_of_weight(times, lo[i], newest, rate, _NOTHING), newest + 1):
            y = since(moment[i], values[j]) if is_time else values[j]
            if y == y:
                w = np.exp(rate * (times[j] - times[newest]))
                total += w * y
                weights += w
        out[i] = total / weights


def _compute(inputs: Inputs, wanted: Sequence[Aggregation]) -> Sequence[Floats]:
    i, s, out = inputs, inputs.slices, np.empty((len(wanted), len(inputs.moments)))
    for of, result in zip(wanted, out, strict=True):
        for p in inputs.parts(weight=4):
            fading(i.values, s.times, s.lo[p], s.hi[p], i.moments[p], of.half_life, i.is_time, result[p])
    return list(out)


def seconds_of(name: str, prefix: str) -> float:
    """Return the half-life that a name says after its prefix, as ``EWMA_3H`` after ``EWMA_``; 0 where it says none."""
    match = _DURATION.fullmatch(name.removeprefix(prefix)) if name.startswith(prefix) else None
    return int(match[1]) * _UNIT[match[2]] if match else 0.0


def weighed(m: "Matched", half_life: float) -> "Matched":
    """Return rows with ``age_``, the seconds from them to the newest of their reference point, and ``weight_``."""
    aged = m.wide(age_=m.over(m.time.max()) - m.time)
    power = aged.rows.age_ * (log(2.0) / half_life)
    return aged.wide(weight_=(power > FURTHEST).ifelse(0.0, (-power).exp()))


def named(name: str) -> Aggregation | None:
    """Return the average that a name such as ``EWMA_3H`` says; None where it says none."""
    half_life = seconds_of(name, "EWMA_")
    if not half_life:
        return None

    def sql(m: "Matched") -> Any:
        wide = weighed(m, half_life)
        weight = wide.rows.weight_
        return wide.aggregate((weight * wide.value).sum() / weight.sum())

    return Aggregation(name, sql, needs_time=True, half_life=half_life, compute=_compute)


AGGREGATIONS = [aggregation for half_life in NAMED if (aggregation := named(f"EWMA_{half_life}")) is not None]
