"""All aggregations by name, and sets of them."""

from collections.abc import Mapping

from storax_engine.learning.aggregations import fading, fading_trend, moments, ranks, rows, shapes
from storax_engine.learning.aggregations.declaration import Aggregation
from storax_engine.learning.errors import BadPlan

_ALL = (*rows.AGGREGATIONS, *moments.AGGREGATIONS, *ranks.AGGREGATIONS, *shapes.AGGREGATIONS)
CATALOGUE: Mapping[str, Aggregation] = {aggregation.name: aggregation for aggregation in _ALL}
COUNTING = frozenset(aggregation.name for aggregation in _ALL if aggregation.counts)
# What a learner computes if its description names none.
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


def named(name: str) -> Aggregation:
    """The aggregation of this name; ``EWMA_3H`` and ``EWMA_TREND_3H`` have a half-life of three hours.

    Spaces and lower case are understood. Raises ``BadPlan`` for a name that is not known.
    """
    plain = name.strip().upper().replace(" ", "_")
    aggregation = CATALOGUE.get(plain) or fading.named(plain) or fading_trend.named(plain)
    if aggregation is None:
        known = ", ".join([*CATALOGUE, "EWMA_<n>S|M|H|D", "EWMA_TREND_<n>S|M|H|D"])
        raise BadPlan(f"aggregation {name!r} is unknown; one of {known}")
    return aggregation
