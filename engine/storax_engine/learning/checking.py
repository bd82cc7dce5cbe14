"""Warnings before a fit: data that it accepts, but that look wrong."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from storax_engine.learning import plan, targets
from storax_engine.learning.boosting import learners
from storax_engine.learning.errors import never, stop_if
from storax_engine.learning.features import comparisons, joins_checked, why_nothing
from storax_engine.learning.features.feature import WHOLE
from storax_engine.learning.kernels.compile import report_compilation
from storax_engine.learning.plan import MANY_TO_MANY, Join, Plan
from storax_engine.learning.predictors import registry as predictors
from storax_engine.learning.preparation import Preparation
from storax_engine.learning.tables.cache import Cache
from storax_engine.learning.tables.frame import CATEGORICAL, NUMERICAL, Frame
from storax_engine.learning.tables.index import Index, References, Slices, references, slices_in_parts
from storax_engine.learning.tables.workspace import Workspace

COVERAGE, BLOW_UP, NULLS, DIFFERENT = 0.5, 100_000, 0.9, 0.5


def check(
    spec: Mapping[str, Any],
    tables: Mapping[str, pa.Table],
    *,
    progress: Callable[[float, str], None] = lambda _share, _text: None,
    cancelled: Callable[[], bool] = never,
) -> list[str]:
    """Return warnings: joins with few or too many matches, empty or constant columns, tables that no join uses, too few
    rows for a learner.

    Raises what ``fit`` would raise for the same input. ``progress`` and ``cancelled`` are called as by ``fit``.
    """
    with report_compilation(progress):
        return _check(spec, tables, partial(stop_if, cancelled))


def _check(spec: Mapping[str, Any], tables: Mapping[str, pa.Table], tick: Callable[[], None]) -> list[str]:
    read = plan.read(spec)
    for part in (*read.selectors, *read.predictors):
        predictors.make(part)
    learners.of(read)
    table = targets.population(read, tables, to_fit=True)
    if read.predictors:
        targets.read(read, table, to_fit=True)
    preparation = Preparation(read)
    workspace = Workspace(read, tables, preparation.fit, Cache(), tick)
    population = workspace.population()
    schemas = {node.name: tables[node.table].schema for node in read.population.walk()}
    return [
        *_unused(read, tables), *why_nothing.too_few_rows(read, population.rows), *_columns(population),
        *joins_checked.differing(read, schemas),
        *_joins(read, workspace, population), *comparisons.lonely(read), *comparisons.many(read),
    ]  # fmt: skip


def _unused(read: Plan, tables: Mapping[str, pa.Table]) -> Iterator[str]:
    used = {node.table for node in read.population.walk()}
    yield from (f"table {name!r} is in no join: nothing is learned from it" for name in sorted(set(tables) - used))


def _columns(frame: Frame) -> Iterator[str]:
    for column in frame.of_kind(NUMERICAL, CATEGORICAL):
        values = frame.numbers(column.name)
        known = values[~np.isnan(values)]
        where = f"column {column.name!r} of {frame.name!r}"
        if known.size <= (1 - NULLS) * max(values.size, 1):
            yield f"{where} is null in {1 - known.size / max(values.size, 1):.0%} of its rows"
        elif known.size > 1 and (known == known[0]).all():
            yield f"{where} has the same value in all rows"
        elif column.kind == CATEGORICAL and len(np.unique(known)) > max(DIFFERENT * known.size, 20):
            yield f"{where} is categorical, but most of its values are different: is it a join key?"


def _joins(read: Plan, workspace: Workspace, population: Frame) -> Iterator[str]:
    for join in read.population.joins:
        index = workspace.index(join)
        yield from _columns(index.frame)
        points = references(population, join, index)
        yield from _join_warnings(population, join, points, _widths(points, join, index, workspace.tick))


def _widths(points: References, join: Join, index: Index, tick: Callable[[], None]) -> Slices:
    """Return slices of which only the widths count: how many rows each point sees."""
    parts = [sliced.hi - sliced.lo for _, sliced in slices_in_parts(points, join, index, WHOLE, tick)]
    width = np.concatenate([np.zeros(0, np.int64), *parts])
    return Slices(index, np.zeros_like(width), width, index.times)


def _join_warnings(left: Frame, join: Join, points: References, sliced: Slices) -> Iterator[str]:
    where = f"the join of {left.name!r} and {join.right.name!r}"
    width = sliced.hi - sliced.lo
    rows = np.where(points.groups >= 0, width[points.groups], 0) if len(width) else np.zeros(left.rows, np.int64)
    share = float((rows > 0).mean()) if left.rows else 0.0
    if (level := joins_checked.level(points, sliced)) != joins_checked.MATCHED:
        yield joins_checked.nothing(left.name, join.right.name, level)
    elif share < COVERAGE:
        yield f"{where} finds rows for {share:.1%} of {left.name!r} only: do the keys and time stamps fit?"
    if len(sliced.index.order) and (used := _keys_used(points, sliced)) < COVERAGE:
        yield f"{where} uses {used:.1%} of the keys of {join.right.name!r} only"
    if join.relationship == MANY_TO_MANY and width.size and int(width.max()) > BLOW_UP:
        yield f"{where} finds up to {int(width.max()):,} rows for one row: give it a memory or more keys"
    if join.relationship == MANY_TO_MANY and (rows > 0).any() and (rows <= 1).all():
        yield f"{where} finds one row at most: declared as many_to_one its columns would be used as they are"


def _keys_used(points: References, sliced: Slices) -> float:
    filled = np.flatnonzero(np.diff(sliced.index.starts))
    return float(np.isin(filled, points.keys).mean()) if filled.size else 1.0
