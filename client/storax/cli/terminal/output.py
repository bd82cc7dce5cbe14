"""Print results: aligned columns, JSON, CSV or bare ids on stdout; notes about them on stderr.

A terminal gets colours and lines that fit; a pipe gets plain columns, uncut.
"""

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, TextIO

import typer

from storax.cli.terminal.streams import is_unicode
from storax.cli.terminal.table import Paint, columns_of, print_table
from storax.cli.terminal.visible import note as note  # noqa: PLC0414 - commands look for it here
from storax.cli.terminal.visible import visible, visible_json

Row = Mapping[str, Any]


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


def chosen(
    form: Form, columns: str | None, *, narrow: Sequence[str], wide: Sequence[str], every: Sequence[str]
) -> list[str]:
    """Return the columns to print: those named, else ``narrow`` or ``wide`` for a table, ``every`` for programs."""
    if columns:
        return [name.strip() for name in columns.split(",") if name.strip()]
    return list({Form.TABLE: narrow, Form.WIDE: wide, Form.IDS: ("id",)}.get(form, every))


def show(
    rows: Iterable[Row], *, form: Form, columns: Sequence[str], out: TextIO | None = None, named: bool = False
) -> int:
    """Print rows and return how many there were; the form ``ids`` prints the first column alone.

    ``named``: whether a user named the columns, so that a table leaves none of them out.
    """
    out = out or sys.stdout
    if form is Form.JSON:
        all_rows = list(rows)
        out.write(json_text([plain(row) for row in all_rows], out, indent=2) + "\n")
        return len(all_rows)
    if form is Form.NDJSON:
        return _each(rows, lambda row: json_text(plain(row), out), out)
    if form is Form.IDS:
        return _each(rows, lambda row: _exact(str(row[columns[0]]), out), out)
    if form is Form.CSV:
        return _csv(rows, columns, out)
    return _table(list(rows), columns, out, fit=form is Form.TABLE, named=named)


def json_text(value: Any, out: TextIO, *, indent: int | None = None) -> str:
    """Return a value as JSON; without ``indent`` in one line.

    With escapes for what the stream's encoding lacks, and on a terminal for what cannot be seen: the value is the same.
    """
    separators = (",", ":") if indent is None else None
    text = json.dumps(value, ensure_ascii=not is_unicode(out), indent=indent, separators=separators)
    return visible_json(text) if out.isatty() else text


def show_one(row: Row, *, form: Form, out: TextIO | None = None) -> None:
    """Print one object: one line per field for people, else as a list of one (JSON: the object itself)."""
    out = out or sys.stdout
    if form is Form.JSON:
        out.write(json_text(plain(row), out, indent=2) + "\n")
    elif not form.for_people:
        show([row], form=form, columns=list(row), out=out)
    else:
        width = max(map(len, row), default=0)
        paint = Paint(out)
        for name, value in row.items():
            out.write(f"{paint.bold(name.ljust(width))}  {paint.state(text_of(value))}\n")


def plain(value: Any) -> Any:
    """Return the JSON form of a value, times as ISO 8601 in UTC, durations in seconds."""
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return round(value.total_seconds(), 3)
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def text_of(value: Any) -> str:
    """Return a value as one line of text for a cell; control characters are escaped."""
    if value is None or value in ("", {}, []):
        return "-"
    if isinstance(value, datetime):
        text = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    elif isinstance(value, timedelta):
        text = short(value)
    elif isinstance(value, Mapping):
        text = ",".join(f"{name}={_inner(inner)}" for name, inner in value.items())
    elif isinstance(value, (list, tuple)):
        text = ",".join(map(_inner, value))
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
    return visible(text)


def short(duration: timedelta) -> str:
    """Return a duration in its two largest units, without blanks: ``2h5m``, ``13s``."""
    rest, parts = max(0, int(duration.total_seconds())), list[str]()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append(f"{count}{unit}")
    return "".join(part for part in parts[:2] if part[0] != "0") or "0s"


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
        cells = (_csv_cell(row.get(name)) for name in columns)
        writer.writerow([_exact(cell, out) if isinstance(cell, str) else cell for cell in cells])
        count += 1
    return count


def _exact(text: str, out: TextIO) -> str:
    """Return a text for programs: unchanged, but visible on a terminal."""
    return visible(text) if out.isatty() else text


def _csv_cell(value: Any) -> Any:
    raw = plain(value)
    if isinstance(raw, (dict, list, bool)):
        return json.dumps(raw, ensure_ascii=False, separators=(",", ":"))
    return raw


def _table(rows: Sequence[Row], columns: Sequence[str], out: TextIO, *, fit: bool, named: bool) -> int:
    if not rows:
        return 0
    cells = [[text_of(row.get(name)) for name in columns] for row in rows]
    left_out = print_table(columns_of(rows, columns, cells, essential=named), out, fit=fit)
    if left_out:
        note(f"Not shown at this width: {', '.join(left_out)}. To see all, add -o wide.")
    return len(rows)
