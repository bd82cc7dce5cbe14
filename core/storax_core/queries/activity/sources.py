"""SQL of what happened in a window: changes of state, stages between them, runs, allocations.

All are bounded: by the positions of the window, and by the newest ``MOST_EVENTS`` of it. Their parameters are those of
``Activity``: $1 owner, $2 and $3 positions, $4 and $5 times, $6 site ids, $7 App ids, $8 tags.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from storax_core.database.connections import Connection
from storax_core.lifecycle.states import BatchJobState, JobState
from storax_core.queries.activity.window import LATE, Window, positions
from storax_core.queries.archive import archived, archived_events
from storax_core.queries.archive.archived import Condition

MOST_EVENTS = 100_000
MOST_RUNNING = 10_000  # that began before the window
# When it happened by the clock of the site, unless that is far from when it was recorded: a clock that is wrong.
_MOMENT = """CASE WHEN (data ->> 'at')::timestamptz BETWEEN "timestamp" - interval '7 days' AND "timestamp"
  THEN (data ->> 'at')::timestamptz ELSE "timestamp" END"""
_CHOSEN = """(cardinality($6::bigint[]) IS NULL OR s.site_id = ANY($6))
  AND (cardinality($7::bigint[]) IS NULL OR j.app_id = ANY($7)) AND ($8::jsonb = '{}' OR j.tags @> $8)"""

# The newest events of the window: of the log, and where some of it was archived, of those that were staged.
_COLUMNS = 'position, entity, entity_id, version, from_state, to_state, data, "timestamp"'
_OF_LOG = f"SELECT {_COLUMNS} FROM event_log WHERE owner_id = $1 AND position >= $2 AND position < $3"  # noqa: S608
_NEWEST = f"ORDER BY position DESC LIMIT {MOST_EVENTS}"
LIVE = f"events AS MATERIALIZED ({_OF_LOG} {_NEWEST})"
WHOLE = f"""events AS MATERIALIZED (SELECT * FROM (({_OF_LOG} {_NEWEST})
  UNION ALL SELECT {_COLUMNS} FROM staged_event WHERE owner_id = $1) e {_NEWEST})"""  # noqa: S608
STAGED = "SELECT count(*) FROM staged_event"

# One row for each change of state of a job that counts, with the change before and after it in the window.
MOVES = f"""
changes AS (
  SELECT entity_id AS job_id, version, from_state, to_state, {_MOMENT} AS moment
  FROM events WHERE entity = 'job' AND to_state IS NOT NULL),
moves AS MATERIALIZED (
  SELECT c.*, j.app_id, s.site_id, s.batch_job_id, s.num_nodes::float8 / s.node_packing_count AS nodes,
    lead(c.moment) OVER own AS ended, lead(c.to_state) OVER own AS outcome, lag(c.to_state) OVER own AS earlier
  FROM changes c JOIN job_state s ON s.id = c.job_id JOIN job j ON j.id = c.job_id
  WHERE $4::timestamptz IS NOT NULL AND $5::timestamptz IS NOT NULL AND {_CHOSEN}
  WINDOW own AS (PARTITION BY c.job_id ORDER BY c.version))"""  # noqa: S608

# One row for each run that touches the window; clipped to it. ``outcome`` is null while it lasts.
RUNS = f"""
every_run AS (
  SELECT job_id, app_id, site_id, batch_job_id, nodes, moment AS began, ended, outcome
  FROM moves WHERE to_state = '{JobState.RUNNING}'
  UNION ALL
  SELECT job_id, app_id, site_id, batch_job_id, nodes, NULL, moment, to_state
  FROM moves WHERE from_state = '{JobState.RUNNING}' AND earlier IS NULL
  UNION ALL
  (SELECT s.id, j.app_id, s.site_id, s.batch_job_id, s.num_nodes::float8 / s.node_packing_count, NULL, NULL, NULL
  FROM job_state s JOIN job j ON j.id = s.id
  WHERE s.owner_id = $1 AND s.state = '{JobState.RUNNING}' AND s.last_update < $4 AND {_CHOSEN}
    AND NOT EXISTS (SELECT FROM moves m WHERE m.job_id = s.id) LIMIT {MOST_RUNNING})),
runs AS MATERIALIZED (
  SELECT job_id, app_id, site_id, batch_job_id, nodes, outcome, (began IS NULL OR began < $4) AS began_before,
    greatest(coalesce(began, $4), $4) AS started, least(coalesce(ended, now()), now(), $5) AS ended
  FROM every_run WHERE coalesce(began, $4) < $5 AND coalesce(ended, now()) >= $4)"""  # noqa: S608

# The nodes that were allocated: one row for each BatchJob that ran in the window.
ALLOCATIONS = f"""
allocations AS (
  SELECT id, greatest(start_time, $4) AS started, least(coalesce(end_time, now()), now(), $5) AS ended,
    num_nodes AS nodes
  FROM batch_job
  WHERE owner_id = $1 AND start_time < $5 AND coalesce(end_time, now()) > $4
    AND (end_time IS NOT NULL OR state = '{BatchJobState.RUNNING}')
    AND (cardinality($6::bigint[]) IS NULL OR site_id = ANY($6)))"""  # noqa: S608


@dataclass(frozen=True)
class Activity:
    """What happened in a window: where to read it, SQL of its events and moves, the parameters of every statement."""

    conn: Connection
    moves: str
    arguments: tuple[Any, ...]


@asynccontextmanager
async def activity_of(conn: Connection, owner_id: int, window: Window) -> AsyncIterator[Activity]:
    """Read the window in this block, from one state of the log and its archives.

    Raises Conflict where a file of archived events of the window is missing or was changed.
    """
    async with archived.snapshot(conn):
        whole = await _staged(conn, owner_id, window)
        first, behind = await positions(conn, owner_id, window)
        tags = orjson.dumps(window.tags).decode()
        named = (window.since, window.until, window.site_ids, window.app_ids, tags)
        yield Activity(conn, f"{WHOLE if whole else LIVE}, {MOVES}", (owner_id, first, behind, *named))


async def _staged(conn: Connection, owner_id: int, window: Window) -> bool:
    """Stage the archived changes of jobs' states of a window, newest first, until there are as many as count."""
    wanted: list[Condition] = [("owner_id", "in", [owner_id]), ("entity", "in", ["job"])]
    wanted += [("to_state", "in", list(map(str, JobState)))]
    wanted += [("timestamp", ">=", window.since), ("timestamp", "<=", window.until + LATE)]
    known = await archived_events.holding(conn, wanted)
    if known:
        await conn.execute(archived.TABLE)
    for archive in reversed(known):
        await archived.stage_events(conn, archive, wanted)
        if await conn.fetchval(STAGED) >= MOST_EVENTS:
            break
    return bool(known)
