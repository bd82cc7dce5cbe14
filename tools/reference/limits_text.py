"""The page of limits: what the server accepts and answers at most, from the table that the code itself reads."""

from collections.abc import Iterator

from storax_core import limits
from storax_core.settings import Settings

INTRODUCTION = (
    "# Limits\n",
    "What exceeds a limit gets the status of its row, with the way out in `hint`. A call that got 408, 429 or 503 may",
    "be repeated, after `Retry-After` seconds. `GET /api/v1/limits` returns the limits of a running server; here are",
    "those of the default settings. The Python client and the agent honour all of them.\n",
)
HEAD = ("Limit", "Value", "Of what", "Status", "Way out")


def rows() -> Iterator[tuple[str, ...]]:
    """Yield the cells of each limit, with the default settings."""
    for limit in limits.table(Settings.model_construct()):
        status = str(limit.status) if limit.status else ""
        yield f"`{limit.name}`", _size(limit), limit.meaning, status, limit.way_out


def _size(limit: limits.Limit) -> str:
    value = int(limit.value) if float(limit.value).is_integer() else limit.value
    if limit.unit.startswith("bytes"):
        for unit, size in (("MiB", limits.MIB), ("KiB", limits.KIB)):
            if value >= size and value % size == 0:
                return f"{value // size:,} {unit}{limit.unit.removeprefix('bytes')}"
    return f"{value:,} {limit.unit}"
