"""What comes in becomes a table of five types: float64, int64, bool, string, timestamp (UTC, microseconds)."""

from collections import Counter
from collections.abc import Mapping

import pyarrow as pa

from storax.errors import InvalidInput
from storax_engine.name_rules import free_name

STAMP = pa.timestamp("us")
_CHUNK_LIMIT = 2**31 - 1


def table_of(table: pa.Table) -> pa.Table:
    """The same columns in our types.

    Raises:
        InvalidInput: a name stands twice or is none, or a column holds what no cell can (lists, bytes).
    """
    for name, count in Counter(table.column_names).items():
        free_name(name, "column")
        if count > 1:
            raise InvalidInput(f"There are {count} columns named {name!r}.", hint="Give each its own name.")
    columns = [values_of(name, table.column(i)) for i, name in enumerate(table.column_names)]
    return pa.table(columns, names=table.column_names) if columns else pa.table({})


def values_of(name: str, values: pa.ChunkedArray) -> pa.ChunkedArray:
    """One column in our types.

    Raises:
        InvalidInput: it holds what no cell can.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        return values_of(name, values.cast(kind.value_type))
    kept_type = _wanted(kind)
    if kept_type is None:
        raise InvalidInput(f"Column {name!r} holds {kind}, which is no number, text or time.", hint="Leave it out.")
    if kept_type == kind or (pa.types.is_large_string(kind) and max(_sizes(values), default=0) > _CHUNK_LIMIT):
        return values
    try:
        return values.cast(kept_type, safe=not pa.types.is_timestamp(kept_type))
    except pa.ArrowInvalid:
        return values.cast(pa.float64(), safe=False)  # whole numbers beyond 64 bits


def roles_of(table: pa.Table, roles: Mapping[str, str]) -> dict[str, str]:
    """The roles as given; else numbers are unused_float, all the rest unused_string."""
    return {f.name: roles.get(f.name) or default_role(f.type) for f in table.schema}


def default_role(kind: pa.DataType) -> str:
    """The role of a column that was given none."""
    number = pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)
    return "unused_float" if number else "unused_string"


def _wanted(kind: pa.DataType) -> pa.DataType | None:
    t = pa.types
    if t.is_boolean(kind) or kind in (pa.float64(), pa.int64(), pa.string(), STAMP):
        return kind
    if t.is_integer(kind):
        return pa.int64()
    if t.is_floating(kind) or t.is_decimal(kind) or t.is_null(kind):
        return pa.float64()
    if t.is_timestamp(kind) or t.is_date(kind):
        return STAMP
    if t.is_large_string(kind) or t.is_string_view(kind) or t.is_time(kind):
        return pa.string()
    return None


def _sizes(values: pa.ChunkedArray) -> list[int]:
    return [chunk.nbytes for chunk in values.chunks]
