"""Rows that a command locks: those that it changes, with what the rules read of them, and the parents of new rows."""

from collections.abc import Iterable, Sequence

from storax_core.database.connections import Connection
from storax_core.database.epochs import LEASE_FLOOR
from storax_core.errors import Invalid
from storax_core.lifecycle.change import Facts
from storax_core.resources import USERS, Resource

FACTS = "id, owner_id, site_id, version, state, last_update, now() AS now"
# What ``lifecycle.rules`` reads of a job.
JOB_FACTS = (
    f"{FACTS}, session_id, lease_epoch, {LEASE_FLOOR} AS lease_floor, attempt, max_attempts, losses, max_losses,"
    " loss_reason, retry_delay_sec,"
    " not_before, cancel_requested, stage_in, stage_out, hooks, retry_exit_codes::text AS retry_exit_codes,"
    " retry_on_timeout, return_code, num_nodes, ranks_per_node, node_packing_count"
)

# And of one that a user moves: the state from which it failed or was cancelled, by its last such event.
USER_FACTS = f"""{JOB_FACTS}, CASE WHEN state IN ('FAILED', 'CANCELLED') THEN coalesce((SELECT e.from_state
FROM event_log e WHERE e.entity = 'job' AND e.entity_id = job_state.id AND e.to_state = job_state.state
ORDER BY e.version DESC LIMIT 1), (SELECT b.from_state FROM event_baseline b WHERE b.entity = 'job'
AND b.entity_id = job_state.id)) END AS failed_from"""  # noqa: S608


# The jobs $2 of the owner $1, locked in id order.
LOCK_JOBS = f"""SELECT {JOB_FACTS} FROM job_state
WHERE id = ANY($2::bigint[]) AND owner_id IS NOT DISTINCT FROM $1 ORDER BY id FOR UPDATE"""  # noqa: S608
# The jobs of a session whose process is to be stopped.
CANCELS = "SELECT id, lease_epoch FROM job_state WHERE session_id = {} AND cancel_requested"
# The site of the session $3 that lives, or of one that has ended.
SITE = """coalesce((SELECT site_id FROM session WHERE id = $3 AND owner_id = $1), (SELECT site_id
FROM event_log WHERE entity = 'session' AND entity_id = $3 AND version = 1
  AND owner_id IS NOT DISTINCT FROM $1))"""
# The jobs $2 of a report, locked; each row has the site of the session $3 and its jobs to be stopped. One row at least.
REPORTED = f"""WITH locked AS MATERIALIZED ({LOCK_JOBS})
SELECT {SITE} AS session_site, (SELECT json_agg(c)::text FROM ({CANCELS.format("$3")}) c) AS cancels, locked.*
FROM (VALUES (1)) AS one LEFT JOIN locked ON true ORDER BY locked.id"""  # noqa: S608


async def lock_mine(
    conn: Connection, owner_id: int, resource: Resource, ids: Sequence[int], columns: str
) -> list[Facts]:
    """These columns of these rows of this owner, locked in id order; missing ones are left out."""
    sql = f"""SELECT {columns} FROM {resource.state_table}
WHERE id = ANY($2::bigint[]) AND owner_id IS NOT DISTINCT FROM $1 ORDER BY id FOR UPDATE"""  # noqa: S608
    rows: list[Facts] = await conn.fetch(sql, owner_id, list(ids))
    return rows


async def count_mine(conn: Connection, owner_id: int, resource: Resource) -> int:
    """How many rows this owner has; two calls that are to add some count one after the other."""
    await lock_mine(conn, owner_id, USERS, [owner_id], "id")
    sql = f"SELECT count(*) FROM {resource.state_table} WHERE owner_id = $1"  # noqa: S608
    number: int = await conn.fetchval(sql, owner_id)
    return number


async def require_mine(conn: Connection, owner_id: int, resource: Resource, ids: Iterable[int]) -> None:
    """Lock these rows against deletion. Raises Invalid naming the first that is not there or not this owner's."""
    wanted = sorted(set(ids))
    sql = f"""SELECT id FROM {resource.state_table}
WHERE id = ANY($1::bigint[]) AND owner_id IS NOT DISTINCT FROM $2 FOR KEY SHARE"""  # noqa: S608
    locked = {r["id"] for r in await conn.fetch(sql, wanted, owner_id)} if wanted else set()
    missing = [w for w in wanted if w not in locked]
    if missing:
        noun = resource.entity.replace("_", " ")
        raise Invalid(f"{noun} {missing[0]} does not exist", hint=f"List yours with GET /api/v1/{resource.path}/.")
