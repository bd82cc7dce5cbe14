"""Columns of equal unit on both sides of a join, compared: difference, ratio, which is larger, whether they are equal.

A comparison takes a column of the population and one of the joined table; each row of the join gives one value.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from storax_engine.learning.aggregations.declaration import DIFFERENCE, RATIO, Aggregation
from storax_engine.learning.plan import MANY_TO_MANY, Join, Node, Plan
from storax_engine.learning.tables.columns import Floats, Ints, lookup
from storax_engine.learning.tables.frame import CATEGORICAL, NUMERICAL, TARGET, TIME_STAMP, Column, Frame
from storax_engine.learning.tables.index import References
from storax_engine.learning.tables.subroles import COMPARISON, FASTPROP, allow, compare

ABOVE, SAME = "above", "same"
_OF_KIND = {
    NUMERICAL: (DIFFERENCE, RATIO, ABOVE),
    TARGET: (DIFFERENCE, RATIO, ABOVE),
    TIME_STAMP: (DIFFERENCE, ABOVE),
    CATEGORICAL: (SAME,),
}
MANY = 200  # pairs of columns across one join
_OF_FLAGS = frozenset({"AVG", "SUM"})  # the share and the number of the rows


@dataclass(frozen=True)
class Pair:
    """A column of the population, one of the joined table, and how they are compared."""

    mine: str
    theirs: str
    how: str

    def accepts(self, aggregation: Aggregation) -> bool:
        """Return whether an aggregation of the comparison says what those of the columns do not."""
        if self.how in {ABOVE, SAME}:
            return aggregation.name in _OF_FLAGS
        return self.how in aggregation.compares


def pairs(join: Join, left: Frame, right: Frame) -> Iterator[Pair]:
    """Yield what can be compared across a join: columns of the same unit and kind, which their subroles allow."""
    for theirs in right.of_kind(*_OF_KIND):
        if not theirs.unit or not compare(theirs.subroles) or not _is_seen(join, theirs):
            continue
        for mine in left.of_kind(NUMERICAL, TIME_STAMP, CATEGORICAL):
            if mine.unit == theirs.unit and compare(mine.subroles) and mine.kind == _as_compared(theirs):
                yield from (Pair(mine.name, theirs.name, how) for how in _comparisons(join, mine, theirs))


def lonely(plan: Plan) -> Iterator[str]:
    """Yield a warning for each column that is for comparisons alone, though no column of its kind has the same unit."""
    own = [*_compared_columns(plan, plan.population)]
    joined = [
        column
        for join in plan.population.joins
        if join.relationship == MANY_TO_MANY
        for column in _compared_columns(plan, join.right, lagged_targets=join.lagged_targets)
    ]
    paired = {one[2:] for one in own} & {one[2:] for one in joined}
    used = {one[:2] for one in (*own, *joined) if one[2:] in paired}
    for table in sorted({node.table for node in plan.population.walk()}):
        for column, marks in plan.subroles.get(table, {}).items():
            if f"only {COMPARISON}" in marks and (table, column) not in used:
                yield (
                    f"column {column!r} of table {table!r} is for comparison only, and is compared with none: another "
                    "column, across a join of the population, needs the same unit and role (numerical, time_stamp or "
                    "categorical)"
                )


def many(plan: Plan) -> Iterator[str]:
    """Yield a warning for each join and unit with more than ``MANY`` pairs of columns, each of which costs time."""
    own = Counter(one[2:] for one in _compared_columns(plan, plan.population) if _may_compare(plan, *one[:2]))
    for join in plan.population.joins:
        if join.relationship != MANY_TO_MANY:
            continue
        columns = _compared_columns(plan, join.right, lagged_targets=join.lagged_targets)
        joined = Counter(one[2:] for one in columns if _may_compare(plan, *one[:2]))
        for unit, role in sorted(own.keys() & joined.keys()):
            if (number := own[unit, role] * joined[unit, role]) > MANY:
                yield (
                    f"the join of {plan.population.name!r} and {join.right.name!r} compares {number:,} pairs of {role} "
                    f"columns of the unit {unit!r}, which makes a fit slow: give fewer of them this unit"
                )


def _may_compare(plan: Plan, table: str, column: str) -> bool:
    return compare(plan.subroles.get(table, {}).get(column, ()))


def _compared_columns(plan: Plan, node: Node, *, lagged_targets: bool = False) -> Iterator[tuple[str, str, str, str]]:
    """Yield table, name, unit and role of the columns of a placeholder, and of those that are joined many-to-one."""
    for role in (NUMERICAL, TIME_STAMP, CATEGORICAL, *([TARGET] if lagged_targets else [])):
        for column in plan.roles.get(node.table, {}).get(role, ()):
            if unit := plan.units.get(node.table, {}).get(column, ""):
                yield node.table, column, unit, NUMERICAL if role == TARGET else role
    for join in node.joins:
        if join.relationship != MANY_TO_MANY:
            yield from _compared_columns(plan, join.right)


def _is_seen(join: Join, theirs: Column) -> bool:
    if theirs.kind == TARGET:
        return join.lagged_targets
    return theirs.kind != TIME_STAMP or (join.time_stamps is not None and theirs.name != join.upper_time_stamp)


def _as_compared(theirs: Column) -> str:
    return NUMERICAL if theirs.kind == TARGET else theirs.kind


def _comparisons(join: Join, mine: Column, theirs: Column) -> tuple[str, ...]:
    if mine.kind != TIME_STAMP:
        return _OF_KIND[mine.kind]
    if mine.of:  # from a many-to-one join: it may be after the time of the row, and then is not known
        return ()
    if join.time_stamps and mine.name == join.time_stamps[0]:  # the difference is the age, which is a feature already
        return () if allow(theirs.subroles, FASTPROP) else (DIFFERENCE,)
    return _OF_KIND[TIME_STAMP]


def column_name(column: str, compared: tuple[str, str]) -> str:
    """Return what a feature's name says of a comparison, such as ``limit__minus_price`` and ``price__above_limit``."""
    how, mine = compared
    if how == DIFFERENCE:
        return f"{mine}__minus_{column}"
    return f"{column}__{ {RATIO: 'by', ABOVE: 'above', SAME: 'same_as'}[how] }_{mine}"


