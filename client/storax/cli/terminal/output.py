"""Print results: aligned columns, JSON, CSV or bare ids on stdout; notes about them on stderr.

A terminal gets colours and lines that fit; a pipe gets plain columns, uncut.
"""

import csv
import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, TextIO

import typer

Row = Mapping[str, Any]
NARROW_CELL = 40
_COLOURS = {
    "JOB_FINISHED": "32", "finished": "32", "done": "32",
    "CANCELLED": "35",
    "FAILED": "31", "submit_failed": "31", "error": "31",
    "RUNNING": "36", "running": "36", "active": "36",
    "RUN_ERROR": "33", "RUN_TIMEOUT": "33", "RESTART_READY": "33",
}  # fmt: skip


class Form(StrEnum):
    """The formats of a list."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    IDS = "ids"

    @property
    def for_people(self) -> bool:
        """Whether the output is for people, not for programs."""
        return self in (Form.TABLE, Form.WIDE)


Output = Annotated[
    Form, typer.Option("--output", "-o", envvar="STORAX_OUTPUT", help="Output format.", show_default=True)
]
Columns = Annotated[str | None, typer.Option("--columns", metavar="NAME,...", help="Columns to print, in this order.")]


def note(text: str) -> None:
    """Print a note about the data on stderr."""
    print(text, file=sys.stderr)


def chosen(
    form: Form, columns: str | None, *, narrow: Sequence[str], wide: Sequence[str], every: Sequence[str]
) -> list[str]:
    """Return the columns to print: those named, else ``narrow`` or ``wide`` for a table, ``every`` for programs."""
    if columns:
        return [name.strip() for name in columns.split(",") if name.strip()]
    return list({Form.TABLE: narrow, Form.WIDE: wide, Form.IDS: ("id",)}.get(form, every))


def show(rows: Iterable[Row], *, form: Form, columns: Sequence[str], out: TextIO | None = None) -> int:
    """Print rows and return how many there were; the form ``ids`` prints the first column alone."""
    out = out or sys.stdout
    if form is Form.JSON:
        all_rows = list(rows)
        json.dump([plain(row) for row in all_rows], out, indent=2, ensure_ascii=False)
        out.write("\n")
        return len(all_rows)
    if form is Form.NDJSON:
        return _each(rows, lambda row: json.dumps(plain(row), ensure_ascii=False, separators=(",", ":")), out)
    if form is Form.IDS:
        return _each(rows, lambda row: str(row[columns[0]]), out)
    if form is Form.CSV:
        return _csv(rows, columns, out)
    return _table(list(rows), columns, out, cut=form is Form.TABLE)


def show_one(row: Row, *, form: Form, out: TextIO | None = None) -> None:
    """Print one object: one line per field for people, else as a list of one (JSON: the object itself)."""
    out = out or sys.stdout
    if form is Form.JSON:
        json.dump(plain(row), out, indent=2, ensure_ascii=False)
        out.write("\n")
    elif not form.for_people:
        show([row], form=form, columns=list(row), out=out)
    else:
        width = max(map(len, row), default=0)
        paint = _Paint(out)
        for name, value in row.items():
            out.write(f"{paint.bold(name.ljust(width))}  {paint.state(text_of(value))}\n")


def plain(value: Any) -> Any:
    """Return the JSON form of a value, times as ISO 8601 in UTC."""
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def text_of(value: Any) -> str:
    """Return a value as one line of text for a cell; control characters are escaped."""
    if value is None or value in ("", {}, []):
        return "-"
    if isinstance(value, datetime):
        text = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    elif isinstance(value, Mapping):
        text = ",".join(f"{name}={_inner(inner)}" for name, inner in value.items())
    elif isinstance(value, (list, tuple)):
        text = ",".join(map(_inner, value))
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
    return (
        text
        if text.isprintable()
        else "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    )


def _inner(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"))


def _each(rows: Iterable[Row], line: Any, out: TextIO) -> int:
    count = 0
    for row in rows:
        out.write(f"{line(row)}\n")
        count += 1
    return count


def _csv(rows: Iterable[Row], columns: Sequence[str], out: TextIO) -> int:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    count = 0
    for row in rows:
        writer.writerow([_csv_cell(row.get(name)) for name in columns])
        count += 1
    return count


def _csv_cell(value: Any) -> Any:
    raw = plain(value)
    if isinstance(raw, (dict, list, bool)):
        return json.dumps(raw, ensure_ascii=False, separators=(",", ":"))
    return raw


def _table(rows: Sequence[Row], columns: Sequence[str], out: TextIO, *, cut: bool) -> int:
    if not rows:
        return 0
    terminal = out.isatty()
    paint = _Paint(out)
    limit = NARROW_CELL if cut and terminal else 0
    cells = [[_cut(text_of(row.get(name)), limit) for name in columns] for row in rows]
    heads = [name.upper() for name in columns]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    right = [all(isinstance(row.get(name), (int, float, type(None))) for row in rows) for name in columns]
    screen = shutil.get_terminal_size().columns if cut and terminal else 0
    out.write(paint.bold(_line(heads, widths, right, screen)) + "\n")
    out.writelines(paint.states_in(_line(row, widths, right, screen), row) + "\n" for row in cells)
    return len(rows)


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool], screen: int) -> str:
    padded = [cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(cells, widths, right, strict=True)]
    return _cut("  ".join(padded).rstrip(), screen)


def _cut(text: str, width: int) -> str:
    return text if not width or len(text) <= width else f"{text[: width - 1]}…"


class _Paint:
    """ANSI colours on a terminal that supports them; plain text elsewhere."""

    def __init__(self, out: TextIO) -> None:
        self._on = out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def bold(self, text: str) -> str:
        return f"\x1b[1m{text}\x1b[0m" if self._on else text

    def state(self, text: str) -> str:
        code = _COLOURS.get(text)
        return f"\x1b[{code}m{text}\x1b[0m" if self._on and code else text

    def states_in(self, line: str, cells: Sequence[str]) -> str:
        """Colour the state in a line."""
        if self._on and (cell := next((c for c in cells if c in _COLOURS), None)):
            return line.replace(f" {cell}", f" {self.state(cell)}", 1)
        return line
