"""Columns and what can be made of them: lazy expressions, evaluated in the engine when they are used.

::

    flights["dep_delay"] - flights["arr_delay"]
    flights["dep_time"].hour() >= 18
    flights["carrier"].contains("A") & ~flights["distance"].is_null()
    flights["distance"].avg().get()
"""

from collections.abc import Iterable
from datetime import date, datetime
from html import escape
from typing import Any, Self

from storax._json_values import Unstorable, plain
from storax.data.expressions.aggregations import Aggregation, Aggregations, Rows
from storax.data.expressions.operators import Operators
from storax.data.expressions.values import Values
from storax.errors import InvalidInput

Node = dict[str, Any]

_SHOWN = 5


class AnyRows:
    """Stands for the rows of whatever data frame an expression is used with: ``df[storax.data.random() < 0.5]``."""

    def __len__(self) -> int:
        raise InvalidInput(*_NO_ROWS)

    def _arguments(self, more: Iterable[Node] = ()) -> dict[str, Any]:  # noqa: ARG002
        raise InvalidInput(*_NO_ROWS)

    def _title(self) -> str:
        return "no data frame"


class RowsByPlace(AnyRows):
    """Stands for the rows of a data frame that a split puts into a subset by their places."""

    def check(self, source: Rows) -> None:
        """Refuse a view that leaves rows out: a row has another place there, so it would be in another subset.

        Raises:
            InvalidInput: it is such a view.
        """
        steps = () if isinstance(source, AnyRows) else source._arguments()["source"].get("steps", ())
        if any(step["step"] in ("where", "slice", "sample", "group") for step in steps):
            raise InvalidInput(
                f"The split puts each row into a subset by its place, and the {source._title()} counts its rows anew.",
                hint='Take the subset first: df[split == "test"][...]. '
                "Container(view, split=split) makes subsets of the view alone.",
            )


_NO_ROWS = ("The expression is over no data frame yet, so it has no values.",)


class Column(Operators, Aggregations, Values):
    """A column of a data frame or view, or an expression over its columns; nothing is computed before it is needed."""

    def __init__(self, source: Rows, node: Node) -> None:
        self._source = source
        self._node = node

    def belongs_to(self, source: Rows) -> bool:
        """Return whether it can be computed over the rows of a data frame or view.

        Raises:
            InvalidInput: it is of a split, and the view counts its rows anew.
        """
        if isinstance(self._source, RowsByPlace):
            self._source.check(source)
        return isinstance(self._source, AnyRows) or self._source._arguments() == source._arguments()

    @property
    def name(self) -> str:
        """The column's name; empty for an expression."""
        return str(self._node.get("column", ""))

    def to_spec(self) -> Node:
        """The expression, as JSON."""
        return self._node

    # ---- values ----------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._source)

    def to_arrow(self) -> Any:
        """The values as a pyarrow ChunkedArray."""
        from storax.data.exchange import tables

        arguments = {**self._source._arguments(), "expression": self._node}
        return tables.received("values", arguments).column(0)

    def unique(self) -> Any:
        """The different values, without the missing ones, as a numpy array."""
        return self.to_arrow().drop_null().unique().to_pandas().to_numpy()

    def __repr__(self) -> str:
        return f"{self.name or 'expression'}: {self._first()}"

    def _repr_html_(self) -> str:
        return f"<p><b>{escape(self.name or 'expression')}</b>: {escape(self._first())}</p>"

    def _first(self) -> str:
        if isinstance(self._source, AnyRows):
            return self._source._title()
        from storax.data.exchange import tables

        steps = [{"step": "slice", "start": 0, "stop": _SHOWN + 1, "step_by": None}]
        begin = self._source._arguments(steps) if not _counts_rows(self._node) else self._source._arguments()
        values = tables.received("values", {**begin, "expression": self._node}).column(0).to_pylist()
        return ", ".join(map(str, values[:_SHOWN])) + (", ..." if len(values) > _SHOWN else "")

    # ---- within ----------------------------------------------------------------------------------------------------

    def _with(self, op: str, *others: Any, turned: bool = False, options: list[Any] | None = None) -> Self:
        columns = [one for one in (self, *others) if isinstance(one, Column) and not isinstance(one._source, AnyRows)]
        source = columns[0]._source if columns else self._source
        arguments = [_lifted(one, source) for one in (self, *others)]
        node: Node = {"op": op, "args": arguments[::-1] if turned else arguments}
        return type(self)(source, node | ({"options": options} if options else {}))


def _lifted(other: Any, source: Rows) -> Node:
    if isinstance(other, Column):
        if not other.belongs_to(source):
            raise InvalidInput(
                f"The columns are of {source._title()} and of {other._source._title()}.",
                hint="An expression is over one data frame or view; add() the column there first.",
            )
        return other._node
    if isinstance(other, Aggregation):
        return {"value": other.get()}
    return literal(other)


def random(seed: int = 5849) -> Column:
    """A random number from 0 to 1 for each row; the same seed gives the same numbers. ``df[random() < 0.5]``."""
    return Column(AnyRows(), {"random": int(seed)})


def rowid() -> Column:
    """The number of each row, from 0."""
    return Column(AnyRows(), {"rows": 1})


def arange(start: float = 0.0, step: float = 1.0) -> Column:
    """A number for each row: ``start``, ``start + step``, and so on."""
    return rowid() * step + start


def _counts_rows(node: Node) -> bool:
    """Whether it depends on how many rows there are."""
    return "random" in node or any(_counts_rows(below) for below in node.get("args", ()))


def literal(value: Any) -> Node:
    """A plain value in an expression.

    Raises:
        InvalidInput: it is no number, text or time.
    """
    if isinstance(value, (datetime, date)):
        return {"time": value.isoformat()}
    try:
        plain_value = value if isinstance(value, (bool, int, float, str)) or value is None else plain(value)
    except Unstorable:
        plain_value = value
    if not isinstance(plain_value, (bool, int, float, str)) and plain_value is not None:
        raise InvalidInput(f"{value!r} cannot stand in an expression.", hint="Use numbers, texts, times and columns.")
    return {"value": plain_value}
