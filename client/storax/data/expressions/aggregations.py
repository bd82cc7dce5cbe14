"""One value out of a column: means, sums, counts; computed in the engine when it is asked for."""

from collections.abc import Iterable
from typing import Any, Protocol


class Rows(Protocol):
    """A data frame or view, as far as its columns need it."""

    def __len__(self) -> int: ...

    def _arguments(self, more: Iterable[dict[str, Any]] = ()) -> dict[str, Any]: ...

    def _title(self) -> str: ...


class Aggregation:
    """One number, text or time out of a column; computed by ``get()`` or ``float()``."""

    def __init__(self, source: Rows, node: dict[str, Any], name: str) -> None:
        self._source = source
        self._node = node
        self._name = name

    def get(self) -> Any:
        """Return the value; None if there are no values to aggregate. Times are ISO 8601 texts."""
        from storax._engine import session

        arguments = {**self._source._arguments(), "expression": self._node, "aggregation": self._name}
        return session.call("aggregate", arguments)

    def __float__(self) -> float:
        return float(self.get())

    def __format__(self, form: str) -> str:
        return format(self.get(), form) if form else repr(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        import numpy as np

        return np.array(self.get(), dtype, copy=copy)

    def __repr__(self) -> str:
        return f"{self._name}({self._node.get('column', 'expression')}): {self.get()}"


class Aggregations:
    """Every aggregation of a column; missing values count for nothing."""

    _source: Rows
    _node: dict[str, Any]

    def _aggregated(self, name: str) -> Aggregation:
        return Aggregation(self._source, self._node, name)

    def avg(self) -> Aggregation:
        """The mean of the numbers."""
        return self._aggregated("avg")

    def sum(self) -> Aggregation:
        """The sum of the numbers."""
        return self._aggregated("sum")

    def min(self) -> Aggregation:
        """The smallest value."""
        return self._aggregated("min")

    def max(self) -> Aggregation:
        """The largest value."""
        return self._aggregated("max")

    def median(self) -> Aggregation:
        """The median of the numbers."""
        return self._aggregated("median")

    def stddev(self) -> Aggregation:
        """The sample's standard deviation."""
        return self._aggregated("stddev")

    def var(self) -> Aggregation:
        """The sample's variance."""
        return self._aggregated("var")

    def count(self) -> Aggregation:
        """The number of values."""
        return self._aggregated("count")

    def count_distinct(self) -> Aggregation:
        """The number of different values."""
        return self._aggregated("count_distinct")

    def mode(self) -> Aggregation:
        """The value that is there most often."""
        return self._aggregated("mode")

    def first(self) -> Aggregation:
        """The first value."""
        return self._aggregated("first")

    def last(self) -> Aggregation:
        """The last value."""
        return self._aggregated("last")
