"""What ran when in a window: the runs of the page Timeline, one answer for it, REST and Python."""

from datetime import datetime
from typing import Any, NamedTuple

from storax_core.database.connections import Connection
from storax_core.queries.activity import reads
from storax_core.queries.activity.sources import activity_of
from storax_core.queries.activity.window import Window

Row = dict[str, Any]


class Runs(NamedTuple):
    """The newest runs that touch the window, clipped to it, and where there are ``more`` than asked for, the lanes.

    A row of ``lanes`` has ``lane``, the id of a job, App or BatchJob (0: none), ``number``, how many runs it has, and
    ``levels``, how many ran at once on average in each part of ``step_sec`` seconds. The busiest lane is first.
    """

    since: datetime
    until: datetime
    step_sec: float
    runs: list[Row]
    more: bool
    lanes: list[Row]


async def runs(conn: Connection, owner_id: int, window: Window, *, by: reads.Lane, most: int) -> Runs:
    """Return them for the jobs of a window. Raises Conflict where archived events of it cannot be read."""
    async with activity_of(conn, owner_id, window) as here:
        rows = await reads.runs(here, most)
        more = len(rows) > most
        lanes = await reads.levels(here, by) if more else []
    step_sec = window.length.total_seconds() / reads.BINS
    return Runs(window.since, window.until, step_sec, rows[:most], more, lanes)
