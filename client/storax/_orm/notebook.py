"""HTML of models and queries for notebooks: a narrow table of up to 20 rows, coloured by state, escaped, no scripts."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

# What a table shows of each noun, most important first; a single object shows all of its fields.
_COLUMNS: dict[str, tuple[str, ...]] = {
    "App": ("id", "name", "site_id", "command_template", "description", "last_update"),
    "BatchJob": ("id", "site_id", "state", "queue", "num_nodes", "wall_time_min", "scheduler_id", "last_update"),
    "EventLog": ("position", "timestamp", "entity", "entity_id", "type", "from_state", "to_state", "actor"),
    "Job": ("id", "state", "workdir", "tags", "app_id", "attempt", "return_code", "last_update"),
    "Session": ("id", "site_id", "batch_job_id", "heartbeat", "expires_at"),
    "Site": ("id", "name", "path", "last_refresh"),
    "TransferItem": ("id", "job_id", "direction", "state", "local_path", "location_alias", "remote_path"),
}
_FEW, _WIDEST = 8, 40
# Readable on white and on black.
_COLOURS = {
    **dict.fromkeys(("JOB_FINISHED", "finished", "done"), "#2e9e4f"),
    **dict.fromkeys(("FAILED", "submit_failed", "error"), "#e0453a"),
    **dict.fromkeys(("RUNNING", "running", "active"), "#1f8fd6"),
    **dict.fromkeys(("RUN_ERROR", "RUN_TIMEOUT", "RESTART_READY"), "#d98a00"),
}
_GREY = "#8a8a8a"


def table(noun: str, rows: Sequence[Mapping[str, Any]], *, more: bool) -> str:
    """Return rows as an HTML table of at most eight columns, without the empty ones."""
    if not rows:
        return f"<p>No {escape(noun)} matches.</p>"
    filled = (n for n in _COLUMNS.get(noun, rows[0]) if any(row.get(n) not in (None, "", {}, []) for row in rows))
    names = list(filled)[:_FEW]
    head = "".join(f"<th>{escape(n)}</th>" for n in names)
    body = "".join(_row(row[n] for n in names) for row in rows)
    tail = f"<p>The first {len(rows)}; there are more.</p>" if more else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{tail}"


def counts(numbers: Mapping[str, int]) -> str:
    """Return the number of rows in each state as a bar with a legend."""
    total = sum(numbers.values())
    parts = "".join(
        f'<div style="width:{100 * n / total:.2f}%;background:{_colour(state)}" title="{escape(state)}: {n:,}"></div>'
        for state, n in numbers.items()
    )
    legend = " &nbsp; ".join(f"{_state(state)} {n:,}" for state, n in numbers.items()) or "no jobs"
    return f'<div style="display:flex;height:1em;max-width:40em">{parts}</div><div>{legend}</div>'


def card(noun: str, values: Mapping[str, Any]) -> str:
    """Return one object as an HTML table of its fields."""
    lines = "".join(f"<tr><th>{escape(n)}</th><td>{_cell(v, widest=120)}</td></tr>" for n, v in values.items())
    return f"<table><caption>{escape(noun)}</caption><tbody>{lines}</tbody></table>"


def _row(cells: Iterable[Any]) -> str:
    return f"<tr>{''.join(f'<td>{_cell(cell)}</td>' for cell in cells)}</tr>"


def _cell(value: Any, widest: int = _WIDEST) -> str:
    if value is None:
        return ""
    if isinstance(value, str) and value in _COLOURS:
        return _state(value)
    text = value.strftime("%Y-%m-%d %H:%M:%S") if isinstance(value, datetime) else str(value)
    if len(text) <= widest:
        return escape(text)
    return f'<span title="{escape(text[:1000])}">{escape(text[: widest - 1])}…</span>'


def _state(state: str) -> str:
    return f'<b style="color:{_colour(state)}">{escape(state)}</b>'


def _colour(state: str) -> str:
    return _COLOURS.get(state, _GREY)
