"""Large CSV files by Arrow's reader, which takes half of DuckDB's CPU for the same values.

DuckDB finds the types, and reads whatever is not plain: this reader gives up wherever the two could differ in values or
where something is wrong with the file, so that errors are always told in the words of one of them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv

from storax_engine.command_progress import Work
from storax_engine.frames.coerce import STAMP

LARGE = 4 * 1024 * 1024  # bytes from which on it is worth while
_BLOCK = 1024 * 1024
_TAIL = 64 * 1024
_TYPES = {"BIGINT": pa.int64(), "DOUBLE": pa.float64(), "VARCHAR": pa.string(), "TIMESTAMP": STAMP}


def read(
    path: str, types: Mapping[str, str], names: Sequence[str], work: Work, *, sep: str, quote: str, skip: int
) -> pa.Table | None:
    """The columns of these names, or None where DuckDB has to read the file.

    Args:
        path: of the file, which has a header.
        types: DuckDB's type by column, of all columns.
        names: those to read.
        work: told how far it is; it is left where nobody waits any more.
        sep: separates cells.
        quote: around a cell that holds a separator.
        skip: lines before the header.
    """
    if len(types) < 2 or any(types[name] not in _TYPES for name in names) or not len(sep) == len(quote) == 1:
        return None
    converted = arrow_csv.ConvertOptions(
        column_types={name: _TYPES[types[name]] for name in names}, include_columns=list(names),
        null_values=[""], strings_can_be_null=True,
    )  # fmt: skip
    parsed = arrow_csv.ParseOptions(delimiter=sep, quote_char=quote)
    block = arrow_csv.ReadOptions(block_size=_BLOCK, skip_rows=skip)
    size = Path(path).stat().st_size
    begun, batches = work.part, []
    try:
        with pa.OSFile(path) as file, arrow_csv.open_csv(file, block, parsed, converted) as reader:
            for batch in reader:
                work.raise_if_cancelled()
                batches.append(batch)
                work.progress(begun + (1 - begun) * min(1.0, len(batches) * _BLOCK / size))
            table = pa.Table.from_batches(batches, reader.schema)
    except pa.ArrowException:
        work.progress(begun)
        return None
    return table if _plain(path, quote, skip + 1 + len(table)) else None


def _plain(path: str, quote: str, rows: int) -> bool:
    """Whether every line is a row, so that a quote that nothing ends cannot have swallowed any: Arrow says nothing."""
    lines, last = 0, b""
    with Path(path).open("rb") as file:
        while part := file.read(_BLOCK):
            lines += part.count(b"\n")
            last = last[-_TAIL:] + part[-_TAIL:]
    lines += not last.endswith(b"\n")
    return lines == rows and last.rstrip(b"\r\n").rpartition(b"\n")[2].count(quote.encode()) % 2 == 0
