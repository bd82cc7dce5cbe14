"""Texts as HTML: escaped, and what would steer a terminal or turn the order of letters is shown as an escape."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

from storax.cli.terminal.output import short, text_of

MOST = 300  # characters of one text; the rest is cut


class Html(str):
    """A text that is HTML already; every other text is escaped."""

    __slots__ = ()


def html_of(value: Any) -> Html:
    """Return a value as HTML: ``Html`` as it is, everything else as one line of escaped, visible, bounded text."""
    if isinstance(value, Html):
        return value
    shown = f"{value:,}" if type(value) is int else text_of(value)
    return Html(escape(shown if len(shown) <= MOST else f"{shown[: MOST - 1]}…"))


def duration(seconds: float | None) -> str:
    """Return a duration: hundredths of seconds below a minute, else its two largest units."""
    if seconds is None:
        return ""
    return f"{seconds:.2f} s" if seconds < 59.995 else short(timedelta(seconds=round(seconds)))


def moment(time: datetime) -> str:
    """Return a time in UTC that a narrow screen can break between date and time of day."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def table(title: str, heads: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> Html:
    """Return a table; columns of numbers are those whose head ends with ``#``, which is not shown.

    Args:
        title: What it shows, for those who cannot see it.
        heads: Text of the head of each column.
        rows: The cells of each row, of any type.
        empty: What is said where there are no rows.
    """
    cells = [[html_of(cell) for cell in row] for row in rows]
    if not cells:
        return Html(f"<p>{html_of(empty)}</p>")
    kinds = [' class="number"' if head.endswith("#") else "" for head in heads]
    head = "".join(
        f'<th scope="col"{kind}>{html_of(text.rstrip("#"))}</th>' for text, kind in zip(heads, kinds, strict=True)
    )
    body = "\n".join(
        "<tr>" + "".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(row, kinds, strict=True)) + "</tr>"
        for row in cells
    )
    return Html(
        f'<div class="table" role="region" tabindex="0" aria-label="{html_of(title)}"><table>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def pairs(rows: Iterable[tuple[str, Any]]) -> Html:
    """Return names and values as a list of definitions."""
    lines = (f"<div><dt>{html_of(name)}</dt><dd>{html_of(value)}</dd></div>" for name, value in rows)
    return Html(f"<dl>\n{chr(10).join(lines)}\n</dl>")
