"""The data model as expressions: each placeholder's table, prepared and joined as the frames are."""

from collections.abc import Container, Mapping
from typing import Any

import ibis
import pyarrow as pa

from storax_engine.learning.aggregations.catalogue import COUNTING
from storax_engine.learning.features import fastprop
from storax_engine.learning.features.feature import WHOLE, Feature
from storax_engine.learning.plan import MANY_TO_ONE, Join, Node, Plan
from storax_engine.learning.preparation import WITH_TARGETS
from storax_engine.learning.preprocessors import registry
from storax_engine.learning.sql import steps
from storax_engine.learning.sql.aggregates import aggregated, all_of, compared, meets, value_of
from storax_engine.learning.sql.matched import MOMENT, OWN, TIME, VALUE, Matched
from storax_engine.learning.tables.frame import (
    CATEGORICAL,
    NUMERICAL,
    PASSED_ON,
    TARGET,
    TEXT,
    TIME_STAMP,
    Column,
    Frame,
)

Wanted = Container[str | None]
KEY, RIGHT, FEATURE = "key_{}_", "right_", "found_"


class Tables:
    """Expressions for one pipeline. ``portable`` avoids what only some engines offer."""

    def __init__(
        self,
        plan: Plan,
        schemas: Mapping[str, pa.Schema],
        kinds: Mapping[str, Mapping[str, str]],
        states: Mapping[str, Any],
        *,
        portable: bool = False,
    ) -> None:
        self.plan, self.kinds, self.portable = plan, kinds, portable
        self._schemas, self._states = schemas, states

    def population(self, wanted: Wanted) -> ibis.Table:
        """The population as prepared, with what needs the targets."""
        means = [p for p in self.plan.preprocessors if p.kind == registry.TARGET_MEANS]
        states = self._states.get(WITH_TARGETS, [])
        mapped: set[str | None] = {
            entry["column"] for state in states for name, entry in state.items() if name in wanted
        }
        table = self.table(self.plan.population, _Either(wanted, mapped))
        for _, state in zip(means, states, strict=True):
            table = steps.means(table, {name: entry for name, entry in state.items() if name in wanted})
        return table

    def table(self, node: Node, wanted: Wanted) -> ibis.Table:
        """A placeholder's table as prepared, with those columns from below it that are wanted."""
        table = self._plain(node)
        own = [p for p in self.plan.preprocessors if p.kind != registry.TARGET_MEANS]
        for part, state in zip(own, self._states[node.name], strict=True):
            table = steps.apply(table, part, state, wanted)
        for join in node.joins:
            if join.relationship == MANY_TO_ONE:
                table = self._bring_in(join, table, wanted)
            elif node is not self.plan.population:
                table = self._aggregate(join, table, wanted)
        return table

    def matched(self, join: Join, left: ibis.Table, feature: Feature) -> Matched:
        """The rows of the right that each reference point of the left sees and the feature counts."""
        points, groups = self._points(join, left, feature)
        conditional = {one.column for one in feature.where}
        wanted = {feature.column, feature.condition and feature.condition[0], *conditional, *_keys(join)}
        right = self.table(join.right, wanted).rename(RIGHT + "{name}")
        if feature.condition:
            right = right.filter(right[RIGHT + feature.condition[0]] == feature.condition[1])
        for one in feature.where:
            right = right.filter(meets(right[RIGHT + one.column], one))
        conditions = [_same(points[g], right[RIGHT + name]) for g, (_, name) in zip(groups, join.on, strict=False)]
        if join.time_stamps:
            conditions += _limits(join, points[MOMENT], right, feature.window)
        rows = points.inner_join(right, conditions or [ibis.literal(True)])
        values: dict[str, Any] = {TIME: rows[RIGHT + join.time_stamps[1]]} if join.time_stamps else {}
        if feature.column is not None:
            kind = self.kinds[join.right.name][feature.column]
            column, comparison = RIGHT + feature.column, feature.compared
            values[VALUE] = compared(rows, column, kind, comparison[0]) if comparison else value_of(rows, column, kind)
        return Matched(rows.select(*groups, **values), groups, join.horizon, self.portable)

    def references(self, join: Join, left: ibis.Table, feature: Feature) -> dict[str, Any]:
        """What the names of ``Matched.groups`` are on the left."""
        keys = {KEY.format(i): left[name] for i, (name, _) in enumerate(join.on)}
        moment = {MOMENT: left[join.time_stamps[0]]} if join.time_stamps else {}
        return keys | moment | ({OWN: left[feature.compared[1]]} if feature.compared else {})

    def _points(self, join: Join, left: ibis.Table, feature: Feature) -> tuple[ibis.Table, tuple[str, ...]]:
        groups = self.references(join, left, feature) or {KEY.format(0): ibis.literal(1)}
        points = left.select(**groups).distinct()
        return points.filter(all_of([points[n].notnull() for n in groups])), tuple(groups)

    def _plain(self, node: Node) -> ibis.Table:
        """Numbers as float64, time stamps in seconds, categories and texts as strings, keys as they are."""
        table = ibis.table(ibis.Schema.from_pyarrow(self._schemas[node.name]), name=node.table)
        kinds = {c: k for c, k in self.kinds[node.name].items() if c in table.columns}
        return table.select(**{name: _typed(table[name], kind, self.portable) for name, kind in kinds.items()})

    def _bring_in(self, join: Join, left: ibis.Table, wanted: Wanted) -> ibis.Table:
        kinds, name = self.kinds[join.right.name], join.right.name
        kept = [c for c, k in kinds.items() if k in PASSED_ON and f"{name}__{c}" in wanted]
        if not kept:
            return left
        below: set[str | None] = {*kept, *_keys(join)}
        right = self.table(join.right, below).rename(RIGHT + "{name}")
        conditions = [_same(left[a], right[RIGHT + b]) for a, b in join.on]
        if join.time_stamps:
            conditions += _limits(join, left[join.time_stamps[0]], right, WHOLE)
        joined = left.left_join(right, conditions or [ibis.literal(True)])
        return joined.select(*left.columns, **{f"{name}__{c}": joined[RIGHT + c] for c in kept})

    def _aggregate(self, join: Join, left: ibis.Table, wanted: Wanted) -> ibis.Table:
        frame = Frame(join.right.name, 0)
        for name, kind in self.kinds[join.right.name].items():
            frame.add(Column(name, kind, None))
        return self._with_features(left, join, [f for f in fastprop.nested(join, frame) if f.name in wanted])

    def _with_features(self, left: ibis.Table, join: Join, features: list[Feature]) -> ibis.Table:
        """The left table with features of one join as further columns."""
        for feature in features:
            computed = aggregated(self.matched(join, left, feature), feature).rename(FEATURE + "{name}")
            references = self.references(join, left, feature)
            conditions = [expression == computed[FEATURE + g] for g, expression in references.items()]
            joined = left.left_join(computed, conditions or [ibis.literal(True)])
            value = joined[FEATURE + feature.name]
            value = value.fill_null(0.0) if feature.aggregation in COUNTING else value
            left = joined.select(*left.columns, **{feature.name: value})
        return left


