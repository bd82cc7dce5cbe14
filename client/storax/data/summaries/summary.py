"""Statistics of columns, as a table to look at and to compute with."""

from collections.abc import Iterator
from html import escape
from typing import Any

from storax._runtime.suggestions import nearest
from storax.data import display
from storax.data.exchange import tables
from storax.errors import NoColumn

_SHOWN = 100


class Summary:
    """What ``describe()`` returns: a dict of statistics for each column, by its name.

    Each has ``column``, ``role``, ``dtype``, ``count`` (values that are there), ``missing`` (null or NaN) and
    ``distinct``; numbers also ``mean``, ``stddev`` (of the sample), ``min``, ``q25``, ``median``, ``q75`` and ``max``;
    times and texts ``min`` and ``max``; truths ``mean``, the share that is true. What a column does not have is None.
    """

    def __init__(self, title: str, rows: list[dict[str, Any]]) -> None:
        self._title = title
        self.rows = rows

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return the statistics by name of column."""
        return {row["column"]: row for row in self.rows}

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame with a row for each column; needs pandas."""
        return tables.library("pandas").DataFrame(self.rows)

    def __getitem__(self, column: str) -> dict[str, Any]:
        by_name = self.to_dict()
        if column not in by_name:
            raise NoColumn(f"{self._title} has no column {column!r}.", hint=nearest(column, list(by_name)))
        return by_name[column]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def __repr__(self) -> str:
        lines = self._cells()
        return "\n".join([self._title, *display.aligned(lines), *self._more()])

    def _repr_html_(self) -> str:
        head, *body = self._cells()
        rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>" for line in body)
        names = "".join(f"<th>{escape(cell)}</th>" for cell in head)
        more = "".join(f"<p>{line}</p>" for line in self._more())
        caption = f"<caption>{escape(self._title)}</caption>"
        return f"<table>{caption}<thead><tr>{names}</tr></thead><tbody>{rows}</tbody></table>{more}"

    def _cells(self) -> list[list[str]]:
        head = list(self.rows[0]) if self.rows else ["column"]
        body = [["" if row[name] is None else display.cell(row[name]) for name in head] for row in self.rows[:_SHOWN]]
        return [head, *body]

    def _more(self) -> list[str]:
        return [f"The first {_SHOWN} of {len(self.rows):,} columns are shown."] if len(self.rows) > _SHOWN else []
