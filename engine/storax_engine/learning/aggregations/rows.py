"""Aggregations of the rows themselves, whatever their columns hold."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from storax_engine.learning.aggregations.declaration import ROWS, Aggregation, Inputs, of_kernel
from storax_engine.learning.tables.columns import Floats

if TYPE_CHECKING:
    from storax_engine.learning.sql.matched import Matched


def _compute(inputs: Inputs, _wanted: Sequence[Aggregation]) -> Floats:
    s = inputs.slices
    n = (s.hi - s.lo).astype(np.float64)
    between = np.full(n.size, np.nan)
    many = n > 1
    between[many] = (s.times[s.hi[many] - 1] - s.times[s.lo[many]]) / (n[many] - 1)
    return np.column_stack([n, between])


def _time_between(m: "Matched") -> Any:
    return (m.time.max() - m.time.min()) / (m.rows.count() - 1).nullif(0)


AGGREGATIONS = of_kernel(
    _compute,
    Aggregation("COUNT", lambda m: m.rows.count(), kinds=ROWS, counts=True),
    Aggregation("AVG_TIME_BETWEEN", _time_between, kinds=ROWS, needs_time=True),
)
