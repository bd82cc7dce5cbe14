"""Groups of rows: ``df.group_by("carrier").agg(late=df["delay"].avg())``."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from storax.data.expressions.aggregations import Aggregation, Rows
from storax.data.expressions.columns import Column
from storax.errors import InvalidInput

ViewT = TypeVar("ViewT")


class Groups(Generic[ViewT]):
    """The rows of a data frame or view by the values of some columns."""

    def __init__(self, source: Rows, names: list[str], view: Callable[[dict[str, Any]], ViewT]) -> None:
        self._source, self._names, self._view = source, names, view

    def agg(self, aggregations: Mapping[str, Aggregation] | None = None, /, **named: Aggregation) -> ViewT:
        """Return a view with a row for each group, sorted by its values; missing values are a group too, the last.

        Args:
            aggregations: by name of the new column, where that is no word of Python.
            named: the same: ``agg(late=df["delay"].avg(), flights=df.rowid.count())``. None: the groups alone.

        Raises:
            InvalidInput: one is no aggregation, or of another data frame or view; at the first use: it has no meaning
                for its column.
        """
        if not isinstance(aggregations, Mapping | None):
            raise InvalidInput(
                f"agg() was given {aggregations!r}, which has no name.", hint='Give agg(mean=df["x"].avg()).'
            )
        listed = [
            {"name": name, "expression": self._node(name, one), "aggregation": getattr(one, "_name", "")}
            for name, one in {**(aggregations or {}), **named}.items()
        ]
        return self._view({"step": "group", "by": self._names, "aggregations": listed})

    def __repr__(self) -> str:
        return f"Groups of {self._source._title()} by {', '.join(self._names)}"

    def _node(self, name: str, aggregation: Any) -> dict[str, Any]:
        if not isinstance(aggregation, Aggregation):
            raise InvalidInput(f"agg() was given {name}={aggregation!r}.", hint='Give an aggregation: df["x"].avg().')
        if not Column(aggregation._source, aggregation._node).belongs_to(self._source):
            raise InvalidInput(
                f"{name} aggregates {aggregation._source._title()}, and not {self._source._title()}.",
                hint="Make the aggregation of the data frame or view that is grouped.",
            )
        return aggregation._node
