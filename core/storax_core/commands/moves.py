"""Move jobs: lock the rows, ask decide.py, append, and settle what hangs on them (children, transfers)."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from storax_core.commands.graph import await_parents, release_children, start_transfers
from storax_core.commands.job_facts import JOB_FACTS
from storax_core.database.connections import Connection
from storax_core.lifecycle import rules
from storax_core.lifecycle.change import Change
from storax_core.lifecycle.states import JOB_DONE, JobState
from storax_core.log import append
from storax_core.log.append import Context
from storax_core.resources import JOBS

LOCK_JOBS = f"""SELECT {JOB_FACTS} FROM job_state
WHERE id = ANY($2::bigint[]) AND owner_id = $1 ORDER BY id FOR UPDATE"""  # noqa: S608


async def lock_jobs(conn: Connection, owner_id: int, ids: Sequence[int]) -> list[rules.Facts]:
    """The facts of these jobs of this owner, locked in id order; missing ones are left out."""
    rows: list[rules.Facts] = await conn.fetch(LOCK_JOBS, owner_id, list(ids))
    return rows


async def append_job_changes(conn: Connection, ctx: Context, changes: Sequence[Change]) -> None:
    """Write changes of locked jobs; then release or end the children of those that ended, and start transfers."""
    await append.append_changes(conn, ctx, JOBS, changes)
    entered: dict[str, list[int]] = defaultdict(list)
    for change in changes:
        if "state" in change.patch:
            entered[change.patch["state"]].append(change.id)
    await release_children(conn, ctx, [i for s in JOB_DONE for i in entered[s]])
    await await_parents(conn, ctx, entered[JobState.AWAITING_PARENTS])
    await start_transfers(conn, ctx, entered[JobState.READY], "in")
    await start_transfers(conn, ctx, entered[JobState.POSTPROCESSED], "out")


async def move_each(
    conn: Connection, ctx: Context, ids: Sequence[int], rule: Callable[[rules.Facts], Change]
) -> list[Change]:
    """Lock these jobs, apply one rule to each, append. Returns the changes, also those that changed nothing."""
    changes = [rule(facts) for facts in await lock_jobs(conn, ctx.owner_id, ids)]
    await append_job_changes(conn, ctx, changes)
    return changes
