"""Rows, one for each job to create, from files of JSON, JSON lines or CSV and from sweeps over parameters."""

import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import product
from pathlib import Path
from typing import Any

from storax.cli.terminal.failures import UsageError

Row = dict[str, Any]
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
MAX_VALUES = 1_000_000


def read_rows(source: str) -> list[Row]:
    """Read the rows of a file, or of stdin for ``-``: a JSON list or object, JSON lines, or CSV with a header.

    In CSV, ``parameters.x`` and ``tags.x`` are columns of one entry, and an empty cell counts as absent.

    Raises:
        UsageError: it is none of these, or cannot be read; the message says where.
    """
    text = _text_of(source)
    rows = list(_json_rows(text, source) if text.lstrip()[:1] in ("[", "{") else _csv_rows(text))
    if not rows:
        raise UsageError(f"{source} contains no job.", hint="Use a JSON list, JSON lines, or CSV with a header line.")
    return rows


def _text_of(source: str) -> str:
    try:
        return sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{source} is not UTF-8 text: {error.reason} at byte {error.start}.") from None


def _json_rows(text: str, source: str) -> Iterator[Row]:
    decoder, at = json.JSONDecoder(), 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        try:
            value, at = decoder.raw_decode(text, at)
        except ValueError as error:
            line = text.count("\n", 0, getattr(error, "pos", at)) + 1
            raise UsageError(f"{source}, line {line}: invalid JSON ({error}).") from None
        for row in value if isinstance(value, list) else [value]:
            if not isinstance(row, dict):
                raise UsageError(
                    f"{source}: {json.dumps(row)[:60]} is not a job.", hint='A job is an object: {"app": ..., ...}'
                )
            yield row


def _csv_rows(text: str) -> Iterator[Row]:
    for line in csv.DictReader(text.splitlines()):
        row: Row = {}
        for name, cell in line.items():
            if not name or cell in (None, ""):
                continue
            outer, dot, inner = name.partition(".")
            if dot:
                row.setdefault(outer, {})[inner] = cell
            else:
                row[name] = _cell(cell)
        yield row


def _cell(text: str) -> Any:
    """Parse a cell: lists and objects are JSON; everything else is text, which the field converts."""
    return json.loads(text) if text[0] in "[{" else text


def sweeps(texts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield every combination of swept parameters: ``x=1:10`` (both ends), ``x=0:1:0.25``, ``x=a,b,c``.

    Raises:
        UsageError: one is none of these.
    """
    axes = [_axis(text) for text in texts]
    for values in product(*(values for _, values in axes)):
        yield dict(zip((name for name, _ in axes), values, strict=True))


def _axis(text: str) -> tuple[str, list[Any]]:
    name, sign, values = text.partition("=")
    if not sign or not name or not values:
        raise UsageError(f"--param-sweep {text!r} is not NAME=VALUES.", hint="Write x=1:10, x=0:1:0.25 or x=a,b,c")
    if ":" not in values:
        return name, values.split(",")
    try:
        first, last, step = [
            Decimal(number) for number in (values if values.count(":") > 1 else f"{values}:1").split(":")
        ]
    except (InvalidOperation, ValueError):
        raise UsageError(f"--param-sweep {text!r}: these are not numbers.", hint="Write x=1:10 or x=0:1:0.25") from None
    if not step or (last - first) / step < 0 or (last - first) / step >= MAX_VALUES:
        raise UsageError(f"--param-sweep {text!r} does not end.", hint="Write FIRST:LAST:STEP, such as x=10:1:-1")
    count = int((last - first) / step) + 1
    return name, [_number(first + index * step) for index in range(count)]


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def merged(base: Mapping[str, Any], row: Mapping[str, Any]) -> Row:
    """Merge ``row`` over ``base``; parameters and tags entry by entry."""
    out = {**base, **row}
    for name in ("parameters", "tags"):
        if isinstance(base.get(name), Mapping) and isinstance(row.get(name), Mapping):
            out[name] = {**base[name], **row[name]}
    return out


def fill_workdirs(rows: Sequence[Row], *, default: str) -> None:
    """Fill the ``{n}`` and ``{parameter}`` placeholders of each row's workdir; append the row number to equal ones.

    Args:
        rows: One for each job, changed in place.
        default: Workdir of a row that names none.

    Raises:
        UsageError: a placeholder names no parameter.
    """
    for number, row in enumerate(rows):
        workdir = str(row.get("workdir") or default)
        row["workdir"] = _filled(workdir, {**(row.get("parameters") or {}), "n": f"{number:06d}"})
    occurrences = Counter(row["workdir"] for row in rows)
    for number, row in enumerate(rows):
        if occurrences[row["workdir"]] > 1:
            row["workdir"] += f"/{number:06d}"


def _filled(workdir: str, values: Mapping[str, Any]) -> str:
    def fill(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise UsageError(f"Workdir {workdir!r} contains {match[0]}.", hint="Use {n} or the job's parameters.")
        return str(values[match[1]]).replace("/", "_")  # a value must stay one step of the path

    return _PLACEHOLDER.sub(fill, workdir)
