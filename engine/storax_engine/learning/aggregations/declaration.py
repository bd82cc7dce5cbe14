"""What an aggregation is: its name, what it takes, the kernel that computes it, and its SQL."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from storax_engine.learning.kernels.parts import ROWS_AT_ONCE, in_parts
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

    ``is_time``: the values are time stamps. ``horizon`` is the join's, in seconds. ``tick`` is called between parts of
    the work; it may raise.
    """

    values: Floats
    slices: Slices
    moments: Floats
    horizon: float
    is_time: bool
    tick: Callable[[], None] = lambda: None

    def parts(self, weight: int = 1) -> Iterator[slice]:
        """Yield parts of the slices for a kernel that reads each row of each slice; calls ``tick`` before each.

        Args:
            weight: how many times the kernel reads a row, or does as much with it.
        """
        s = self.slices
        return in_parts(s.hi - s.lo + 1, ROWS_AT_ONCE // weight, self.tick)

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
