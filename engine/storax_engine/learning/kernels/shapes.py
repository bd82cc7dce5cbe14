"""Aggregations of shape and of extremes: skew, kurtosis, how many are above the mean, how long ago the maximum was."""

from typing import Any

import numpy as np

from storax_engine.learning.kernels.compile import kernel
from storax_engine.learning.kernels.elapsed import since

COLUMNS = (
    "SKEW",
    "KURTOSIS",
    "VARIATION_COEFFICIENT",
    "COUNT_ABOVE_MEAN",
    "COUNT_BELOW_MEAN",
    "NUM_MAX",
    "NUM_MIN",
    "TIME_SINCE_FIRST_MAXIMUM",
    "TIME_SINCE_LAST_MAXIMUM",
    "TIME_SINCE_FIRST_MINIMUM",
    "TIME_SINCE_LAST_MINIMUM",
)


@kernel
def shapes(values: Any, times: Any, lo: Any, hi: Any, moment: Any, is_time: bool, out: Any) -> None:
    """Fill ``out[:, c]`` for each of COLUMNS; counts of nothing are 0, the rest NaN.

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
