"""How data frames and views look: the first rows, their roles, and how many there are in all."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

ROWS = 10
_WIDEST = 24
_COLUMNS = 12


def text(title: str, known: Mapping[str, Any], rows: Mapping[str, Sequence[Any]]) -> str:
    """For a terminal."""
    _, cells = _table(known, rows)
    return "\n".join([title, *aligned(cells), _tail(known, len(cells) - 2)])


def aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    """Return lines of cells, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def html(title: str, known: Mapping[str, Any], rows: Mapping[str, Sequence[Any]]) -> str:
    """For a notebook: escaped, no scripts."""
    _, cells = _table(known, rows)
    head = "".join(f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in line)}</tr>" for line in cells[:2])
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>" for line in cells[2:])
    return (
        f"<table><caption>{escape(title)}</caption><thead>{head}</thead><tbody>{body}</tbody></table>"
        f"<p>{escape(_tail(known, len(cells) - 2))}</p>"
    )


def _table(known: Mapping[str, Any], rows: Mapping[str, Sequence[Any]]) -> tuple[list[str], list[list[str]]]:
    """Names, roles, then rows; beyond some columns the rest is left out, and the tail says so."""
    shown = known["columns"][:_COLUMNS]
    names = [column["name"] for column in shown]
    head = [_cut(name) for name in names]
    roles = [column["role"] + (f", {column['unit']}" if column["unit"] else "") for column in shown]
    body = [[cell(value) for value in line] for line in zip(*(rows[name] for name in names), strict=True)]
    return names, [head, roles, *body]


def _tail(known: Mapping[str, Any], shown: int) -> str:
    total, columns = known["nrows"], len(known["columns"])
    size = f"{total:,} rows x {columns:,} columns"
    hidden = [
        f"the first {shown} rows" if total > shown else "",
        f"the first {_COLUMNS} columns" if columns > _COLUMNS else "",
    ]
    cut = " and ".join(filter(None, hidden))
    return f"{size}; {cut} are shown" if cut else size


def cell(value: Any) -> str:
    """Return a value as text of at most 24 characters."""
    if value is None:
        return "NULL"
    return _cut(f"{value:g}" if isinstance(value, float) else str(value))


def _cut(text_: str) -> str:
    return text_ if len(text_) <= _WIDEST else f"{text_[: _WIDEST - 3]}..."
