"""Rows in order of (key, time), by counting: linear in the rows, and free of a sort where time is in order already."""

from typing import Any

import numpy as np

from storax_engine.learning.kernels.compile import kernel

SMALL = 24


@kernel
def by_key(codes: Any, valid: Any, n_keys: int) -> Any:
    """Row numbers grouped by key, in their own order within it, and where each key begins; rows not valid are left out.

    Returns ``(order, starts)``; the rows of key ``k`` are ``order[starts[k]:starts[k + 1]]``.
    """
    starts = np.zeros(n_keys + 1, np.int64)
    for i in range(codes.size):
        if codes[i] >= 0 and valid[i]:
            starts[codes[i] + 1] += 1
    for k in range(n_keys):
        starts[k + 1] += starts[k]
    order = np.empty(starts[n_keys], np.int64)
    place = starts[:-1].copy()
    for i in range(codes.size):
        k = codes[i]
        if k >= 0 and valid[i]:
            order[place[k]] = i
            place[k] += 1
    return order, starts


@kernel
def by_time(order: Any, starts: Any, times: Any) -> Any:
    """Sort each key's rows by time, in place and stably; returns the times in the new order."""
    sorted_times = np.empty(order.size)
    for i in range(order.size):
        sorted_times[i] = times[order[i]]
    for k in range(starts.size - 1):
        _sort(sorted_times[starts[k] : starts[k + 1]], order[starts[k] : starts[k + 1]])
    return sorted_times


@kernel
def _sort(times: Any, rows: Any) -> None:
    ordered = True
    for i in range(1, times.size):
        if times[i] < times[i - 1]:
            ordered = False
            break
    if ordered:
        return
    if times.size > SMALL:
        by = np.argsort(times, kind="mergesort")
        times[:] = times[by]
        rows[:] = rows[by]
        return
    for i in range(1, times.size):
        t, r, j = times[i], rows[i], i
        while j > 0 and times[j - 1] > t:
            times[j], rows[j] = times[j - 1], rows[j - 1]
            j -= 1
        times[j], rows[j] = t, r


@kernel
def distinct(order: Any, starts: Any, times: Any, n_rows: int) -> Any:
    """Distinct (key, time) among sorted rows: ``(group of each row or -1, key of each group, time of each group)``."""
    groups = np.full(n_rows, -1, np.int64)
    keys = np.empty(order.size, np.int64)
    moments = np.empty(order.size)
    n = 0
    for k in range(starts.size - 1):
        for i in range(starts[k], starts[k + 1]):
            if i == starts[k] or times[i] != times[i - 1]:
                keys[n] = k
                moments[n] = times[i]
                n += 1
            groups[order[i]] = n - 1
    return groups, keys[:n], moments[:n]
