"""Which rows of which table a bucket needs, decided from the plan and a look at the population's keys.

A row of the population is in one bucket. The tables below follow it:

* **hashed**: the join's keys contain the bucket keys, so a row's own key says which bucket it is in;
* **seen**: they do not, so a row goes to every bucket that holds its key on the left side, to one or to several;
* **whole**: the join has no keys, so every bucket has the whole table.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from storax_engine.learning.buckets import hashes
from storax_engine.learning.buckets.sources import Source
from storax_engine.learning.plan import Join, Node, Plan

HASHED, SEEN, WHOLE, BY_ROW = "hashed", "seen", "whole", "by_row"


@dataclass(frozen=True)
class Route:
    """How the rows of one placeholder find their buckets; ``columns`` are its own that are hashed.

    ``join`` and ``left`` are how it hangs on the placeholder above it.
    """

    node: Node
    how: str
    columns: tuple[str, ...] = ()
    join: Join | None = None
    left: Node | None = None


def routes(plan: Plan, sources: Mapping[str, Source], n: int) -> list[Route]:
    """A route for each placeholder, those above before those below."""
    chosen = _bucket_keys(plan, sources, n)
    population = Route(plan.population, HASHED if chosen else BY_ROW, chosen)
    return [population, *_below(population, sources)]


def _below(above: Route, sources: Mapping[str, Source]) -> Iterator[Route]:
    for join in above.node.joins:
        route = _route(above, join, sources)
        yield route
        yield from _below(route, sources)


def _route(above: Route, join: Join, sources: Mapping[str, Source]) -> Route:
    if not join.on:
        return Route(join.right, WHOLE, join=join, left=above.node)
    if above.how == HASHED and (columns := _counterparts(above.columns, join, sources, above.node)):
        return Route(join.right, HASHED, columns, join, above.node)
    return Route(join.right, SEEN, join=join, left=above.node)


def _counterparts(
    columns: tuple[str, ...], join: Join, sources: Mapping[str, Source], left: Node
) -> tuple[str, ...] | None:
    """The right table's columns that equal these of the left; None where the join does not compare them all as is."""
    counterparts = []
    for column in columns:
        same = [b for a, b in join.on if a == column and _alike(sources, left, a, join.right, b)]
        if not same:
            return None
        counterparts.append(same[0])
    return tuple(counterparts)


def _alike(sources: Mapping[str, Source], left: Node, a: str, right: Node, b: str) -> bool:
    return bool(_kind(sources[left.name], a) == _kind(sources[right.name], b))


def _kind(source: Source, column: str) -> pa.DataType:
    return hashes.kind(source.schema.field(column).type)


def _bucket_keys(plan: Plan, sources: Mapping[str, Source], n: int) -> tuple[str, ...]:
    """The population's columns that leave the least in a bucket; none where no join has keys."""
    joins = [join for join in plan.population.joins if join.on]
    names = sorted({a for join in joins for a, _ in join.on})
    different = {name: _different(sources[plan.population.name], name) for name in names}
    candidates = sorted({(name,) for name in names} | {tuple(dict.fromkeys(a for a, _ in j.on)) for j in joins})
    if not candidates:
        return ()
    return min(candidates, key=lambda c: (_in_a_bucket(c, plan, sources, n, different), len(c), c))


def _in_a_bucket(
    columns: tuple[str, ...], plan: Plan, sources: Mapping[str, Source], n: int, different: Mapping[str, int]
) -> float:
    """About how many cells the largest bucket has if these columns are the bucket keys."""
    population = plan.population
    rows = max(sources[population.name].rows, 1)
    spread = min(n, max(different[c] for c in columns))
    total = _cells(population, sources) / spread
    for join in population.joins:
        cells = sum(_cells(node, sources) for node in join.right.walk())
        if join.on and _counterparts(columns, join, sources, population):
            total += cells / spread
        elif join.on:
            per_key = rows / max(different[a] for a, _ in join.on)
            total += cells * (1.0 - (1.0 - 1.0 / n) ** per_key)
        else:
            total += cells
    return total


def _cells(node: Node, sources: Mapping[str, Source]) -> float:
    source = sources[node.name]
    return float(source.rows * len(source.schema))


def _different(source: Source, column: str) -> int:
    values = source.table([column]).column(0)
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    return max(int(pc.count_distinct(values).as_py()), 1)
