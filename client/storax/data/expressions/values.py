"""Values of a column for other libraries: numpy, pandas, polars, Arrow, and Python's loops."""

import operator
from collections.abc import Callable, Iterator
from typing import Any

_EXPRESSIONS: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "divide": operator.truediv,
    "power": operator.pow, "remainder": operator.mod, "equal": operator.eq, "not_equal": operator.ne,
    "less": operator.lt, "less_equal": operator.le, "greater": operator.gt, "greater_equal": operator.ge,
}  # fmt: skip


class Values:
    """What a column is to code that wants values; each use fetches them from the engine."""

    def to_arrow(self) -> Any:
        """Return the values as a pyarrow ChunkedArray."""
        raise NotImplementedError

    def to_numpy(self) -> Any:
        """The values as a numpy array; missing numbers are NaN."""
        return self.to_arrow().to_pandas().to_numpy()

    def __iter__(self) -> Iterator[Any]:
        for chunk in self.to_arrow().chunks:
            yield from chunk.to_pylist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if copy is False:
            raise ValueError("The values of a column are in the engine: they cannot be an array without a copy.")
        values = self.to_numpy()
        return values if dtype is None else values.astype(dtype)

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Apply a function of numpy to the values; with one number of numpy, an operator is still an expression."""
        expression = _EXPRESSIONS.get(function.__name__) if method == "__call__" and not options else None
        if expression and not any(getattr(operand, "ndim", 0) for operand in inputs):
            return expression(*(operand.item() if hasattr(operand, "item") else operand for operand in inputs))
        arrays = [operand.to_numpy() if isinstance(operand, Values) else operand for operand in inputs]
        return getattr(function, method)(*arrays, **options)

    def __arrow_array__(self, type: Any = None) -> Any:  # noqa: A002  (Arrow's name)
        return self.to_arrow() if type is None else self.to_arrow().cast(type)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.to_arrow().__arrow_c_stream__(requested_schema)
