"""The aggregations: what each is called, which kernel computes it and on which columns it makes sense."""

import re
from dataclasses import dataclass

from storax_engine.learning.errors import BadPlan
from storax_engine.learning.kernels import moments, ranks, shapes
from storax_engine.learning.tables.frame import CATEGORICAL, NUMERICAL, TIME_STAMP

ROWS, MOMENTS, RANKS, SHAPES, FADING = "rows", "moments", "ranks", "shapes", "fading"
NUMBERS = frozenset({NUMERICAL, TIME_STAMP})
ANYTHING = NUMBERS | {CATEGORICAL}
DEFAULT = (
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
    found = {
        "COUNT": Aggregation("COUNT", ROWS, 0, frozenset()),
        "AVG_TIME_BETWEEN": Aggregation("AVG_TIME_BETWEEN", ROWS, 1, frozenset(), needs_time=True),
    }
    for family, names in ((MOMENTS, moments.COLUMNS), (RANKS, ranks.COLUMNS), (SHAPES, shapes.COLUMNS)):
        for place, name in enumerate(names):
            kinds = ANYTHING if name.startswith("COUNT_") and "DISTINCT" in name else NUMBERS
            found[name] = Aggregation(name, family, place, kinds, needs_time=name in _ORDERED)
    return found


CATALOGUE = _catalogue()


def named(name: str) -> Aggregation:
    """The aggregation of this name; ``EWMA_3H`` is a moving average with a half-life of three hours.

    Spaces and lower case are understood. Raises ``BadPlan`` for a name that is not known.
    """
    plain = name.strip().upper().replace(" ", "_")
    if found := _HALF_LIFE.fullmatch(plain):
        half_life = int(found[1]) * _UNIT[found[2]]
        if half_life > 0:
            return Aggregation(plain, FADING, needs_time=True, half_life=half_life)
    if plain not in CATALOGUE:
        raise BadPlan(f"aggregation {name!r} is unknown; one of {', '.join(CATALOGUE)}, EWMA_<n>S|M|H|D")
    return CATALOGUE[plain]
