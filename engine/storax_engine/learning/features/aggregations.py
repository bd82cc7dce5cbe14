"""The aggregations: names, the kinds of columns that each accepts, the kernel that computes it, and its SQL expression.

A new one is a column of the kernel whose family fits, named in that kernel's ``COLUMNS``, and an entry of ``SQL``. If
one SQL expression does not suffice, it is a query in ``learning/sql/aggregates.py``. Its name for scripts is in
``storax.feature_learning.aggregations``.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from storax_engine.learning.errors import BadPlan
from storax_engine.learning.kernels import moments, ranks, shapes
from storax_engine.learning.tables.frame import CATEGORICAL, NUMERICAL, TIME_STAMP

ROWS, MOMENTS, RANKS, SHAPES, FADING = "rows", "moments", "ranks", "shapes", "fading"
NUMBERS = frozenset({NUMERICAL, TIME_STAMP})
ANYTHING = NUMBERS | {CATEGORICAL}
DEFAULT = (  # `aggregations.default` of client/storax/feature_learning.py repeats this list; a test compares the two
    "AVG",
    "COUNT",
    "COUNT_DISTINCT",
    "COUNT_MINUS_COUNT_DISTINCT",
    "FIRST",
    "LAST",
    "MAX",
    "MEDIAN",
    "MIN",
    "MODE",
    "STDDEV",
    "SUM",
    "TREND",
    "AVG_TIME_BETWEEN",
)
# What is computed below the first level of joins, where each column is aggregated once more above.
NESTED = ("AVG", "COUNT", "MAX", "MIN", "SUM")
# These are 0 where there is nothing to count; all others are not known.
COUNTING = frozenset(
    {
        "COUNT",
        "COUNT_DISTINCT",
        "COUNT_MINUS_COUNT_DISTINCT",
        "COUNT_ABOVE_MEAN",
        "COUNT_BELOW_MEAN",
        "NUM_MAX",
        "NUM_MIN",
    }
)
_ORDERED = {"FIRST", "LAST", "TREND"} | {n for n in shapes.COLUMNS if n.startswith("TIME_SINCE")}
_HALF_LIFE = re.compile(r"EWMA_(\d+)([SMHD])")
_UNIT = {"S": 1.0, "M": 60.0, "H": 3600.0, "D": 86400.0}


def _quantile(q: float, values: Any) -> Any:
    return values.quantile(q)


QUANTILES = {"MEDIAN": 0.5, **{f"Q{p}": p / 100 for p in (1, 5, 10, 25, 75, 90, 95, 99)}}
# Those that SQL computes from the values alone, by an expression of Ibis.
SQL: Mapping[str, Callable[[Any], Any]] = {
    "AVG": lambda values: values.mean(),
    "SUM": lambda values: values.sum(),
    "MIN": lambda values: values.min(),
    "MAX": lambda values: values.max(),
    "STDDEV": lambda values: values.std(how="pop"),
    "VAR": lambda values: values.var(how="pop"),
    "VARIATION_COEFFICIENT": lambda values: values.std(how="pop") / values.mean().nullif(0.0),
    "COUNT_DISTINCT": lambda values: values.nunique(),
    "COUNT_MINUS_COUNT_DISTINCT": lambda values: values.count() - values.nunique(),
    "COUNT_DISTINCT_OVER_COUNT": lambda values: values.nunique().cast("float64") / values.count().nullif(0),
    "MEDIAN": lambda values: values.median(),
    **{name: partial(_quantile, q) for name, q in QUANTILES.items() if name != "MEDIAN"},
}


@dataclass(frozen=True)
class Aggregation:
    """``column`` is the place in the kernel's output; ``half_life`` seconds, of the fading ones alone."""

    name: str
    family: str
    column: int = 0
    kinds: frozenset[str] = NUMBERS
    needs_time: bool = False
    half_life: float = 0.0


def _catalogue() -> dict[str, Aggregation]:
    catalogue = {
        "COUNT": Aggregation("COUNT", ROWS, 0, frozenset()),
        "AVG_TIME_BETWEEN": Aggregation("AVG_TIME_BETWEEN", ROWS, 1, frozenset(), needs_time=True),
    }
    for family, names in ((MOMENTS, moments.COLUMNS), (RANKS, ranks.COLUMNS), (SHAPES, shapes.COLUMNS)):
        for place, name in enumerate(names):
            kinds = ANYTHING if name.startswith("COUNT_") and "DISTINCT" in name else NUMBERS
            catalogue[name] = Aggregation(name, family, place, kinds, needs_time=name in _ORDERED)
    return catalogue


CATALOGUE = _catalogue()


def named(name: str) -> Aggregation:
    """The aggregation of this name; ``EWMA_3H`` is a moving average with a half-life of three hours.

    Spaces and lower case are understood. Raises ``BadPlan`` for a name that is not known.
    """
    plain = name.strip().upper().replace(" ", "_")
    if match := _HALF_LIFE.fullmatch(plain):
        half_life = int(match[1]) * _UNIT[match[2]]
        if half_life > 0:
            return Aggregation(plain, FADING, needs_time=True, half_life=half_life)
    if plain not in CATALOGUE:
        raise BadPlan(f"aggregation {name!r} is unknown; one of {', '.join(CATALOGUE)}, EWMA_<n>S|M|H|D")
    return CATALOGUE[plain]
