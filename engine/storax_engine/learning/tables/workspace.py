"""The tables of one call as prepared frames: roles read, preprocessed, and what lies below each node joined in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from storax_engine.learning.errors import BadData
from storax_engine.learning.features import fastprop, joins_checked
from storax_engine.learning.features.evaluate import Evaluator
from storax_engine.learning.features.feature import WHOLE
from storax_engine.learning.plan import MANY_TO_ONE, Join, Node, Plan
from storax_engine.learning.tables import frame as frames
from storax_engine.learning.tables.cache import Cache
from storax_engine.learning.tables.frame import NUMERICAL, PASSED_ON, Column, Frame
from storax_engine.learning.tables.index import Index, only_row, references, slice_rows

Prepare = Callable[[Node, Frame], None]


@dataclass(frozen=True)
class _Sorted:
    """The index of a join, with what was noted of the nodes below it."""

    index: Index
    kinds: Mapping[str, dict[str, str]]
    levels: Mapping[str, int]

    @property
    def nbytes(self) -> int:
        return self.index.nbytes


class Workspace:
    """Frames and indexes of one call.

    Args:
        plan: what is joined.
        tables: by name.
        prepare: applies the preprocessors to a frame of a node.
        cache: of sorted tables.
        tick: called between steps; it may raise.
        prepared_by: whose states the preprocessors apply; sorted tables are its own. None: there are no preprocessors.
    """

    def __init__(
        self,
        plan: Plan,
        tables: Mapping[str, pa.Table],
        prepare: Prepare,
        cache: Cache,
        tick: Callable[[], None],
        prepared_by: Any = None,
    ) -> None:
        self.plan, self.tables, self.tick = plan, tables, tick
        self._prepare, self._cache, self._prepared_by = prepare, cache, prepared_by
        self.kinds: dict[str, dict[str, str]] = {}
        self.levels: dict[str, int] = {}  # of the joins that were used, by their right side; see ``finding``
        for node in plan.population.walk():
            self._table(node)

    def population(self) -> Frame:
        """The population with the columns of its many-to-one joins."""
        return self._frame(self.plan.population, is_population=True)

    def index(self, join: Join) -> Index:
        """The right side of a join, sorted; made once for the same tables."""
        nodes = list(join.right.walk())
        plan = self.plan
        by_name = (plan.roles, plan.subroles, plan.units)
        marks = (by_table.get(node.table, {}) for by_table in by_name for node in nodes)
        roles = tuple(tuple(sorted(by_word.items())) for by_word in marks)
        owners = [self._table(node) for node in nodes]
        owners += [self._prepared_by] if self._prepared_by is not None else []
        known: _Sorted = self._cache.get("sorted tables", (join, roles), owners, lambda: self._sorted(join))
        self.kinds |= known.kinds
        self.levels |= known.levels
        return known.index

    def _sorted(self, join: Join) -> _Sorted:
        index = Index(self._frame(join.right), join)
        kinds = {node.name: self.kinds[node.name] for node in join.right.walk() if node.name in self.kinds}
        below = [lower.right.name for node in join.right.walk() for lower in node.joins]
        return _Sorted(index, kinds, {name: self.levels[name] for name in below if name in self.levels})

    def evaluator(self, join: Join, left: Frame) -> Evaluator:
        """What computes the features of a join for its left side."""
        evaluator = Evaluator(join, left, self.index(join), self.tick)
        self.levels[join.right.name] = evaluator.level()
        return evaluator

    def _table(self, node: Node) -> pa.Table:
        if node.table not in self.tables:
            names = ", ".join(sorted(self.tables)) or "none"
            raise BadData(f"no table for the placeholder {node.table!r} was given; given: {names}")
        return self.tables[node.table]

    def _frame(self, node: Node, *, is_population: bool = False) -> Frame:
        self.tick()
        roles = dict(self.plan.roles.get(node.table, {}))
        with_keys = with_join_columns(node, self.plan, roles, is_population)
        marks, units = self.plan.subroles.get(node.table, {}), self.plan.units.get(node.table, {})
        frame = frames.read(node.name, self._table(node), with_keys, marks, units)
        self._prepare(node, frame)
        for join in node.joins:
            if join.relationship == MANY_TO_ONE:
                self._bring_in(join, frame)
            elif not is_population:
                self._aggregate(join, frame)
        self.kinds[node.name] = {c.name: c.kind for c in frame.columns.values()}
        return frame

    def _bring_in(self, join: Join, frame: Frame) -> None:
        index = self.index(join)
        points = references(frame, join, index)
        sliced = slice_rows(points, join, index, WHOLE)
        self.levels[join.right.name] = joins_checked.level(points, sliced)
        row = only_row(points, sliced, join.right.name)
        rows = np.where(points.groups >= 0, row[points.groups], -1) if len(row) else np.full(frame.rows, -1)
        at = pa.array(rows, mask=rows < 0)
        for column in list(index.frame.of_kind(*PASSED_ON)):
            data = pa.array(column.data, from_pandas=True) if isinstance(column.data, np.ndarray) else column.data
            name, of = f"{join.right.name}__{column.name}", (join.right.name, column.name)
            frame.add(Column(name, column.kind, data.take(at), of, column.subroles, column.unit))

    def _aggregate(self, join: Join, frame: Frame) -> None:
        index = self.index(join)
        features = fastprop.nested(join, index.frame)
        out = np.empty((len(features), frame.rows))
        self.evaluator(join, frame).run(features, list(out))
        for feature, values in zip(features, out, strict=True):
            frame.add(Column(feature.name, NUMERICAL, values))


def with_join_columns(
    node: Node, plan: Plan, roles: dict[str, tuple[str, ...]], is_population: bool
) -> dict[str, tuple[str, ...]]:
    """The roles, and those of the columns that joins name though nobody gave them a role."""
    have = {name for kind in frames.KINDS for name in roles.get(kind, ())}
    extra: dict[str, list[str]] = {"join_key": [], "time_stamp": []}
    for kind, name in _named_by_joins(node, plan):
        if name not in have and name not in extra[kind]:
            extra[kind].append(name)
    merged = {**roles, **{k: (*roles.get(k, ()), *v) for k, v in extra.items()}}
    if is_population:
        merged["target"] = ()
    return merged


def _named_by_joins(node: Node, plan: Plan) -> list[tuple[str, str]]:
    columns = []
    for parent in plan.population.walk():
        for join in parent.joins:
            side = 0 if parent is node else 1 if join.right is node else None
            if side is None:
                continue
            columns += [("join_key", pair[side]) for pair in join.on]
            columns += [("time_stamp", join.time_stamps[side])] if join.time_stamps else []
            columns += [("time_stamp", join.upper_time_stamp)] if side == 1 and join.upper_time_stamp else []
    return columns
