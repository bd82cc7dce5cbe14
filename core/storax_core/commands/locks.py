"""Rows that a command locks: those that it changes, with what the rules read of them, and the parents of new rows."""

from collections.abc import Iterable, Sequence

from storax_core.database.connections import Connection
from storax_core.database.epochs import LEASE_FLOOR
from storax_core.errors import Invalid
from storax_core.lifecycle.change import Facts
from storax_core.resources import Resource

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


async def lock_mine(
    conn: Connection, owner_id: int, resource: Resource, ids: Sequence[int], columns: str
) -> list[Facts]:
    """These columns of these rows of this owner, locked in id order; missing ones are left out."""
    sql = f"""SELECT {columns} FROM {resource.state_table}
WHERE id = ANY($2::bigint[]) AND owner_id IS NOT DISTINCT FROM $1 ORDER BY id FOR UPDATE"""  # noqa: S608
    rows: list[Facts] = await conn.fetch(sql, owner_id, list(ids))
    return rows


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
