"""Rows of this process as Arrow: a table, or a stream that is read a batch at a time."""

from collections.abc import Mapping, Sequence
from typing import Any

from storax.data.exchange import tables
from storax.errors import InvalidInput


class NoTable(InvalidInput):
    """Something is no rows of any kind."""


def arrow_of(data: Any) -> Any:
    """Return rows of any usual kind as a pyarrow Table or RecordBatchReader.

    Args:
        data: A pandas or polars DataFrame; any object of the Arrow PyCapsule protocol, such as a pyarrow Table, a
            relation of DuckDB, or a data frame or view; a dict of lists by column; or a list of dicts by row.

    Raises:
        InvalidInput: it is none of them.
    """
    if isinstance(data, Mapping):
        return tables.from_dict(data)
    if isinstance(data, Sequence) and not isinstance(data, str) and all(isinstance(row, Mapping) for row in data):
        return tables.from_rows(data)
    library = type(data).__module__.partition(".")[0]
    if library == "pandas" and hasattr(data, "columns"):
        return tables.from_pandas(data)
    if library == "polars" and hasattr(data, "to_arrow") and hasattr(data, "columns"):
        return tables.from_polars(data)
    return capsule(data)


def capsule(data: Any) -> Any:
    """Return an object of the Arrow PyCapsule protocol as a pyarrow Table or RecordBatchReader.

    Raises:
        InvalidInput: it is none, or no table.
    """
    pa = tables.arrow()
    if isinstance(data, (pa.Table, pa.RecordBatchReader)):
        return data
    try:
        if hasattr(data, "__arrow_c_stream__"):
            return pa.RecordBatchReader.from_stream(data)
        if hasattr(data, "__arrow_c_array__"):
            return pa.table(pa.record_batch(data))
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError) as error:
        raise InvalidInput(f"A {type(data).__name__} is no table: {str(error).splitlines()[0]}.") from None
    raise NoTable(
        f"A {type(data).__name__} is no table: it does not speak the Arrow PyCapsule protocol (__arrow_c_stream__).",
        hint="Pass a pandas or polars DataFrame, a pyarrow Table, a dict of lists by column or a list of dicts by row.",
    )
