"""Counts of jobs that went from state to state by minute, and that came to a state by App: written behind the log.

The feeder adds what the log has got since, so no command does more for it. A reader adds the events behind the counted
position itself, so nothing is missing in an answer while the feeder stands still.
"""

from storax_core.database.connections import Connection
from storax_core.log import watermark

NAME = "job flow"  # of the counted position in ``feed``
AT_ONCE = 50_000  # events of one statement
ROUNDS = 4  # statements of one call; the next call goes on
KEPT_DAYS = 40  # minutes that are older are forgotten; the log has them
IS_MOVE = "entity = 'job' AND (from_state IS NOT NULL OR to_state IS NOT NULL)"
# Of an event: its minute, and the states before and after; a new job came from nowhere, a deleted one went there.
MOVE = """date_trunc('minute', "timestamp", 'UTC') AS minute, site_id,
  CASE WHEN type = 'job.created' THEN '' ELSE coalesce(from_state, '') END AS from_state,
  coalesce(to_state, '') AS to_state"""
BEGIN = """INSERT INTO feed (name, position, epoch, updated_at) VALUES ($1, 0, gen_random_uuid(), now())
ON CONFLICT (name) DO NOTHING"""
COUNTED = "SELECT position FROM feed WHERE name = $1 FOR UPDATE"
COUNT = f"""WITH events AS MATERIALIZED (
  SELECT position, owner_id, type, entity, entity_id, site_id, from_state, to_state, "timestamp" FROM event_log
  WHERE position > $1 AND position <= $2 ORDER BY position LIMIT {AT_ONCE}),
moves AS (SELECT owner_id, {MOVE} FROM events
  WHERE {IS_MOVE} AND "timestamp" > now() - interval '{KEPT_DAYS} days' AND owner_id IS NOT NULL),
counted AS (INSERT INTO job_flow AS t (owner_id, minute, site_id, from_state, to_state, n)
  SELECT owner_id, minute, coalesce(site_id, 0), from_state, to_state, count(*) FROM moves GROUP BY 1, 2, 3, 4, 5
  ON CONFLICT (owner_id, minute, site_id, from_state, to_state) DO UPDATE SET n = t.n + excluded.n),
of_apps AS (INSERT INTO app_flow AS t (app_id, to_state, n)
  SELECT j.app_id, e.to_state, count(*) FROM events e JOIN job_app j ON j.id = e.entity_id
  WHERE e.entity = 'job' AND e.to_state IS NOT NULL GROUP BY 1, 2
  ON CONFLICT (app_id, to_state) DO UPDATE SET n = t.n + excluded.n)
SELECT max(position) AS last, count(*) AS number FROM events"""  # noqa: S608
FORGET = f"DELETE FROM job_flow WHERE minute < now() - interval '{KEPT_DAYS} days'"  # noqa: S608


async def counted(conn: Connection) -> int | None:
    """The position up to which the log is counted; None where it never was."""
    position: int | None = await conn.fetchval("SELECT position FROM feed WHERE name = $1", NAME)
    return position


async def count(conn: Connection) -> None:
    """Count what the log has got since the last call, up to its published position; old counts are forgotten."""
    await conn.execute(BEGIN, NAME)
    for _ in range(ROUNDS):
        if await _count_part(conn) < AT_ONCE:
            break
    await conn.execute(FORGET)


async def _count_part(conn: Connection) -> int:
    """Count the next part of the log, once: its counts and its position are written together. Returns its size."""
    async with conn.transaction():
        counted = int(await conn.fetchval(COUNTED, NAME))
        end = await watermark.published(conn)
        part = await conn.fetchrow(COUNT, counted, end) if end > counted else None
        if part and part["number"]:
            await watermark.keep(conn, part["last"], NAME)
    return int(part["number"]) if part else 0
