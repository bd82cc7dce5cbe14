"""A table as the learners see it: named columns, each with a kind, turned into arrays when first asked for."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from storax_engine.learning.errors import BadData
from storax_engine.learning.tables import columns, subroles
from storax_engine.learning.tables.columns import Floats, Ints

NUMERICAL, CATEGORICAL, TIME_STAMP, TEXT, JOIN_KEY, TARGET = (
    "numerical",
    "categorical",
    "time_stamp",
    "text",
    "join_key",
    "target",
)
PASSED_ON = (NUMERICAL, CATEGORICAL, TIME_STAMP, TEXT)
KINDS = (NUMERICAL, CATEGORICAL, TIME_STAMP, TEXT, JOIN_KEY, TARGET)


@dataclass
class Column:
    """One column: Arrow data, or numbers that were computed. ``of`` names the columns that it was made from.

    ``subroles`` say which parts of a pipeline may use it. ``unit``: it is compared with columns of the same.
    """

    name: str
    kind: str
    data: Any
    of: tuple[str, ...] = ()
    subroles: tuple[str, ...] = ()
    unit: str = ""


class Frame:
    """Columns of one table; ``name`` is for errors."""

    def __init__(self, name: str, rows: int) -> None:
        self.name, self.rows = name, rows
        self.columns: dict[str, Column] = {}
        self._cache: dict[tuple[str, str], Any] = {}

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays that were made from its columns; one that only shows a column's own bytes has none."""
        arrays = [column.data for column in self.columns.values()] + list(self._cache.values())
        return sum(map(_own_bytes, arrays))

    def add(self, column: Column) -> None:
        """Add or replace a column; one that is replaced keeps its subroles and unit."""
        if old := self.columns.get(column.name):
            column.subroles, column.unit = column.subroles or old.subroles, column.unit or old.unit
        self.columns[column.name] = column
        self._cache = {k: v for k, v in self._cache.items() if k[1] != column.name}

    def of_kind(self, *kinds: str, use: str | None = None) -> Iterator[Column]:
        """The columns of these kinds, in order; with ``use`` those that this part of a pipeline may use."""
        columns = (c for c in self.columns.values() if c.kind in kinds)
        return columns if use is None else (c for c in columns if subroles.allow(c.subroles, use))

    def numbers(self, name: str) -> Floats:
        """A numerical or target column as float64, a time stamp in seconds, a category's codes (NaN for null)."""
        column = self._column(name)
        if column.kind == TIME_STAMP:
            return self.seconds(name)
        if column.kind in {CATEGORICAL, TEXT, JOIN_KEY}:
            coded = self.coded(name)[0]
            return np.where(coded < 0, np.nan, coded)
        values: Floats = self._once("numbers", name, lambda: self._read(column, columns.numbers))
        return values

    def seconds(self, name: str) -> Floats:
        """A time stamp in seconds."""
        values: Floats = self._once("seconds", name, lambda: self._read(self._column(name), columns.seconds))
        return values

    def strings(self, name: str) -> pa.Array:
        """A column as text."""
        return self._once("strings", name, lambda: columns.strings(_chunked(self._column(name).data)))

    def coded(self, name: str) -> tuple[Ints, pa.Array]:
        """A category as codes and the values they stand for."""
        values: tuple[Ints, pa.Array] = self._once("coded", name, lambda: columns.codes(self.strings(name)))
        return values

    def raw(self, name: str) -> pa.Array:
        """The column's Arrow data in one chunk."""
        return _chunked(self._column(name).data).combine_chunks()

    def _column(self, name: str) -> Column:
        if name not in self.columns:
            raise BadData(f"table {self.name!r} has no column {name!r}; it has {', '.join(self.columns) or 'none'}")
        return self.columns[name]

    def _read(self, column: Column, how: Callable[[pa.ChunkedArray, str], Floats]) -> Floats:
        if isinstance(column.data, np.ndarray):
            return np.asarray(column.data, np.float64)
        return how(_chunked(column.data), f"column {column.name!r} of table {self.name!r}")

    def _once(self, what: str, name: str, make: Callable[[], Any]) -> Any:
        if (what, name) not in self._cache:
            self._cache[what, name] = make()
        return self._cache[what, name]


def read(
    name: str,
    table: pa.Table,
    roles: dict[str, tuple[str, ...]],
    marks: Mapping[str, tuple[str, ...]],
    units: Mapping[str, str],
) -> Frame:
    """The columns of a table that have a role, with the subroles of ``marks`` and their units.

    Raises ``BadData`` where one of them is missing.
    """
    frame = Frame(name, table.num_rows)
    for kind in KINDS:
        for column in roles.get(kind, ()):
            if column not in table.column_names:
                have = ", ".join(table.column_names)
                raise BadData(f"table {name!r} has no column {column!r} (its role is {kind}); it has {have}")
            data, unit = table.column(column), units.get(column, "")
            frame.add(Column(column, kind, data, subroles=marks.get(column, ()), unit=unit))
    return frame


def _own_bytes(array: Any) -> int:
    if isinstance(array, tuple):
        return sum(map(_own_bytes, array))
    if isinstance(array, np.ndarray):
        return int(array.nbytes) if array.flags.owndata else 0
    return int(array.nbytes) if isinstance(array, pa.Array) else 0


def _chunked(data: Any) -> pa.ChunkedArray:
    if isinstance(data, np.ndarray):
        return pa.chunked_array([pa.array(data, from_pandas=True)])
    return pa.chunked_array([data]) if isinstance(data, pa.Array) else data
