"""What comes in becomes a table of five types: float64, int64, bool, string, timestamp (UTC, microseconds).

Whole numbers beyond 64 bits, and decimals with more digits than a float64 has, become the text that spells them: values
that differ stay different, so that they can be keys.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

import pyarrow as pa

from storax.errors import InvalidInput
from storax_engine.name_rules import free_name

STAMP = pa.timestamp("us")
_CHUNK_LIMIT = 2**31 - 1
_WIDER = (pa.large_string(), pa.string(), pa.float64(), pa.int64())  # of two types, the one that holds both


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
        return values_of(name, _decoded(values))
    if pa.types.is_decimal(kind) or pa.types.is_uint64(kind):
        return _exact(values)
    kept_type = _wanted(kind)
    if kept_type is None:
        raise InvalidInput(f"Column {name!r} holds {kind}, which is no number, text or time.", hint="Leave it out.")
    if kept_type == kind or (pa.types.is_large_string(kind) and max(_sizes(values), default=0) > _CHUNK_LIMIT):
        return values
    return values.cast(kept_type, safe=not pa.types.is_timestamp(kept_type))


def _decoded(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values that a dictionary stands for; Arrow casts none of string views, such as those of polars."""
    if not pa.types.is_string_view(values.type.value_type):
        return values.cast(values.type.value_type)
    kind = pa.large_string()
    chunks = [
        pa.DictionaryArray.from_arrays(one.indices, one.dictionary.cast(kind)).cast(kind) for one in values.chunks
    ]
    return pa.chunked_array(chunks, kind)


def _exact(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Unsigned or decimal numbers as int64, with decimal places as float64, or as text if digits would be lost."""
    if getattr(values.type, "scale", 0) > 0:
        decimals = _shortest(values)
        numbers = decimals.cast(pa.float64())
        return numbers if _cast(numbers, decimals.type) == decimals else _spelled(values)
    whole = _cast(values, pa.int64())
    return values.cast(pa.string()) if whole is None else whole


def _shortest(decimals: pa.ChunkedArray) -> pa.ChunkedArray:
    """The same decimals at the smallest scale that holds them all, so that zeros at their end are no digits."""
    kind = decimals.type
    of_scale = partial(pa.decimal256 if pa.types.is_decimal256(kind) else pa.decimal128, kind.precision)
    scale = bisect_left(range(kind.scale), True, key=lambda one: _cast(decimals, of_scale(one)) is not None)
    return decimals.cast(of_scale(scale))


def _spelled(decimals: pa.ChunkedArray) -> pa.ChunkedArray:
    """Decimals as text, without decimal places if all are whole."""
    shortest = _shortest(decimals)
    return (decimals if shortest.type.scale else shortest).cast(pa.string())


def _cast(values: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray | None:
    """The values in another type; None if one of them does not fit."""
    try:
        return values.cast(kind)
    except pa.ArrowInvalid:
        return None


def concatenated(tables: Sequence[pa.Table]) -> pa.Table:
    """The rows of tables that have the same columns, one below the other; no value is rounded.

    Raises:
        InvalidInput: a column is of types that do not fit together.
    """
    names = tables[0].column_names
    columns = [_one_column(name, [table.column(name) for table in tables]) for name in names]
    return pa.table(columns, names=names)


def _one_column(name: str, parts: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    kinds = {part.type for part in parts if part.null_count < len(part)} or {parts[0].type}
    kind = next(iter(kinds)) if len(kinds) == 1 else next((k for k in _WIDER if k in kinds), None)
    chunks: list[pa.Array] = []
    for part in parts:
        same = _as(kind, part)
        if same is None:
            listed = " and ".join(sorted(str(k) for k in kinds))
            raise InvalidInput(
                f"Column {name!r} is {listed} in different rows, which cannot be one column without a loss.",
                hint="Give it the same type everywhere, such as text.",
            )
        chunks += same.chunks
    return pa.chunked_array(chunks, kind)


def _as(kind: pa.DataType | None, part: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """The values in the common type; None if one of them would change. A float may have been written in another way."""
    if part.null_count == len(part):
        return pa.chunked_array([pa.nulls(len(part), kind)])
    from_float = pa.types.is_floating(part.type) and kind != part.type
    from_time = pa.types.is_timestamp(part.type) and kind != part.type
    return None if kind is None or from_float or from_time else _cast(part, kind)


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
    if t.is_floating(kind) or t.is_null(kind):
        return pa.float64()
    if t.is_timestamp(kind) or t.is_date(kind):
        return STAMP
    if t.is_large_string(kind) or t.is_string_view(kind) or t.is_time(kind):
        return pa.string()
    return None


def _sizes(values: pa.ChunkedArray) -> list[int]:
    return [chunk.nbytes for chunk in values.chunks]
