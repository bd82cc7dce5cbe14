"""Aggregations that need the slice's values in order: one sort each."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from storax_engine.learning.aggregations.declaration import ANYTHING, NEITHER, Aggregation, Inputs, of_kernel
from storax_engine.learning.kernels.compile import kernel
from storax_engine.learning.kernels.elapsed import since
from storax_engine.learning.tables.columns import Floats

if TYPE_CHECKING:
    from storax_engine.learning.sql.matched import Matched

QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.75, 0.9, 0.95, 0.99)
_QUANTILES = np.array(QUANTILES)
FIRST_QUANTILE = 5  # its column in the output; what comes after the quantiles may use them


@kernel
def ranks(values: Any, lo: Any, hi: Any, moment: Any, is_time: bool, quantiles: bool, out: Any) -> None:
    """Fill ``out[:, c]`` for each of AGGREGATIONS; counts of nothing are 0, else NaN. The smallest of several modes."""
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
                out[i, FIRST_QUANTILE + q] = b[low] + (place - low) * (b[high] - b[low])


def _compute(inputs: Inputs, wanted: Sequence[Aggregation]) -> Floats:
    out, s = inputs.room(len(AGGREGATIONS)), inputs.slices
    quantiles = any(aggregation.column >= FIRST_QUANTILE for aggregation in wanted)
    ranks(inputs.values, s.lo, s.hi, inputs.moments, inputs.is_time, quantiles, out)
    return out


def _distinct(value: Any, m: "Matched") -> Any:
    """Exact counts of distinct values, for dialects that only approximate them."""
    each = m.by_value()
    return each.aggregate(value(each.rows.count().cast("float64"), each.rows.n_.sum().cast("float64")))


def _mode(m: "Matched") -> Any:
    each = m.by_value()
    return each.first(each.rows.n_.desc(), each.value)


def _quantile(q: float, m: "Matched") -> Any:
    return m.value.quantile(q)


def _quantile_by_rank(q: float, m: "Matched") -> Any:
    """Interpolate between the values of the two nearest ranks, for dialects without quantiles."""
    ranked = m.wide(rank_=m.rank(m.value), n_=m.over(m.value.count()))
    place = (ranked.rows.n_ - 1).cast("float64") * q
    weight = 1.0 - (ranked.rows.rank_.cast("float64") - place).abs()
    near = ranked.wide(weight_=(weight > 0).ifelse(weight, 0.0))
    return near.aggregate((near.rows.weight_ * near.value).sum() / near.rows.weight_.sum())


AGGREGATIONS = of_kernel(
    _compute,
    Aggregation(
        "COUNT_DISTINCT",
        lambda m: m.value.nunique(),
        portable=partial(_distinct, lambda unique, _: unique),
        kinds=ANYTHING,
        compares=NEITHER,
        counts=True,
    ),
    Aggregation(
        "COUNT_MINUS_COUNT_DISTINCT",
        lambda m: m.value.count() - m.value.nunique(),
        portable=partial(_distinct, lambda unique, all_: all_ - unique),
        kinds=ANYTHING,
        compares=NEITHER,
        counts=True,
    ),
    Aggregation(
        "COUNT_DISTINCT_OVER_COUNT",
        lambda m: m.value.nunique().cast("float64") / m.value.count().nullif(0),
        portable=partial(_distinct, lambda unique, all_: unique / all_.nullif(0.0)),
        kinds=ANYTHING,
        compares=NEITHER,
    ),
    Aggregation("MEDIAN", lambda m: m.value.median(), portable=partial(_quantile_by_rank, 0.5)),
    Aggregation("MODE", _mode),
    *(
        Aggregation(f"Q{round(q * 100)}", partial(_quantile, q), portable=partial(_quantile_by_rank, q))
        for q in QUANTILES
    ),
)
