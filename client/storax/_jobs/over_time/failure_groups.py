"""FAILED jobs grouped by what went wrong."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple


class FailureGroup(NamedTuple):
    """FAILED jobs with the same App, exit code and last line of the error.

    ``jobs`` is their number; ``first`` and ``last`` are when they failed, ``newest_id`` is the newest one. ``filter``
    are filters that select them: ``Job.objects.filter(**group.filter).retry()``.
    """

    jobs: int
    app_id: int
    return_code: int | None
    failure_line: str
    first: datetime
    last: datetime
    newest_id: int

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "FailureGroup":
        """Return a group of an answer."""
        times = {name: datetime.fromisoformat(row[name]) for name in ("first", "last")}
        return cls(**{name: row[name] for name in cls._fields} | times)

    @property
    def filter(self) -> dict[str, Any]:
        """Return the filters of its jobs."""
        names = ("app_id", "return_code", "failure_line")
        return {"state": "FAILED", **{name: getattr(self, name) for name in names}}
