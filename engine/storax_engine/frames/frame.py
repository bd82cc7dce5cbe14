"""A data frame as a value: columns that never change, their roles and units. A change makes a new one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import pyarrow as pa

from storax._runtime.suggestions import nearest
from storax.errors import InvalidInput, NoColumn


@dataclass(frozen=True)
class Frame:
    """Columns of one length with their roles.

    Attributes:
        table: the columns, in their order.
        roles: role by column.
        units: unit by column, where it has one.
        subroles: subroles by column, where it has some.
        edition: version of the catalogue's row by which this content came to be; 0: it is in no catalogue yet.
    """

    table: pa.Table
    roles: Mapping[str, str]
    units: Mapping[str, str] = field(default_factory=dict)
    subroles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    edition: int = 0

    def column(self, name: str) -> pa.ChunkedArray:
        """The values of a column.

        Raises:
            NoColumn: naming the nearest one.
        """
        self.require([name])
        return self.table.column(name)

    def require(self, names: Iterable[str]) -> None:
        """Refuse a name that is no column.

        Raises:
            NoColumn: naming the nearest one.
        """
        known = self.table.column_names
        for name in names:
            if name not in known:
                raise NoColumn(f"There is no column {name!r}.", hint=nearest(str(name), known))

    def changed(self, table: pa.Table, roles: Mapping[str, str], units: Mapping[str, str] | None = None) -> Self:
        """Other content, of no edition yet."""
        units = self.units if units is None else units
        kept = {name: unit for name, unit in units.items() if name in roles}
        subroles = {name: marks for name, marks in self.subroles.items() if name in roles}
        return replace(self, table=table, roles=dict(roles), units=kept, subroles=subroles, edition=0)

    def measured(self, names: Iterable[str], unit: str) -> Self:
        """With this unit for some columns; empty: with none.

        Raises:
            NoColumn: one of them is none.
        """
        columns = list(names)
        self.require(columns)
        units = {name: one for name, one in {**self.units, **dict.fromkeys(columns, unit)}.items() if one}
        return self.changed(self.table, self.roles, units)

    def marked(self, names: Iterable[str], subroles: Iterable[str], *, append: bool) -> Self:
        """With these subroles for some columns, beside those that they have or in place of them.

        Raises:
            NoColumn: one of them is none.
        """
        columns, added = list(names), tuple(subroles)
        self.require(columns)
        old = {name: self.subroles.get(name, ()) if append else () for name in columns}
        marks = {name: tuple(dict.fromkeys((*old[name], *added))) for name in columns}
        kept = {name: one for name, one in {**self.subroles, **marks}.items() if one}
        return replace(self, subroles=kept, edition=0)

    def with_column(self, name: str, values: pa.ChunkedArray, role: str, unit: str | None = None) -> Self:
        """With a column more, or with other values for one, which then is the last.

        Raises:
            InvalidInput: it is longer or shorter than the others.
        """
        if self.table.num_columns and len(values) != len(self.table):
            raise InvalidInput(f"Column {name!r} has {len(values)} values, and the data frame {len(self.table)} rows.")
        table = self.table.drop_columns([name]) if name in self.table.column_names else self.table
        roles = {known: self.roles[known] for known in table.column_names} | {name: role}
        units = {known: old for known, old in self.units.items() if known != name}
        bare = replace(self, subroles={known: old for known, old in self.subroles.items() if known != name})
        return bare.changed(table.append_column(name, values), roles, units | ({name: unit} if unit else {}))

    def without(self, names: Iterable[str]) -> Self:
        """Without these columns.

        Raises:
            NoColumn: one of them is none.
        """
        gone = list(names)
        self.require(gone)
        table = self.table.drop_columns(gone)
        return self.changed(table, {name: self.roles[name] for name in table.column_names})

    def described(self) -> list[dict[str, Any]]:
        """``[{name, role, dtype, unit}]``, and ``subroles`` of the columns that have some."""
        return [
            {"name": f.name, "role": self.roles[f.name], "dtype": dtype(f.type), "unit": self.units.get(f.name, "")}
            | ({"subroles": list(self.subroles[f.name])} if f.name in self.subroles else {})
            for f in self.table.schema
        ]


def dtype(kind: pa.DataType) -> str:
    """A column's type in one word: float64, int64, bool, string or timestamp."""
    if pa.types.is_timestamp(kind):
        return "timestamp"
    return "float64" if pa.types.is_float64(kind) else str(kind).removeprefix("large_")
