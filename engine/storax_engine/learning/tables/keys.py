"""Join keys as small whole numbers, the same on both sides of a join."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from storax_engine.learning.errors import BadData
from storax_engine.learning.tables import columns
from storax_engine.learning.tables.columns import Ints
from storax_engine.learning.tables.frame import Frame

SPARE = 4
_NUMBER = "^(0|-?[1-9][0-9]{0,17})$"


@dataclass(frozen=True)
class Keys:
    """The different keys of the right side, column by column, and then of their combinations."""

    parts: tuple["_Part", ...]
    together: pa.Array | None
    size: int

    def find(self, frame: Frame, names: tuple[str, ...]) -> Ints:
        """The number of each row's key, -1 where it is null or unknown on the right side."""
        numbers = [part.find(frame, name) for part, name in zip(self.parts, names, strict=True)]
        mixed = _mix(numbers, [p.size for p in self.parts])
        return mixed if self.together is None else columns.lookup(pa.array(mixed), self.together)


def of(frame: Frame, names: tuple[str, ...]) -> tuple[Keys, Ints]:
    """The keys of a frame and the number of each row's."""
    numbered = [_part(frame, name) for name in names]
    parts, coded = tuple(p for p, _ in numbered), [c for _, c in numbered]
    if len(parts) == 1:
        return Keys(parts, None, parts[0].size), coded[0]
    mixed = _mix(coded, [p.size for p in parts])
    numbers, together = columns.codes(pa.array(mixed, mask=mixed < 0))
    return Keys(parts, together, len(together)), numbers


def as_compared(frame: Frame, name: str, kind: pa.DataType) -> pa.Array:
    """A key column as the other side's ``kind``: int64, where text that is no number is null, or string."""
    column = _plain(frame, name)
    if column.type == kind:
        return column
    return column.cast(kind) if pa.types.is_string(kind) else _spelled(column)


def _mix(coded: list[Ints], sizes: list[int]) -> Ints:
    mixed, missing = coded[0].copy(), coded[0] < 0
    for one, size in zip(coded[1:], sizes[1:], strict=True):
        mixed = mixed * size + one
        missing |= one < 0
    mixed[missing] = -1
    return mixed


@dataclass(frozen=True)
class _Part:
    """One key column: whole numbers from ``lowest`` on, or a list of values."""

    size: int
    lowest: int = 0
    values: pa.Array | None = None

    def find(self, frame: Frame, name: str) -> Ints:
        if self.values is None:
            return self._offset(as_compared(frame, name, pa.int64()))
        return columns.lookup(as_compared(frame, name, self.values.type), self.values)

    def _offset(self, column: pa.Array) -> Ints:
        codes = _whole(column, self.lowest - 1) - self.lowest
        codes[(codes < 0) | (codes >= self.size)] = -1
        return codes


def _part(frame: Frame, name: str) -> tuple[_Part, Ints]:
    column = _plain(frame, name)
    if pa.types.is_integer(column.type) and column.null_count < len(column):
        ends = pc.min_max(column).as_py()
        lowest, size = int(ends["min"]), int(ends["max"]) - int(ends["min"]) + 1
        if size <= SPARE * len(column) + 1000:
            codes = _whole(column, lowest - 1) - lowest
            return _Part(size, lowest), codes
    codes, values = columns.codes(column)
    return _Part(len(values), values=values), codes


def _whole(column: pa.Array, for_null: int) -> Ints:
    filled = pc.fill_null(column.cast(pa.int64()), for_null) if column.null_count else column.cast(pa.int64())
    return np.asarray(filled.to_numpy(zero_copy_only=False), np.int64)


def _plain(frame: Frame, name: str) -> pa.Array:
    """Whole numbers as int64 (also those that became floats for the sake of a null), all else as text."""
    column = frame.raw(name)
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return column.cast(pa.int64())
    if pa.types.is_floating(kind):
        try:
            return pc.if_else(pc.is_nan(column), None, column).cast(pa.int64())
        except pa.ArrowInvalid as error:
            raise BadData(
                f"join key {name!r} of table {frame.name!r} holds fractions: a key is a whole number or text"
            ) from error
    return frame.strings(name)


def _spelled(column: pa.Array) -> pa.Array:
    """The whole numbers that texts spell as they are written, as the SQL compares them; null for any other text."""
    return pc.if_else(pc.match_substring_regex(column, _NUMBER), column, None).cast(pa.int64())
