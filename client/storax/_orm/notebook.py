"""HTML of models and queries for notebooks: a table of up to 20 rows, escaped, without scripts."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

# Wide fields of little use in a table; a single object shows them all.
_DETAILS = frozenset(
    {
        *("data", "parameters", "launch_params", "return_value", "transfers", "source_code", "version", "command_id"),
        *("schema_version", "lease_epoch", "threads_per_rank", "threads_per_core", "node_packing_count"),
        *("pending_file_cleanup", "queued_jobs", "backfill_windows", "stage_in", "stage_out"),
    }
)


def table(noun: str, rows: Sequence[Mapping[str, Any]], *, more: bool) -> str:
    """Return rows as an HTML table, without empty columns and details."""
    if not rows:
        return f"<p>No {escape(noun)} matches.</p>"
    names = [n for n in rows[0] if n not in _DETAILS and any(r[n] not in (None, "", {}, []) for r in rows)]
    head = "".join(f"<th>{escape(n)}</th>" for n in names)
    body = "".join(_row(row[n] for n in names) for row in rows)
    tail = f"<p>The first {len(rows)}; there are more.</p>" if more else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{tail}"


def card(noun: str, values: Mapping[str, Any]) -> str:
    """Return one object as an HTML table of its fields."""
    lines = "".join(f"<tr><th>{escape(n)}</th><td>{_cell(v)}</td></tr>" for n, v in values.items())
    return f"<table><caption>{escape(noun)}</caption><tbody>{lines}</tbody></table>"


def _row(cells: Iterable[Any]) -> str:
    return f"<tr>{''.join(f'<td>{_cell(cell)}</td>' for cell in cells)}</tr>"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value.strftime("%Y-%m-%d %H:%M:%S") if isinstance(value, datetime) else str(value)
    return escape(text if len(text) <= 120 else f"{text[:117]}...")
