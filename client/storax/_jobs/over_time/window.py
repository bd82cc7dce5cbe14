"""A window of time, as the server takes it."""

from datetime import UTC, datetime


def as_window(since: datetime | None, until: datetime | None) -> dict[str, str]:
    """Return the begin and end of a window for a request, in UTC; a naive time is local. None is left out."""
    times = {"since": since, "until": until}
    return {name: time.astimezone(UTC).isoformat() for name, time in times.items() if time is not None}
