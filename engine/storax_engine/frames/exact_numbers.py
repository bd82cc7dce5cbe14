"""Numbers of CSV files with more digits than a float64 has: their columns are read again, as the text in the file."""

from collections.abc import Callable, Collection, Sequence

import pyarrow as pa
import pyarrow.compute as pc

_KEPT = 15  # digits that a float64 keeps, whatever they are; 17 are needed to write one
_WHOLE = r"^\s*[+-]?[0-9]+\s*$"
_LONG = rf"^\s*[+-]?0*[.]?0*([0-9][.]?){{{_KEPT + 3},}}"


def with_texts(table: pa.Table, keys: Collection[str], texts: Callable[[Sequence[str]], pa.Table]) -> pa.Table:
    """The table with text where a float64 would make different numbers equal.

    Args:
        table: as read, with floats for whatever looks like a number.
        keys: columns that are compared for equality, also if they have fractions.
        texts: reads columns again, as text.
    """
    doubtful = [name for name in table.column_names if _doubtful(table.column(name), fractions=name in keys)]
    for name, cells in zip(doubtful, texts(doubtful).columns if doubtful else (), strict=True):
        if _whole(cells) or (name in keys and _long(cells)):
            table = table.set_column(table.column_names.index(name), name, pc.utf8_trim_whitespace(cells))
    return table


def _doubtful(values: pa.ChunkedArray, *, fractions: bool) -> bool:
    if not pa.types.is_float64(values.type):
        return False
    finite = pc.is_finite(values)
    large = pc.greater_equal(pc.abs(values), 2.0**53)
    wanted = pc.or_(large, pc.not_equal(values, pc.floor(values))) if fractions else large
    return bool(pc.any(pc.and_(finite, wanted)).as_py())


def _whole(cells: pa.ChunkedArray) -> bool:
    return bool(pc.all(pc.match_substring_regex(cells, _WHOLE), min_count=0).as_py())


def _long(cells: pa.ChunkedArray) -> bool:
    """Whether one has more digits than a float64 keeps."""
    return bool(pc.any(pc.match_substring_regex(cells, _LONG)).as_py())
