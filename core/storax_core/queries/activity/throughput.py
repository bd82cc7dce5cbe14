"""How many jobs were created and ended in each part of a window, and how many were in each state at its end.

Everything comes from counts by minute (``log.flow``), from the events behind them, and from the counts by state: the
cost is that of the window's minutes, whatever the number of jobs.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from storax_core.database.connections import Connection
from storax_core.errors import Invalid
from storax_core.lifecycle.states import JOB_DONE, JobState
from storax_core.log import flow

MOST_EVENTS = 100_000  # behind the counts, the newest of them
MOST_PARTS = 1_500
PARTS, DEFAULT_HOURS = 96, 24  # where the caller names none
STEPS = (60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200)  # seconds
# $1 owner, $2 begin and $3 end of the window, $4 seconds of a part, $5 site ids or null, $6 name of the position.
# The part -1 is the present; the part behind the last one is what happened after the window.
SQL = f"""WITH counted AS MATERIALIZED (SELECT coalesce((SELECT position FROM feed WHERE name = $6), 0) AS position),
behind AS MATERIALIZED (
  SELECT "timestamp", entity, type, site_id, from_state, to_state FROM event_log
  WHERE owner_id = $1 AND position > (SELECT position FROM counted) ORDER BY position DESC LIMIT {MOST_EVENTS}),
moves AS (
  SELECT minute, site_id, from_state, to_state, n FROM job_flow WHERE owner_id = $1 AND minute >= $2
  UNION ALL SELECT {flow.MOVE}, 1 FROM behind WHERE {flow.IS_MOVE} AND "timestamp" >= $2)
SELECT CASE WHEN minute < $3 THEN floor(extract(epoch FROM minute - $2) / $4)::int
    ELSE ceil(extract(epoch FROM $3 - $2) / $4)::int END AS part, from_state, to_state, sum(n)::bigint AS n
FROM moves WHERE $5::bigint[] IS NULL OR site_id = ANY($5) GROUP BY 1, 2, 3
UNION ALL
SELECT -1, '', state, sum(n)::bigint FROM job_tally
WHERE owner_id = $1 AND ($5::bigint[] IS NULL OR site_id = ANY($5)) GROUP BY state
UNION ALL
SELECT -2, '', '', count(*) FROM behind"""  # noqa: S608


class Move(NamedTuple):
    """How many jobs went from state to state in one part of a window."""

    part: int
    from_state: str
    to_state: str
    n: int


class Window(NamedTuple):
    """A time of whole minutes, and the seconds of each of its parts."""

    since: datetime
    until: datetime
    step_sec: int


class Throughput(NamedTuple):
    """Parts of ``step_sec`` seconds from ``since`` on: jobs created in each, ended by state, in each state at its end.

    ``partial``: more happened than could be read, as the counts are far behind the log.
    """

    since: datetime
    until: datetime
    step_sec: int
    created: list[int]
    ended: dict[str, list[int]]
    states: dict[str, list[int]]
    partial: bool


async def throughput(
    conn: Connection, owner_id: int, span: Window, site_ids: Sequence[int] | None = None
) -> Throughput:
    """Return it for jobs of all sites, or of these."""
    since, until, step_sec = span
    step = timedelta(seconds=step_sec)
    rows = await conn.fetch(SQL, owner_id, since, until, step_sec, site_ids, flow.NAME)
    moves = [Move(*row) for row in rows]
    present = Counter({move.to_state: move.n for move in moves if move.part == -1})
    behind = sum(move.n for move in moves if move.part == -2)
    series = _Series(-(-(until - since) // step))
    for move in moves:
        series.take(move)
    states, partial = series.states(present), behind >= MOST_EVENTS
    return Throughput(since, until, step_sec, series.created, series.ended, states, partial)


class _Series:
    """Numbers by part, filled move by move."""

    def __init__(self, parts: int) -> None:
        self._parts = parts
        self._net: list[Counter[str]] = [Counter() for _ in range(parts + 1)]
        self.created = [0] * parts
        self.ended = {str(state): [0] * parts for state in JOB_DONE}

    def take(self, move: Move) -> None:
        """Add what happened in a part; moves of the present are none."""
        if move.part < 0:
            return
        self._net[move.part][move.to_state] += move.n
        self._net[move.part][move.from_state] -= move.n
        if move.part == self._parts:
            return
        if not move.from_state:
            self.created[move.part] += move.n
        if move.to_state in self.ended:
            self.ended[move.to_state][move.part] += move.n

    def states(self, present: Counter[str]) -> dict[str, list[int]]:
        """Return the number of jobs in each state at the end of each part, from what changed after it."""
        at, ends = Counter(present), []
        for part in range(self._parts, 0, -1):
            at.subtract(self._net[part])
            ends.append({state: max(0, n) for state, n in at.items()})
        names = [str(state) for state in JobState if any(end.get(state) for end in ends)]
        return {name: [end.get(name, 0) for end in reversed(ends)] for name in names}


def window(since: datetime | None, until: datetime | None, step_sec: int | None, now: datetime) -> Window:
    """Return the window that a caller means: whole parts, of which the last one may end early.

    Raises Invalid for one that is empty, has too many parts, or begins before the counts.
    """
    oldest, end = now - timedelta(days=flow.KEPT_DAYS - 1), min(until or now, now)
    begin = since or max(end, oldest) - timedelta(hours=DEFAULT_HOURS)
    if since and since >= end:
        raise Invalid(f"the window from {begin.isoformat()} to {end.isoformat()} is empty", hint="Begin it earlier.")
    if begin < oldest:
        raise Invalid(
            f"there are no counts of {begin.isoformat()}", hint=f"They are kept for {flow.KEPT_DAYS - 1} days."
        )
    seconds = (end - begin).total_seconds()
    step = step_sec or next((size for size in STEPS if seconds <= size * PARTS), STEPS[-1])
    if seconds > step * (MOST_PARTS - 1):
        raise Invalid(f"{seconds / step:.0f} parts are too many", hint=f"Name a longer step_sec: {MOST_PARTS} at most.")
    first = int(begin.timestamp()) // step * step
    last = max(first + 60, -(-end.timestamp() // 60) * 60)
    return Window(datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC), step)
