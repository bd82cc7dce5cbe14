"""Warnings of a fit about joins that match no row, or compare keys of differing types."""

from collections.abc import Iterator, Mapping

import pyarrow as pa

from storax_engine.learning.plan import Plan
from storax_engine.learning.tables.index import References, Slices

NO_KEYS, NO_TIME, MATCHED = range(3)  # the highest of all buckets is that of the whole
_WHY = {
    NO_KEYS: "no key of one side is on the other",
    NO_TIME: "its keys are on both sides, but no row is seen in time; do the time stamps, horizon and memory fit?",
}


def level(points: References, sliced: Slices) -> int:
    """Return how far a join gets: ``NO_KEYS``, ``NO_TIME`` or ``MATCHED``."""
    if not len(points.keys):
        return NO_KEYS
    return MATCHED if bool((sliced.hi > sliced.lo).any()) else NO_TIME


def warnings(plan: Plan, levels: Mapping[str, int], schemas: Mapping[str, pa.Schema]) -> list[str]:
    """Return the warnings about the joins. ``levels`` are by the right placeholder, ``schemas`` by placeholder."""
    return [*differing(plan, schemas), *_nothing(plan, levels)]


def nothing(left: str, right: str, reached: int) -> str:
    """Return the warning that a join matches no row, with the reason."""
    return f"the join of {left!r} and {right!r} finds nothing: {_WHY[reached]}"


def differing(plan: Plan, schemas: Mapping[str, pa.Schema]) -> Iterator[str]:
    """Yield a warning for each join that compares keys of differing types, such as text with numbers."""
    for node in plan.population.walk():
        for join in node.joins:
            for mine, theirs in join.on:
                one, other = _kind(schemas[node.name], mine), _kind(schemas[join.right.name], theirs)
                if "" not in (one, other) and one != other:
                    yield (
                        f"the join of {node.name!r} and {join.right.name!r} compares {mine!r}, which is {one}, with "
                        f"{theirs!r}, which is {other}: only keys that are written alike match"
                    )


def _nothing(plan: Plan, levels: Mapping[str, int]) -> Iterator[str]:
    for node in plan.population.walk():
        for join in node.joins:
            reached = levels.get(join.right.name, MATCHED)
            if reached != MATCHED:
                yield nothing(node.name, join.right.name, reached)


def _kind(schema: pa.Schema, name: str) -> str:
    if name not in schema.names:  # nothing uses the join, or whoever does says so
        return ""
    type_ = schema.field(name).type
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if pa.types.is_null(type_):
        return ""
    if pa.types.is_temporal(type_):
        return "a time"
    numbers = pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_boolean(type_)
    return "a number" if numbers else "text"
