"""Averages that forget: the weight of a value halves with each half-life of age."""

from typing import Any

import numpy as np

from storax_engine.learning.kernels.compile import kernel
from storax_engine.learning.kernels.elapsed import since


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
