"""The job graph: release or fail children when their parents end; start transfers when their stage is reached, and end
those that no stage will reach.

Children are locked first, and their parents are read in a later statement. So of two parents that end at the same
moment in two transactions, the later one sees the other's end: no child waits for ever, none is released twice.
"""

from collections.abc import Sequence
from typing import Any

from storax_core.commands.locks import JOB_FACTS
from storax_core.database.connections import Connection
from storax_core.lifecycle import rules
from storax_core.lifecycle.change import Change, Facts
from storax_core.lifecycle.states import JOB_UNSUCCESSFUL, JobState, TransferState
from storax_core.log import append
from storax_core.log.append import Context
from storax_core.resources import JOBS, TRANSFERS
from storax_core.resources.job import ENDED

CHILDREN = "SELECT child_id FROM job_parent WHERE parent_id = ANY($1::bigint[])"
LOCK_WAITING = f"""SELECT {JOB_FACTS} FROM job_state
WHERE id = ANY($1::bigint[]) AND state = 'AWAITING_PARENTS' ORDER BY id FOR UPDATE"""  # noqa: S608
PARENTS = f"""SELECT c.id, c.on_parent_failure AS policy,
  bool_or(p.state IS NOT NULL AND p.state NOT IN {ENDED}) AS waiting,
  min(e.parent_id) FILTER (WHERE p.state IS NULL) AS deleted,
  min(e.parent_id) FILTER (WHERE p.state = 'FAILED') AS failed,
  min(e.parent_id) FILTER (WHERE p.state = 'CANCELLED') AS cancelled
FROM job c LEFT JOIN job_parent e ON e.child_id = c.id LEFT JOIN job_state p ON p.id = e.parent_id
WHERE c.id = ANY($1::bigint[]) GROUP BY c.id"""  # noqa: S608

# How a parent ended that did not finish, and the state in which its children follow it.
_MISSING = (
    ("failed", "FAILED", JobState.FAILED),
    ("cancelled", "was cancelled", JobState.CANCELLED),
    ("deleted", "was deleted", JobState.FAILED),
)

# Of a job that has ended. What a service has begun of an item is the agent's to end, which also removes what is left.
NOT_BEGUN = """SELECT i.id, i.owner_id, i.site_id, i.version, i.state, j.state AS job
FROM transfer_item i JOIN job_state j ON j.id = i.job_id
WHERE i.job_id = ANY($1::bigint[]) AND i.state IN ('awaiting_job', 'pending', 'inactive')
  AND i.task_id IS NULL AND NOT i.transfer_info ? 'tries' ORDER BY i.id FOR UPDATE OF i"""


async def release_children(conn: Connection, ctx: Context, ended: Sequence[int]) -> None:
    """Release, fail or cancel the children of jobs that ended or were deleted, and so on down the graph."""
    while ended:
        children = await conn.fetch(CHILDREN, list(ended))
        ended = await _settle_waiting(conn, ctx, [r[0] for r in children])


async def await_parents(conn: Connection, ctx: Context, jobs: Sequence[int]) -> None:
    """Settle jobs that wait for parents again: some of them may have ended parents only."""
    await release_children(conn, ctx, await _settle_waiting(conn, ctx, jobs))


async def _settle_waiting(conn: Connection, ctx: Context, jobs: Sequence[int]) -> list[int]:
    """Release, fail or cancel those of these jobs that wait for parents. Returns the ids of those that ended."""
    waiting = await conn.fetch(LOCK_WAITING, list(jobs)) if jobs else []
    if not waiting:
        return []
    summary = {r["id"]: r for r in await conn.fetch(PARENTS, [w["id"] for w in waiting])}
    changes = [_decide(w, summary[w["id"]]) for w in waiting]
    await append.append_changes(conn, ctx, JOBS, changes)
    await start_transfers(conn, ctx, [c.id for c in changes if c.patch.get("state") == JobState.READY], "in")
    ended = [c.id for c in changes if c.patch.get("state") in JOB_UNSUCCESSFUL]
    await end_transfers(conn, ctx, ended)
    return ended


def _decide(facts: Facts, summary: Any) -> Change:
    change, mine = rules.change_of(facts), dict(facts)
    missing = _missing_parent(summary) if summary["policy"] == "fail" else None
    if missing:
        parent, how, end = missing
        rules.enter(change, mine, end, {"message": f"parent job {parent} {how}", "parent_id": parent})
    elif not summary["waiting"]:
        rules.enter(change, mine, JobState.READY, {})
    return change


def _missing_parent(summary: Any) -> tuple[int, str, JobState] | None:
    """A parent that will not finish, how it ended, and the state that follows for its child; a failure comes first."""
    for kind, how, end in _MISSING:
        if summary[kind]:
            return summary[kind], how, end
    return None


async def end_transfers(conn: Connection, ctx: Context, jobs: Sequence[int]) -> None:
    """End the transfers of these jobs, which ended too early for them. The agent ends those that it has begun."""
    items = await conn.fetch(NOT_BEGUN, list(jobs)) if jobs else []
    changes = []
    for item in items:
        change = rules.change_of(item)
        info = {"transfer_info": {"error": f"not moved: its job is {item['job']}"}}
        change.add("transfer_item.state_changed", info, was=item["state"], to=TransferState.ERROR)
        changes.append(change)
    await append.append_changes(conn, ctx, TRANSFERS, changes)


async def start_transfers(conn: Connection, ctx: Context, jobs: Sequence[int], direction: str) -> None:
    """Start the transfers of one direction of these jobs, also those that were done or failed before."""
    if not jobs:
        return
    items = await conn.fetch(
        "SELECT id, owner_id, site_id, version, state FROM transfer_item WHERE job_id = ANY($1::bigint[])"
        " AND direction = $2 AND state IN ('awaiting_job', 'done', 'error') ORDER BY id FOR UPDATE",
        list(jobs),
        direction,
    )
    changes = []
    for item in items:
        change = rules.change_of(item)
        change.add("transfer_item.state_changed", {}, was=item["state"], to=TransferState.PENDING)
        changes.append(change)
    await append.append_changes(conn, ctx, TRANSFERS, changes)
