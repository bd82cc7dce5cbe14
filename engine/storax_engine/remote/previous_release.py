"""Remote runs of the previous release: ``order.json``, which its jobs read, and ``ticket.json``, the engine's own.

They have no version. Both are translated into what ``manifest.py`` reads, and stay as they are.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from storax_engine.remote.files import read_json

ORDER, TICKET = "order.json", "ticket.json"
FORMAT = 1
_STATE = ("job_id", "step_ids", "unwanted", "failed_at")


def manifest(folder: Path) -> dict[str, Any] | None:
    """Build the manifest from an order and its ticket; return None if the folder has no order."""
    order, ticket = read_json(folder / ORDER), read_json(folder / TICKET) or {}
    if order is None:
        return None
    return {"version": FORMAT, "token": ticket.get("token", ""), "task": _task(order, ticket)}


def state(folder: Path) -> dict[str, Any] | None:
    """The state that a ticket tells; None where its job may not have been created."""
    ticket = read_json(folder / TICKET)
    if ticket is None or "job_id" not in ticket:
        return None
    return {"version": FORMAT, **{field: ticket[field] for field in _STATE if field in ticket}}


def _task(order: Mapping[str, Any], ticket: Mapping[str, Any]) -> dict[str, Any]:
    kind = ticket.get("kind", order["kind"])
    task = {**order, "kind": kind}
    if kind == "fit":
        return task | {field: ticket[field] for field in ("name", "tags", "frames")}
    if kind == "trial":
        return task | {"tuning": ticket["tuning"], "number": ticket["trial"]}
    if kind == "score":
        return task | {field: ticket[field] for field in ("pipeline", "set_used")}
    return task
