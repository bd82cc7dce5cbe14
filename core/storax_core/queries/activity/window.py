"""A window of time, of which jobs, and where it lies in the log."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from storax_core.database.connections import Connection
from storax_core.errors import Invalid

# The first position of the owner whose event is not before a moment: bisection, as positions grow with time. It costs
# some 30 look-ups in an index, whatever the size of the log.
_START = """
WITH RECURSIVE search(low, high) AS (
  SELECT 0::bigint, (SELECT coalesce(max(position), 0) + 1 FROM event_log WHERE owner_id = $1)
  UNION ALL
  SELECT CASE WHEN e.happened < $2 THEN (low + high) / 2 + 1 ELSE low END,
         CASE WHEN e.happened < $2 THEN high ELSE (low + high) / 2 END
  FROM search, LATERAL (SELECT (
    SELECT "timestamp" FROM event_log WHERE owner_id = $1 AND position >= (low + high) / 2 ORDER BY position LIMIT 1
  ) AS happened) e
  WHERE low < high)
SELECT low FROM search WHERE low >= high"""
MOST_LENGTH = timedelta(days=31)
YEARS = range(1970, 9000)  # in which a window may lie
LATE = timedelta(hours=1)  # after which a site that was cut off may have reported what happened in a window


@dataclass(frozen=True)
class Window:
    """A time from ``since`` to ``until`` in UTC, and which jobs count: of sites, of Apps, with tags. None: all."""

    since: datetime
    until: datetime
    site_ids: Sequence[int] | None = None
    app_ids: Sequence[int] | None = None
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def length(self) -> timedelta:
        """Return how long it is."""
        return self.until - self.since


def in_bounds(name: str, moment: datetime) -> datetime:
    """Return a bound of a window. Raises Invalid for a year in which no window may lie."""
    if moment.year not in YEARS:
        raise Invalid(f"{name} is in the year {moment.year}", hint=f"It takes {YEARS.start} to {YEARS.stop - 1}.")
    return moment


async def positions(conn: Connection, owner_id: int, window: Window) -> tuple[int, int]:
    """Return the first position of the window, and the first behind what is reported of it, ``LATE`` at most.

    They are those of the log: before its first event where a moment is before what is not archived.
    """
    first = int(await conn.fetchval(_START, owner_id, window.since))
    return first, int(await conn.fetchval(_START, owner_id, window.until + LATE))
