"""How well aggregations under a condition explain a target: all splits of one column in one pass over the rows.

Rows lie in bins of the column that is split, in an order. A split keeps the rows of the first bins, or of the last.
"""

from typing import Any

import numpy as np

from storax_engine.learning.kernels.compile import kernel

AGGREGATIONS = ("AVG", "COUNT", "LAST", "MAX", "MIN", "SUM", "TREND")
_AVG, _COUNT, _LAST, _MAX, _MIN, _SUM, _TREND = range(7)
# Of a set of rows: how many, how many with a value, sums of values, ages and products, extremes, and the newest value.
_N, _KNOWN, _Y, _X, _XX, _XY, _LOW, _HIGH, _AGE, _NEWEST = range(10)
CELL, SUMS = 10, 6


@kernel
def split_sums(
    bins: Any, n_bins: int, values: Any, ages: Any, lo: Any, hi: Any, weights: Any, targets: Any, wanted: Any,
    empty_sum: float, out: Any, first: Any,
) -> None:  # fmt: skip
    """Fill ``out[aggregation, 0 for first or 1 for last bins, split]`` with changes of sums over the points.

    The sums of a split are all changes up to it: of weight, f, f squared, f times target, target, weight of points with
    rows. All f are less ``first[aggregation, first or last]``, so that squares of large values keep their digits. Split
    ``s`` keeps ``s + 1`` bins. A point costs as much as it has rows, and not as there are splits.

    Args:
        bins: of each row; one below 0 is not counted.
        n_bins: how many there are.
        values: of each row; NaN is not known.
        ages: of each row.
        lo: first row of each point.
        hi: the row after its last.
        weights: of each point: its rows in the left table.
        targets: the sum of the target over these rows.
        wanted: which aggregations.
        empty_sum: SUM of a point without a value.
        out: see above; begins as zeros.
        first: see above; begins as NaN.
    """
    cells, run, before = np.empty((n_bins, CELL)), np.empty(CELL), np.empty(wanted.size)
    for g in range(lo.size):
        cells[:, _N] = 0.0
        for j in range(lo[g], hi[g]):
            if bins[j] >= 0:
                _add(cells[bins[j]], values[j], ages[j])
        for last in range(2):
            _clear(run)
            before[:] = np.nan
            for split in range(out.shape[2]):
                cell = n_bins - 1 - split if last else split
                fills = cells[cell, _N] > 0 and run[_N] == 0
                if cells[cell, _N] > 0:
                    _merge(run, cells[cell])
                elif split > 0:
                    continue
                for a in range(wanted.size):
                    f = _value(a, run, empty_sum) if wanted[a] else np.nan
                    if f == f and (f != before[a] or fills):
                        if first[a, last] != first[a, last]:
                            first[a, last] = f
                        _change(out[a, last, split], f - first[a, last], run[_N] > 0, weights[g], targets[g])
                        if before[a] == before[a]:
                            filled = run[_N] > 0 and not fills
                            _change(out[a, last, split], before[a] - first[a, last], filled, -weights[g], -targets[g])
                        before[a] = f


@kernel
def _clear(cell: Any) -> None:
    cell[:] = 0.0
    cell[_LOW], cell[_HIGH], cell[_AGE], cell[_NEWEST] = np.inf, -np.inf, np.inf, np.nan


@kernel
def _add(cell: Any, y: float, x: float) -> None:
    if cell[_N] == 0:
        _clear(cell)
    cell[_N] += 1
    if y != y:
        return
    cell[_KNOWN] += 1
    cell[_Y] += y
    cell[_X] += x
    cell[_XX] += x * x
    cell[_XY] += x * y
    cell[_LOW], cell[_HIGH] = min(cell[_LOW], y), max(cell[_HIGH], y)
    if x < cell[_AGE] or (x == cell[_AGE] and y > cell[_NEWEST]):
        cell[_AGE], cell[_NEWEST] = x, y


@kernel
def _merge(run: Any, cell: Any) -> None:
    for k in range(_LOW):
        run[k] += cell[k]
    run[_LOW], run[_HIGH] = min(run[_LOW], cell[_LOW]), max(run[_HIGH], cell[_HIGH])
    if cell[_AGE] < run[_AGE] or (cell[_AGE] == run[_AGE] and cell[_NEWEST] > run[_NEWEST]):
        run[_AGE], run[_NEWEST] = cell[_AGE], cell[_NEWEST]


@kernel
def _value(aggregation: int, run: Any, empty_sum: float) -> float:
    n, value = run[_KNOWN], np.nan
    if aggregation == _COUNT:
        value = run[_N]
    elif aggregation == _SUM:
        value = run[_Y] if n > 0 else empty_sum
    elif n == 0:
        value = np.nan
    elif aggregation == _MIN:
        value = run[_LOW]
    elif aggregation == _MAX:
        value = run[_HIGH]
    elif aggregation == _LAST:
        value = run[_NEWEST]
    else:
        value = run[_Y] / n
        mean_x = run[_X] / n
        sxx = run[_XX] - n * mean_x * mean_x
        if aggregation == _TREND and sxx > 1e-9 * run[_XX]:  # the least-squares line at age 0
            value -= (run[_XY] - n * mean_x * value) / sxx * mean_x
    return float(value)


@kernel
def _change(sums: Any, f: float, filled: bool, weight: float, target: float) -> None:
    """Count a point with this value; one of negative weight no longer."""
    sums[0] += weight
    sums[1] += weight * f
    sums[2] += weight * f * f
    sums[3] += target * f
    sums[4] += target
    if filled:
        sums[5] += weight
