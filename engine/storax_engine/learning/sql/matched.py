"""Matched rows, from which aggregations make their SQL: one for each reference point and row that it sees."""

from dataclasses import dataclass, replace
from typing import Any, Self

import ibis

TIME, MOMENT, VALUE, OWN = "time_", "moment_", "value_", "own_"


@dataclass(frozen=True)
class Matched:
    """Rows matched to reference points.

    Columns: ``groups`` (the point), ``time_`` of the row, ``value_`` if the aggregation needs one. ``moment_`` is the
    point's time, one of the groups if the join has time stamps; ``own_`` the value of the point that a comparison
    compares with those of the rows, one of the groups too. ``portable``: use only SQL that every dialect has.
    ``out`` is the name of the result.
    """

    rows: ibis.Table
    groups: tuple[str, ...]
    horizon: float
    portable: bool = False
    out: str = ""

    @property
    def value(self) -> Any:
        """The value of the row, which is known."""
        return self.rows[VALUE]

    @property
    def time(self) -> Any:
        """The time of the row."""
        return self.rows[TIME]

    @property
    def moment(self) -> Any:
        """The time of the reference point."""
        return self.rows[MOMENT]

    def known(self, out: str) -> Self:
        """Return the rows whose value is known, for a result of this name."""
        rows = self.rows.filter(self.value.notnull()) if VALUE in self.rows.columns else self.rows
        return replace(self, rows=rows, out=out)

    def wide(self, **columns: Any) -> Self:
        """Return the rows with further columns."""
        return replace(self, rows=self.rows.mutate(**columns))

    def by_value(self) -> Self:
        """Return one row for each different value of a reference point; ``n_`` says how many there were."""
        return replace(self, rows=self.rows.group_by([*self.groups, VALUE]).aggregate(n_=self.rows.count()))

    def over(self, expression: Any) -> Any:
        """Return the aggregate of a row's reference point, as a column."""
        return expression.over(ibis.window(group_by=list(self.groups)))

    def rank(self, *order: Any) -> Any:
        """Return the place of a row among those of its reference point, from 0."""
        return ibis.row_number().over(ibis.window(group_by=list(self.groups), order_by=list(order)))

    def first(self, *order: Any) -> ibis.Table:
        """Return the value of the first row in this order, for each reference point."""
        ranked = self.wide(rank_=self.rank(*order))
        return ranked.rows.filter(ranked.rows.rank_ == 0).select(*self.groups, **{self.out: ranked.value})

    def aggregate(self, expression: Any) -> ibis.Table:
        """Return the value of an expression for each reference point."""
        return self.rows.group_by(list(self.groups)).aggregate(**{self.out: expression.cast("float64")})
