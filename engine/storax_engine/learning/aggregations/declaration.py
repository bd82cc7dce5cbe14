"""What an aggregation is: its name, what it takes, the kernel that computes it, and its SQL."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from storax_engine.learning.tables.columns import Floats
from storax_engine.learning.tables.frame import CATEGORICAL, NUMERICAL, TIME_STAMP
from storax_engine.learning.tables.index import Slices

if TYPE_CHECKING:
    from storax_engine.learning.sql.matched import Matched

ROWS: frozenset[str] = frozenset()  # kinds of an aggregation of the rows themselves, which takes no column
NUMBERS = frozenset({NUMERICAL, TIME_STAMP})
ANYTHING = NUMBERS | {CATEGORICAL}
DIFFERENCE, RATIO = "difference", "ratio"
COMPARISONS = frozenset({DIFFERENCE, RATIO})
NEITHER: frozenset[str] = frozenset()
Sql = Callable[["Matched"], Any]


@dataclass(frozen=True)
class Inputs:
    """What kernels read: values and times of rows, the slices of them, and the moment of each slice.

    ``is_time``: the values are time stamps. ``horizon`` is the join's, in seconds.
    """

    values: Floats
    slices: Slices
    moments: Floats
    horizon: float
    is_time: bool

    def room(self, width: int) -> Floats:
        """Return an empty matrix with a row for each slice."""
        return np.empty((len(self.moments), width))


@dataclass(frozen=True)
class Aggregation:
    """One aggregation.

    Attributes:
        name: for scripts, descriptions of pipelines, and names of features.
        sql: its value over the matched rows, as an expression of their columns, or as a table that ``Matched`` made.
        portable: the same for dialects without medians, variances and covariances; None: as ``sql``.
        kinds: of columns that it accepts.
        counts: it is 0 where there are no rows; all others are not known.
        needs_time: only joins with time stamps have it.
        column: its place in the output of its kernel.
        compares: comparisons of two columns that it takes; none whose value follows from that of the one column alone.
        half_life: seconds, of the averages and trends that forget alone.
        compute: the kernel: one array for each of these aggregations.
    """

    name: str
    sql: Sql
    portable: Sql | None = None
    kinds: frozenset[str] = NUMBERS
    counts: bool = False
    needs_time: bool = False
    column: int = 0
    compares: frozenset[str] = COMPARISONS
    half_life: float = 0.0
    compute: "Compute | None" = None


Compute = Callable[[Inputs, Sequence[Aggregation]], Sequence[Floats]]


def of_kernel(compute: Callable[[Inputs, Sequence[Aggregation]], Floats], *entries: Aggregation) -> list[Aggregation]:
    """Return aggregations of one kernel, which fills a column for each in this order."""

    def columns(inputs: Inputs, wanted: Sequence[Aggregation]) -> Sequence[Floats]:
        results = compute(inputs, wanted)
        return [results[:, aggregation.column] for aggregation in wanted]

    return [replace(entry, column=place, compute=columns) for place, entry in enumerate(entries)]
