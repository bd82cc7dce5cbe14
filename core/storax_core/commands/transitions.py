"""Change and delete jobs: lock the rows, ask the rules, append, and settle what hangs on them (children, transfers)."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from storax_core.commands import graph
from storax_core.commands.graph import await_parents, end_transfers, release_children, start_transfers
from storax_core.commands.locks import JOB_FACTS, lock_mine
from storax_core.database.connections import Connection
from storax_core.lifecycle import rules
from storax_core.lifecycle.change import DELETED, Change, Facts, Row
from storax_core.lifecycle.states import JOB_DONE, JobState
from storax_core.log import append
from storax_core.log.append import Context
from storax_core.resources import JOBS, TRANSFERS


async def lock_jobs(conn: Connection, owner_id: int, ids: Sequence[int]) -> list[Facts]:
    """The facts of these jobs of this owner, locked in id order; missing ones are left out."""
    return await lock_mine(conn, owner_id, JOBS, ids, JOB_FACTS)


async def append_job_changes(
    conn: Connection, ctx: Context, changes: Sequence[Change], *, answer: bytes | None = None
) -> None:
    """Write changes of locked jobs and of the jobs that end because of them, and settle what hangs on them.

    ``answer`` is that of the command, where these changes are its last; it is kept with them if nothing hangs on them.
    """
    below = await graph.ended_below(conn, graph.ends_of(changes))
    recorded = [c for c in changes if c.events]
    if answer is not None and ctx.fingerprint and recorded and not below and not _moves_transfers(changes):
        ended = [c.id for c in changes if c.patch.get("state") in JOB_DONE]
        if not await append.append_last_changes(conn, ctx, recorded, ended, answer):
            return
        await settle(conn, ctx, changes)
        return
    await append.append_changes(conn, ctx, JOBS, [*changes, *below])
    await settle(conn, ctx, [*changes, *below])


async def settle(conn: Connection, ctx: Context, changes: Sequence[Change]) -> None:
    """Jobs entered states: release or end the children of those that ended, and start transfers."""
    entered: dict[str, list[int]] = defaultdict(list)
    for change in changes:
        if "state" in change.patch:
            entered[change.patch["state"]].append(change.id)
    await release_children(conn, ctx, [i for s in JOB_DONE for i in entered[s]])
    await end_transfers(conn, ctx, [c.id for c in changes if c.patch.get("state") in JOB_DONE and not _complete(c)])
    await await_parents(conn, ctx, entered[JobState.AWAITING_PARENTS])
    await start_transfers(conn, ctx, entered[JobState.READY], "in")
    await start_transfers(conn, ctx, entered[JobState.POSTPROCESSED], "out")


def _moves_transfers(changes: Sequence[Change]) -> bool:
    """Whether ``settle`` has more to do after these changes than to look for children."""
    busy = (JobState.AWAITING_PARENTS, JobState.READY, JobState.POSTPROCESSED)
    states = [(change, change.patch.get("state")) for change in changes]
    return any(state in busy or (state in JOB_DONE and not _complete(change)) for change, state in states)


def _complete(change: Change) -> bool:
    """Whether a job went through all its stages, or had nothing to do in them, so that no transfer of it is left."""
    last = next((e for e in reversed(change.events) if e.to_state == JobState.JOB_FINISHED), None)
    return last is not None and (last.from_state == JobState.STAGED_OUT or "skipped" in last.data)


async def transition_each(
    conn: Connection, ctx: Context, ids: Sequence[int], rule: Callable[[Facts], Change]
) -> list[Change]:
    """Lock these jobs, apply one rule to each, append. Returns the changes, also those that changed nothing."""
    changes = [rule(facts) for facts in await lock_jobs(conn, ctx.owner_id, ids)]
    await append_job_changes(conn, ctx, changes)
    return changes


async def cancel_jobs(conn: Connection, ctx: Context, ids: Sequence[int]) -> Row:
    """Cancel jobs of the caller.

    Returns how many were ended at once (``cancelled``), and of how many others the holder of the lease has to stop the
    process (``requested``), also where an earlier call requested it.
    """
    jobs = await lock_jobs(conn, ctx.owner_id, ids)
    changes = [rules.cancel(facts) for facts in jobs]
    await append_job_changes(conn, ctx, changes)
    ended = sum(change.patch.get("state") == JobState.CANCELLED for change in changes)
    return {"cancelled": ended, "requested": sum(facts["state"] not in JOB_DONE for facts in jobs) - ended}


async def delete_jobs(conn: Connection, ctx: Context, ids: Sequence[int], reason: Row) -> tuple[int, list[int]]:
    """Delete jobs of the caller with their transfers. Returns their number and the ids left because they are leased."""
    rows = await lock_mine(conn, ctx.owner_id, JOBS, ids, "id, session_id, state")
    free = [r["id"] for r in rows if r["session_id"] is None]
    if free:
        gone = {r["id"]: DELETED for r in rows if r["session_id"] is None and r["state"] != JobState.JOB_FINISHED}
        below = await graph.ended_below(conn, gone)
        items = await conn.fetch("SELECT id FROM transfer_item WHERE job_id = ANY($1::bigint[]) FOR UPDATE", free)
        await append.append_deleted(conn, ctx, TRANSFERS, [r["id"] for r in items], reason)
        await append.append_deleted(conn, ctx, JOBS, free, reason)
        # A parent that had finished counts as done for good: its edges go, so that its children are not failed by this.
        done = [r["id"] for r in rows if r["state"] == JobState.JOB_FINISHED]
        await conn.execute("DELETE FROM job_parent WHERE parent_id = ANY($1::bigint[])", done)
        await append.append_changes(conn, ctx, JOBS, below)
        await settle(conn, ctx, below)
        await release_children(conn, ctx, free)
        await conn.execute("DELETE FROM job_parent WHERE child_id = ANY($1::bigint[])", free)
    return len(free), [r["id"] for r in rows if r["session_id"] is not None]
