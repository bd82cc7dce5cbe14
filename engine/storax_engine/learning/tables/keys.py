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
_NUMBER = "^(0|-?[1-9][0-9]{0,18})$"
_SHORT = "^-?[0-9]{0,18}$"
_LARGEST, _SMALLEST = str(2**63 - 1), str(-(2**63))  # 19 digits
_LARGEST_MIX = 2**62


@dataclass(frozen=True)
class Keys:
    """The different keys of the right side, column by column, and then of their combinations."""

    parts: tuple["_Part", ...]
    steps: tuple["_Mix", ...]
    size: int

    def find(self, frame: Frame, names: tuple[str, ...]) -> Ints:
        """The number of each row's key, -1 where it is null or unknown on the right side."""
        first, *others = [part.find(frame, name) for part, name in zip(self.parts, names, strict=True)]
        for step, numbers in zip(self.steps, others, strict=True):
            first = step.find(first, numbers)
        return first


@dataclass(frozen=True)
class _Mix:
    """Two columns of numbers as one: ``values`` are the combinations that are there, or None for all of them."""

    size: int
    values: pa.Array | None

    def find(self, first: Ints, second: Ints) -> Ints:
        mixed = _mixed(first, second, self.size)
        return mixed if self.values is None else columns.lookup(pa.array(mixed), self.values)


def of(frame: Frame, names: tuple[str, ...]) -> tuple[Keys, Ints]:
    """The keys of a frame and the number of each row's."""
    numbered = [_part(frame, name) for name in names]
    parts, (numbers, *others) = tuple(p for p, _ in numbered), [c for _, c in numbered]
    size, steps = parts[0].size, list[_Mix]()
    for place, (part, more) in enumerate(zip(parts[1:], others, strict=True), 2):
        numbers, size, values = _mixed(numbers, more, part.size), size * part.size, None
        following = parts[place].size if place < len(parts) else _LARGEST_MIX
        if size * following > _LARGEST_MIX:  # the next product would not fit in 64 bits
            numbers, values = columns.codes(pa.array(numbers, mask=numbers < 0))
            size = len(values)
        steps.append(_Mix(part.size, values))
    return Keys(parts, tuple(steps), size), numbers


def as_compared(frame: Frame, name: str, kind: pa.DataType) -> pa.Array:
    """A key column as the other side's ``kind``: int64, where text that is no number is null, or string."""
    column = _plain(frame, name)
    if column.type == kind:
        return column
    return column.cast(kind) if pa.types.is_string(kind) else _spelled(column)


def _mixed(first: Ints, second: Ints, size: int) -> Ints:
    """A number for each pair of numbers, the second of which are below ``size``; -1 where one is below 0."""
    mixed = first * size + second
    mixed[(first < 0) | (second < 0)] = -1
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
        return _as_whole(frame, name, column, "whole numbers beyond 64 bits")
    if pa.types.is_floating(kind):
        known = pc.if_else(pc.is_nan(column), None, column)
        if pc.any(pc.greater_equal(pc.abs(known), 2.0**53)).as_py():
            raise _no_key(frame, name, "floats so large that they have lost digits")
        return _as_whole(frame, name, known, "fractions")
    return frame.strings(name)


def _as_whole(frame: Frame, name: str, column: pa.Array, otherwise: str) -> pa.Array:
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid as error:
        raise _no_key(frame, name, otherwise) from error


def _no_key(frame: Frame, name: str, values: str) -> BadData:
    return BadData(f"join key {name!r} of table {frame.name!r} holds {values}: a key is a whole number or text")


def _spelled(column: pa.Array) -> pa.Array:
    """The whole numbers that texts spell as they are written, as the SQL compares them; null for any other text."""
    number = pc.match_substring_regex(column, _NUMBER)
    fits = pc.or_(pc.match_substring_regex(column, _SHORT), _of_19_digits(column))
    return pc.if_else(pc.and_(number, fits), column, None).cast(pa.int64())


def _of_19_digits(column: pa.Array) -> pa.Array:
    """Whether texts of that many digits are numbers of 64 bits; the order of such texts is that of the numbers."""
    below = pc.less_equal(pc.utf8_ltrim(column, "-"), _LARGEST)
    return pc.or_(below, pc.equal(column, _SMALLEST))
