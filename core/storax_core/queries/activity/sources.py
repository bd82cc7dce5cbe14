"""SQL of what happened in a window: changes of state, stages between them, runs, allocations.

All are bounded: by the positions of the window, and by the newest ``MOST_EVENTS`` of it. Their parameters are those of
``arguments``: $1 owner, $2 and $3 positions, $4 and $5 times, $6 site ids, $7 App ids, $8 tags.
"""

from typing import Any

import orjson

from storax_core.database.connections import Connection
from storax_core.lifecycle.states import BatchJobState, JobState
from storax_core.queries.activity.window import Window, positions

MOST_EVENTS = 100_000
MOST_RUNNING = 10_000  # that began before the window
# When it happened by the clock of the site, unless that is far from when it was recorded: a clock that is wrong.
_MOMENT = """CASE WHEN (data ->> 'at')::timestamptz BETWEEN "timestamp" - interval '7 days' AND "timestamp"
  THEN (data ->> 'at')::timestamptz ELSE "timestamp" END"""
_CHOSEN = """(cardinality($6::bigint[]) IS NULL OR s.site_id = ANY($6))
  AND (cardinality($7::bigint[]) IS NULL OR j.app_id = ANY($7)) AND ($8::jsonb = '{}' OR j.tags @> $8)"""

# One row for each change of state of a job that counts, with the change before and after it in the window.
MOVES = f"""
events AS MATERIALIZED (
  SELECT position, entity, entity_id, version, from_state, to_state, data, "timestamp" FROM event_log
  WHERE owner_id = $1 AND position >= $2 AND position < $3 ORDER BY position DESC LIMIT {MOST_EVENTS}),
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
  SELECT job_id, app_id, site_id, batch_job_id, nodes, outcome, began IS NULL AS began_before,
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


async def arguments(conn: Connection, owner_id: int, window: Window) -> list[Any]:
    """Return the values of the parameters of every statement here."""
    first, behind = await positions(conn, owner_id, window)
    tags = orjson.dumps(window.tags).decode()
    return [owner_id, first, behind, window.since, window.until, window.site_ids, window.app_ids, tags]
