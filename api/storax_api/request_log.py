"""The log line of a request that was answered with an error: its id, who called what, and why it was refused.

The query string, headers and bodies are never logged: they may hold secrets.
"""

import logging
from typing import Any

from starlette.types import Scope

from storax_core import process_log

log = logging.getLogger("storax.api")
LONGEST_DETAIL = 500  # characters


def note(scope: Scope, status: int, took: float) -> None:
    """Log one answered request, which took so many seconds: an error where everybody sees it, others for debugging."""
    level = logging.ERROR if status >= 500 else logging.WARNING if status >= 400 else logging.DEBUG
    if not log.isEnabledFor(level):
        return
    values = _fields(scope, status, took)
    text = "%(method)s %(path)s answered %(status)s%(reason)s (request %(request_id)s, user %(user)s, %(ms)s ms)"
    reason = f" {values['code']}: {values['detail']}" if values["code"] else ""
    log.log(level, text, {**values, "reason": reason}, extra=process_log.fields(**values))


def _fields(scope: Scope, status: int, took: float) -> dict[str, Any]:
    state = scope.get("state", {})
    code, detail = state.get("problem", ("internal" if status == 500 else "", ""))
    return {
        "request_id": state.get("request_id", ""), "method": scope["method"], "path": _line(scope["path"]),
        "status": status, "code": code, "detail": _line(str(detail)[:LONGEST_DETAIL]),
        "user": state.get("owner_id"), "ms": round(took * 1e3, 1),
    }  # fmt: skip


def _line(text: str) -> str:
    """Return a caller's text in one line: what it sends must not look like lines of this log."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
