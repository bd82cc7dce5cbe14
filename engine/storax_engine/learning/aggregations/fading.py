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
_NAME = re.compile(r"EWMA_(\d+)([SMHD])")
_UNIT = {"S": 1.0, "M": 60.0, "H": 3600.0, "D": 86400.0}


@kernel
def fading(values: Any, times: Any, lo: Any, hi: Any, moment: Any, half_lives: Any, is_time: bool, out: Any) -> None:
    """Fill ``out[:, h]`` with the weighted average for each half-life in seconds; NaN where no value is known.

    Weights are taken relative to the newest value, so that none of them vanishes, however old all are.
    """
    for i in range(lo.size):
        newest = -1
        for j in range(hi[i] - 1, lo[i] - 1, -1):
            y = since(moment[i], values[j]) if is_time else values[j]
            if y == y:
                newest = j
                break
        for h in range(half_lives.size):
            total, weights = 0.0, 0.0
            rate = np.log(2.0) / half_lives[h]
            for j in range(lo[i], newest + 1):
                y = since(moment[i], values[j]) if is_time else values[j]
                if y == y:
                    w = np.exp(rate * (times[j] - times[newest]))
                    total += w * y
                    weights += w
            out[i, h] = total / weights if newest >= 0 else np.nan


def _compute(inputs: Inputs, wanted: Sequence[Aggregation]) -> Sequence[Floats]:
    out, s = inputs.room(len(wanted)), inputs.slices
    half_lives = np.array([aggregation.half_life for aggregation in wanted])
    fading(inputs.values, s.times, s.lo, s.hi, inputs.moments, half_lives, inputs.is_time, out)
    return [out[:, place] for place in range(len(wanted))]


def named(name: str) -> Aggregation | None:
    """Return the average that a name such as ``EWMA_3H`` says; None where it says none."""
    match = _NAME.fullmatch(name)
    half_life = int(match[1]) * _UNIT[match[2]] if match else 0.0
    if not half_life:
        return None

    def sql(m: "Matched") -> Any:
        wide = m.wide(newest_=m.over(m.time.max()))
        weight = ((wide.time - wide.rows.newest_) * (log(2.0) / half_life)).exp()
        return wide.aggregate((weight * wide.value).sum() / weight.sum())

    return Aggregation(name, sql, needs_time=True, half_life=half_life, compute=_compute)


AGGREGATIONS = [aggregation for half_life in NAMED if (aggregation := named(f"EWMA_{half_life}")) is not None]
