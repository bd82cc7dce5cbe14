"""When something happened at a site, as an event of the log says it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

TRUSTED = timedelta(days=7)  # how far the clock of a site may be behind that of the log; beyond it is wrong


def site_time(data: Mapping[str, Any] | None) -> datetime | None:
    """Return the site's own time of an event from its data, in UTC; None where it has none that can be read."""
    text = (data or {}).get("at")
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
        return at.astimezone(UTC) if at and at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def moment(recorded: datetime, data: Mapping[str, Any] | None) -> datetime:
    """Return when an event happened: by the site's clock, unless that is far from when it was recorded."""
    at = site_time(data)
    return at if at and recorded - TRUSTED <= at <= recorded else recorded