class _Either:
    """Names in the one or in the other."""

    def __init__(self, one: Wanted, other: Wanted) -> None:
        self._one, self._other = one, other

    def __contains__(self, name: object) -> bool:
        return name in self._one or name in self._other


def _keys(join: Join) -> set[str | None]:
    """Columns of the right that a join needs."""
    stamps = [join.time_stamps[1], join.upper_time_stamp] if join.time_stamps else []
    return {*(right for _, right in join.on), *stamps}


def _typed(column: Any, kind: str, portable: bool) -> Any:
    if kind == TIME_STAMP:
        if column.type().is_date():
            column = column.cast("timestamp")
        if column.type().is_timestamp():
            column = _seconds(column) if portable else column.epoch_seconds()
        return column.cast("float64")
    if kind in {NUMERICAL, TARGET}:
        if column.type().is_boolean():  # which Postgres does not cast to a number
            column = ibis.ifelse(column, 1, ibis.ifelse(~column, 0, ibis.null("int8")))
        return column.cast("float64")
    return column.cast("string") if kind in {CATEGORICAL, TEXT} else column


def _seconds(moment: Any) -> Any:
    """Seconds since 1970 out of year, month, day and so on, by the Julian day number.

    What engines have for it heeds the session's zone (MySQL), ends in 2038 (SQL Server) or is not there (Oracle).
    """
    year, month = moment.year().cast("float64"), moment.month().cast("float64")
    early = ibis.ifelse(month <= 2, 1.0, 0.0)
    since, number = year + 4800.0 - early, month + 12.0 * early - 3.0
    leaps = (since / 4.0).floor() - (since / 100.0).floor() + (since / 400.0).floor()
    days = moment.day().cast("float64") + ((153.0 * number + 2.0) / 5.0).floor() + 365.0 * since + leaps
    hours, minutes = moment.hour().cast("float64"), moment.minute().cast("float64")
    return (days - 2472633.0) * 86400.0 + hours * 3600.0 + minutes * 60.0 + moment.second().cast("float64")


def _same(left: Any, right: Any) -> Any:
    if left.type().is_string() != right.type().is_string():
        return left.cast("string") == right.cast("string")
    return left == right


def _limits(join: Join, moment: Any, right: ibis.Table, window: tuple[float, float | None]) -> list[Any]:
    time = right[RIGHT + (join.time_stamps or ("", ""))[1]]
    begin = join.horizon + window[0]
    ends = [e for e in (window[1], join.memory) if e is not None]
    conditions = [time + begin <= moment if begin else time <= moment]
    if ends:
        conditions.append(time + (join.horizon + min(ends)) > moment)
    if join.upper_time_stamp:
        upper = right[RIGHT + join.upper_time_stamp]
        conditions.append((moment < upper) | upper.isnull())
    return conditions
