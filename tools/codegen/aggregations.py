"""The client's list of aggregations, of those that the engine declares."""

import re

from storax_engine.learning.aggregations import fading, fading_trend
from storax_engine.learning.aggregations.catalogue import CATALOGUE, DEFAULT, NESTED

_NUMBER = re.compile(r"\d+")


def aggregations() -> dict[str, list[str]]:
    """Return all names, those of the default set first, and the sets."""
    forgetting = (*fading.AGGREGATIONS, *fading_trend.AGGREGATIONS)
    half_lives = {aggregation.name: aggregation.half_life for aggregation in forgetting}

    def sort_key(name: str) -> tuple[str, float]:
        number = _NUMBER.search(name)
        return name.partition(number[0])[0] if number else name, half_lives.get(name) or float(
            number[0] if number else 0
        )

    others = sorted({*CATALOGUE, *half_lives} - {*DEFAULT}, key=sort_key)
    return {"names": [*DEFAULT, *others], "default": list(DEFAULT), "minimal": list(NESTED)}
