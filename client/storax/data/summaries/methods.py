"""What data frames and views are asked for at a first look. The engine computes all of it."""

import operator
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from storax._engine import session
from storax.data.expressions.columns import Column
from storax.data.summaries.groups import Groups
from storax.data.summaries.summary import Summary
from storax.errors import InvalidInput

ViewT = TypeVar("ViewT")  # the class of views, which stands above
SEED = 5849


class Summaries(Generic[ViewT]):
    """The first rows, rows by chance, statistics of columns, and groups."""

    def __len__(self) -> int:
        raise NotImplementedError

    def _view(self, *steps: dict[str, Any]) -> ViewT:
        raise NotImplementedError

    def _arguments(self, more: Iterable[dict[str, Any]] = ()) -> dict[str, Any]:
        raise NotImplementedError

    def _title(self) -> str:
        raise NotImplementedError

    def _known(self, name: str) -> str:
        raise NotImplementedError

    def head(self, n: int = 5) -> ViewT:
        """Return a view of the first ``n`` rows, or of all if there are fewer.

        Args:
            n: number of rows, 0 or more. Default 5.

        Raises:
            InvalidInput: ``n`` is no whole number, or below 0.
        """
        return self._view({"step": "slice", "start": 0, "stop": whole_number(n, "n", least=0), "step_by": None})

    def sample(self, n: int, seed: int = SEED) -> ViewT:
        """Return a view of ``n`` different rows by chance, in their order; all rows if there are fewer.

        The same seed gives the same rows, as long as the data frame has as many rows.

        Args:
            n: number of rows, 0 or more.
            seed: of the random numbers, 0 or more. Default 5849.

        Raises:
            InvalidInput: ``n`` or ``seed`` is no whole number, or below 0.
        """
        chosen = {"rows": whole_number(n, "n", least=0), "seed": whole_number(seed, "seed", least=0)}
        return self._view({"step": "sample", **chosen})

    def describe(self) -> Summary:
        """Return statistics of each column: values, missing and different ones, mean, quartiles, least and largest."""
        return Summary(self._title(), session.call_with_progress("Describing", "summarize", self._arguments()))

    def group_by(self, *names: str | Column) -> Groups[ViewT]:
        """Return the groups of rows that have the same values in some columns; ``agg()`` makes a view of them.

        Args:
            names: Columns, by name or as ``df["name"]``. ``with_column()`` makes one of an expression.

        Raises:
            NoColumn: there is no such column.
            InvalidInput: no name was given, one twice, or an expression.
        """
        columns = [name.name if isinstance(name, Column) else str(name) for name in names]
        if not all(columns) or len(set(columns)) != len(columns) or not columns:
            raise InvalidInput(
                "group_by() takes names of columns, each once.", hint='with_column(expression, "name") makes a column.'
            )
        return Groups(self, list(map(self._known, columns)), self._view)


def whole_number(value: Any, what: str, *, least: int) -> int:
    """Return the number, of whatever integer type.

    Raises:
        InvalidInput: it is no whole number, or below ``least``.
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least:
        raise InvalidInput(f"{what} is {value!r}: a whole number, {least} or more.")
    return number
