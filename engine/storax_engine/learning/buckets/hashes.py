"""Numbers of the keys of rows, equal on both sides of a join wherever the join takes the keys for equal."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from storax_engine.learning.kernels import hashing
from storax_engine.learning.tables import keys
from storax_engine.learning.tables.frame import JOIN_KEY, Column, Frame

Hashes = npt.NDArray[np.uint64]
WHOLE, TEXT = pa.int64(), pa.string()


def kind(column: pa.DataType) -> pa.DataType:
    """As what a key column is compared: whole numbers, or text."""
    whole = pa.types.is_integer(column) or pa.types.is_boolean(column) or pa.types.is_floating(column)
    return WHOLE if whole else TEXT


def of(
    name: str, table: pa.Table, columns: Sequence[str], kinds: Sequence[pa.DataType]
) -> tuple[Hashes, npt.NDArray[np.bool_]]:
    """A hash for each row, and whether its key is known (no part of it is null).

    ``kinds`` are those of the other side, to which a key is converted as the join does; ``name`` is for errors.
    """
    frame = Frame(name, table.num_rows)
    out, known = np.full(table.num_rows, hashing.SEED), np.ones(table.num_rows, np.bool_)
    for column, wanted in zip(columns, kinds, strict=True):
        frame.add(Column(column, JOIN_KEY, table.column(column)))
        values = keys.as_compared(frame, column, wanted)
        known &= np.asarray(values.is_valid().to_numpy(zero_copy_only=False), np.bool_)
        _mix(values, out)
    return out, known


def _mix(column: pa.Array, out: Hashes) -> None:
    if pa.types.is_string(column.type):
        _, offsets, data = column.buffers()
        places = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
        hashing.texts(np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8), places, out)
        return
    whole = np.asarray(column.fill_null(0).to_numpy(zero_copy_only=False), np.int64)
    hashing.whole(whole.view(np.uint64), out)
