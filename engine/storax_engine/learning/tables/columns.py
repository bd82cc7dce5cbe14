"""Arrow columns as numpy arrays: numbers, seconds, codes of a category. Null is NaN, or a code below 0."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from storax_engine.learning.errors import BadData

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


def numbers(column: pa.ChunkedArray, where: str) -> Floats:
    """A numerical column as float64. Raises ``BadData`` for text that is no number."""
    if _is_time(column.type):
        raise BadData(f"{where} holds times, not numbers: give it the role time_stamp")
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    try:
        return _floats(column if pa.types.is_float64(column.type) else column.cast(pa.float64(), safe=False))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise BadData(f"{where} holds {column.type}, not numbers: give it the role categorical or text") from error


def seconds(column: pa.ChunkedArray, where: str) -> Floats:
    """A time stamp as seconds since 1970, or the column's own numbers. Raises ``BadData`` for text."""
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("ms"))
    if pa.types.is_timestamp(column.type):
        return _floats(column.cast(pa.int64()).cast(pa.float64(), safe=False)) / _PER_SECOND[column.type.unit]
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise BadData(f"{where} holds {column.type}, but its role is time_stamp: convert it to a timestamp first")
    return numbers(column, where)


def strings(column: pa.ChunkedArray) -> pa.Array:
    """A column as text, in one chunk."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return _whole(column if pa.types.is_string(column.type) else column.cast(pa.string()))


def codes(values: pa.Array) -> tuple[Ints, pa.Array]:
    """A number for each different value, -1 for null, and the values in the order of their numbers."""
    encoded = pc.dictionary_encode(values)
    return _codes(encoded.indices), encoded.dictionary


def lookup(values: pa.Array, known: pa.Array) -> Ints:
    """The place of each value among the known ones, -1 where it is null or not among them."""
    places = _codes(pc.index_in(values, value_set=known))
    if values.null_count:
        places[values.is_null().to_numpy(zero_copy_only=False)] = -1
    return places


def _codes(indices: pa.Array) -> Ints:
    filled: Any = pc.fill_null(indices, -1)
    return np.array(filled.to_numpy(zero_copy_only=False), np.int64)


def _floats(column: pa.ChunkedArray) -> Floats:
    # Arrow gives NaN for null here, and no copy where nothing is null.
    return np.asarray(_whole(column).to_numpy(zero_copy_only=False), np.float64)


def _whole(column: Any) -> pa.Array:
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _is_time(kind: pa.DataType) -> bool:
    return bool(pa.types.is_temporal(kind))
