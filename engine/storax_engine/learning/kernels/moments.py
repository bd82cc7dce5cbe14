"""Aggregations that need no order of values: two passes over the slice, all of them at once."""

from typing import Any

import numpy as np

from storax_engine.learning.kernels.compile import kernel
from storax_engine.learning.kernels.elapsed import since

COLUMNS = ("AVG", "SUM", "MIN", "MAX", "STDDEV", "VAR", "FIRST", "LAST", "TREND")


@kernel
def moments(values: Any, times: Any, lo: Any, hi: Any, moment: Any, horizon: float, is_time: bool, out: Any) -> None:
    """Fill ``out[:, c]`` for each of COLUMNS; NaN where no value is known.

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
