"""How long the last run of jobs took or takes, from their events: the rows of jobs do not say when they started."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from storax._events.site_time import site_time
from storax.models.job_rules import FINAL

AT_ONCE = 1000  # jobs asked for in one request
_ENDS = ("RUN_DONE", "RUN_ERROR", "RUN_TIMEOUT", "RESTART_READY", *FINAL)


def add_durations(rows: list[dict[str, Any]], *, now: datetime | None = None) -> None:
    """Add ``duration``, a timedelta, to rows with ``id``, ``state`` and ``attempt``; None before the first run."""
    now = now or datetime.now(UTC)
    started = [row for row in rows if row["attempt"]]
    spans = _spans(started)
    for row in rows:
        begin, end = spans.get(row["id"], (None, None))
        end = now if row["state"] == "RUNNING" else end
        row["duration"] = max(end - begin, timedelta()) if begin and end else None


def _spans(rows: list[dict[str, Any]]) -> dict[int, tuple[datetime, datetime | None]]:
    """Return start and end of the last run of each job."""
    spans: dict[int, tuple[datetime, datetime | None]] = {}
    for job_id, state, at in _moves([row["id"] for row in rows]):
        if state == "RUNNING":
            spans[job_id] = (at, None)
        elif job_id in spans and spans[job_id][1] is None:
            spans[job_id] = (spans[job_id][0], at)
    return spans


def _moves(ids: list[int]) -> Iterator[tuple[int, str, datetime]]:
    """Yield the starts and ends of runs, in their order; a site's own time where the event has it."""
    from storax.models.event_log import EventLog

    for first in range(0, len(ids), AT_ONCE):
        query: Any = EventLog.objects.filter(job_id=ids[first : first + AT_ONCE], to_state=["RUNNING", *_ENDS])
        events: Iterable[Any] = query.order_by("position").values_list("entity_id", "to_state", "timestamp", "data")
        for job_id, state, timestamp, data in events:
            yield job_id, state, site_time(data) or timestamp
