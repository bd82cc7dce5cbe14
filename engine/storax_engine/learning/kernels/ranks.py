"""Aggregations that need the slice's values in order: one sort each."""

from typing import Any

import numpy as np

from storax_engine.learning.kernels.compile import kernel
from storax_engine.learning.kernels.elapsed import since

QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.75, 0.9, 0.95, 0.99)
COLUMNS = (
    "COUNT_DISTINCT",
    "COUNT_MINUS_COUNT_DISTINCT",
    "COUNT_DISTINCT_OVER_COUNT",
    "MEDIAN",
    "MODE",
    *(f"Q{round(q * 100)}" for q in QUANTILES),
)
_QUANTILES = np.array(QUANTILES)


@kernel
def ranks(values: Any, lo: Any, hi: Any, moment: Any, is_time: bool, quantiles: bool, out: Any) -> None:
    """Fill ``out[:, c]`` for each of COLUMNS; counts of nothing are 0, else NaN. A tie for the mode: the smallest."""
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
                out[i, 5 + q] = b[low] + (place - low) * (b[high] - b[low])
