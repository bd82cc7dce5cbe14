"""Which rows a reference point may see: one slice of the sorted rows, found by binary search."""

from typing import Any

import numpy as np

from storax_engine.learning.kernels.compile import kernel


@kernel
def find(starts: Any, times: Any, keys: Any, after: Any, until: Any) -> Any:
    """Slices ``[lo, hi)`` of rows of the same key with ``after < time <= until``; a key below 0 sees nothing."""
    lo = np.zeros(keys.size, np.int64)
    hi = np.zeros(keys.size, np.int64)
    for i in range(keys.size):
        if keys[i] >= 0:
            a, b = starts[keys[i]], starts[keys[i] + 1]
            hi[i] = _above(times, a, b, until[i])
            lo[i] = _above(times, a, hi[i], after[i])
    return lo, hi


@kernel
def _above(times: Any, a: int, b: int, limit: float) -> int:
    """The first place in ``[a, b)`` whose time is later than the limit."""
    while a < b:
        middle = (a + b) >> 1
        if times[middle] <= limit:
            a = middle + 1
        else:
            b = middle
    return a


@kernel
def still_valid(lo: Any, hi: Any, moments: Any, uppers: Any) -> Any:
    """Rows of each slice whose upper time stamp is later than the moment, or missing: ``(rows, lo, hi)``."""
    n = 0
    for i in range(lo.size):
        for j in range(lo[i], hi[i]):
            if not (uppers[j] <= moments[i]):
                n += 1
    rows = np.empty(n, np.int64)
    new_lo = np.empty(lo.size, np.int64)
    new_hi = np.empty(lo.size, np.int64)
    n = 0
    for i in range(lo.size):
        new_lo[i] = n
        for j in range(lo[i], hi[i]):
            if not (uppers[j] <= moments[i]):
                rows[n] = j
                n += 1
        new_hi[i] = n
    return rows, new_lo, new_hi


@kernel
def spread(source: Any, first: int, groups: Any, out: Any) -> None:
    """Give each row its group's value; ``source`` begins with that of group ``first``. Other rows stay as they are."""
    for i in range(groups.size):
        group = groups[i] - first
        if groups[i] >= 0 and 0 <= group < source.size:
            out[i] = source[group]