def own_values(left: Frame, mine: str, right: Frame, theirs: str) -> Floats:
    """Return the population's side: numbers, seconds, or codes as the joined table's column has them; NaN for null."""
    if left.columns[mine].kind != CATEGORICAL:
        return left.numbers(mine)
    values = left.strings(mine)
    codes = lookup(values, right.coded(theirs)[1]).astype(np.float64)
    return np.where(values.is_valid().to_numpy(zero_copy_only=False), codes, np.nan)


def compute(how: str, mine: Floats, theirs: Floats) -> Floats:
    """Return a comparison for each pair of values; NaN where one is not known, or a ratio to 0."""
    with np.errstate(all="ignore"):
        if how == DIFFERENCE:
            return mine - theirs
        if how == RATIO:
            return np.where(mine != 0.0, theirs / mine, np.nan)
        holds = theirs > mine if how == ABOVE else theirs == mine
    return np.where(np.isnan(mine) | np.isnan(theirs), np.nan, holds)


@dataclass
class Points:
    """The different (key, time, own value) of a left frame; ``at`` are their places among the (key, time) alone."""

    references: References
    at: Ints
    values: Floats

    def of_points(self, part: slice) -> slice:
        """Return the places of those that belong to a part of the (key, time), which they follow in order."""
        return slice(*(int(place) for place in np.searchsorted(self.at, (part.start, part.stop))))

    def part(self, some: slice, part: slice) -> "Points":
        """Return some of them; ``at`` counts from the beginning of that part of the (key, time)."""
        return Points(self.references.part(some), self.at[some] - part.start, self.values[some])


def points(base: References, values: Floats) -> Points:
    """Divide reference points by a value of the left frame's rows; rows without one have group -1."""
    rows = np.flatnonzero((base.groups >= 0) & ~np.isnan(values))
    order = rows[np.lexsort((values[rows], base.groups[rows]))]
    keys, own = base.groups[order], values[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (keys[1:] != keys[:-1]) | (own[1:] != own[:-1])
    groups = np.full(len(base.groups), -1, np.int64)
    groups[order] = np.cumsum(first) - 1
    at = keys[first]
    return Points(References(groups, base.keys[at], base.moments[at]), at, own[first])
