"""Tables for people.

On a terminal a table fits: columns are left out from the right, and those that say who and why are wrapped, never cut.
"""

import os
import shutil
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TextIO

from storax.cli.terminal.streams import takes

# Columns that say who and why. The others are cut, or left out from the right, where a terminal is narrow.
ESSENTIAL = frozenset((
    "id", "position", "name", "username", "state", "app", "site", "job_id", "entity_id", "type", "to_state", "actor",
    "message", "why", "agent",
))  # fmt: skip
CELL = 40  # widest cell of a column that says neither
LEAST = 10  # narrowest column of text
GAP = "  "
_BREAKS = " ,;/_.:=-"
_COLOURS = {
    "JOB_FINISHED": "32", "finished": "32", "done": "32",
    "CANCELLED": "35",
    "FAILED": "31", "submit_failed": "31", "error": "31",
    "RUNNING": "36", "running": "36", "active": "36",
    "RUN_ERROR": "33", "RUN_TIMEOUT": "33", "RESTART_READY": "33",
}  # fmt: skip


class Paint:
    """ANSI colours on a terminal that supports them; plain text elsewhere."""

    def __init__(self, out: TextIO) -> None:
        self._on = out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def bold(self, text: str) -> str:
        """Return a text in bold."""
        return f"\x1b[1m{text}\x1b[0m" if self._on else text

    def state(self, text: str, *, padded: str | None = None) -> str:
        """Return a text in the colour of its state; ``padded`` is the same text with blanks around it."""
        padded = text if padded is None else padded
        return padded.replace(text, self.like(text, text))

    def like(self, state: str, text: str) -> str:
        """Return any text in the colour of a state."""
        code = _COLOURS.get(state)
        return f"\x1b[{code}m{text}\x1b[0m" if self._on and code else text


@dataclass
class Column:
    """One column: its cells as text, and its width on the screen."""

    name: str
    cells: list[str]
    is_number: bool
    is_solid: bool
    essential: bool
    width: int = 0

    @classmethod
    def of(cls, name: str, values: Sequence[Any], cells: list[str], *, essential: bool) -> "Column":
        """Make it of the values and their texts; numbers and times are neither cut nor wrapped."""
        is_number = all(isinstance(value, (int, float, type(None))) for value in values)
        solid = (int, float, datetime, timedelta, type(None))
        column = cls(name, cells, is_number, all(isinstance(value, solid) for value in values), essential)
        column.width = column.natural
        return column

    @property
    def natural(self) -> int:
        """The width of its widest cell."""
        return max(len(self.name), *map(width_of, self.cells))

    @property
    def full(self) -> int:
        """The width that it takes where there is room."""
        return self.natural if self.essential or self.is_solid else max(len(self.name), min(self.natural, CELL))

    @property
    def least(self) -> int:
        """The width below which it cannot be read."""
        return self.natural if self.is_solid else max(len(self.name), min(self.natural, LEAST))

    def lines(self, row: int, ellipsis: str) -> list[str]:
        """Return a cell in its width: wrapped where it says who or why, else cut."""
        text = self.cells[row]
        if width_of(text) <= self.width:
            return [text]
        return list(_wrapped(text, self.width)) if self.essential else [_cut(text, self.width, ellipsis)]

    def pad(self, text: str) -> str:
        """Fill a text with blanks to the width of the column."""
        blanks = " " * (self.width - width_of(text))
        return blanks + text if self.is_number else text + blanks


def print_table(columns: Sequence[Column], out: TextIO, *, fit: bool) -> list[str]:
    """Print columns; with ``fit`` on a terminal within its width. Return the names of those left out."""
    kept = list(columns)
    if fit and out.isatty():
        kept = fitted(kept, shutil.get_terminal_size().columns)
    out.writelines(f"{line}\n" for line in table_lines(kept, out))
    return [column.name for column in columns if column not in kept]


def table_lines(columns: Sequence[Column], out: TextIO) -> Iterator[str]:
    """Yield the lines of a table for a stream: the names of the columns, and the rows, each column in its width."""
    paint, ellipsis = Paint(out), "…" if takes("…", out) else "..."
    yield paint.bold(GAP.join(column.pad(column.name.upper()) for column in columns).rstrip())
    for row in range(len(columns[0].cells)):
        yield from _row(columns, row, paint, ellipsis)


def _row(columns: Sequence[Column], row: int, paint: Paint, ellipsis: str) -> Iterator[str]:
    cells = [column.lines(row, ellipsis) for column in columns]
    for number in range(max(map(len, cells))):
        texts = [cell[number] if number < len(cell) else "" for cell in cells]
        padded = [paint.state(text, padded=column.pad(text)) for column, text in zip(columns, texts, strict=True)]
        yield GAP.join(padded).rstrip()


def fitted(columns: list[Column], screen: int) -> list[Column]:
    """Leave out columns from the right until the rest can be read, then share the width among them."""
    room = screen - len(GAP) * (len(columns) - 1)
    while sum(column.least for column in columns) > room:
        spare = next((column for column in reversed(columns) if not column.essential), None)
        if spare is None:
            break
        columns = [column for column in columns if column is not spare]
        room += len(GAP)
    for column in columns:
        column.width = column.least
    for essential in (True, False):
        _widen([column for column in columns if column.essential is essential], room - _sum(columns))
    return columns


def _sum(columns: Sequence[Column]) -> int:
    return sum(column.width for column in columns)


def _widen(columns: Sequence[Column], free: int) -> None:
    """Share free width: those that need least first, so that as many as possible have all they need."""
    waiting = sorted(columns, key=lambda column: column.full - column.width)
    for number, column in enumerate(waiting):
        share = max(0, free) // (len(waiting) - number)
        more = min(column.full - column.width, share)
        column.width += more
        free -= more


def width_of(text: str) -> int:
    """Return the number of columns that a text takes on a terminal; East Asian characters take two."""
    if text.isascii():
        return len(text)
    return sum(_width_of_character(character) for character in text)


def _width_of_character(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _head(text: str, width: int) -> str:
    """Return as much of the start of a text as fits; at least one character."""
    taken = 0
    for index, character in enumerate(text):
        taken += _width_of_character(character)
        if taken > width and index:
            return text[:index]
    return text


def _cut(text: str, width: int, ellipsis: str) -> str:
    return _head(text, width - len(ellipsis)) + ellipsis


def _wrapped(text: str, width: int) -> Iterator[str]:
    """Yield lines of a text, broken behind a blank or a sign where there is one in the second half of the line."""
    while text:
        line = _head(text, width)
        if len(line) < len(text) and text[len(line)] != " ":
            at = max(line.rfind(sign) for sign in _BREAKS) + 1
            line = line[:at] if at > len(line) // 2 else line
        yield line.rstrip()
        text = text[len(line) :].lstrip(" ")


def columns_of(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str], cells: Sequence[Sequence[str]], *, essential: bool = False
) -> list[Column]:
    """Make the columns of rows, whose texts are ``cells``; ``essential``: all of them, because a user named them."""
    return [
        Column.of(name, [row.get(name) for row in rows], list(texts), essential=essential or name in ESSENTIAL)
        for name, texts in zip(names, zip(*cells, strict=True), strict=True)
    ]
