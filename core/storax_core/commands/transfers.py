"""Change the state of jobs whose transfers ended."""

from collections.abc import Sequence

from storax_core.commands import transitions
from storax_core.database.connections import Connection
from storax_core.lifecycle import rules
from storax_core.lifecycle.change import Change, Facts
from storax_core.lifecycle.states import JobState
from storax_core.log.append import Context

STAGES = """SELECT job_id, direction, bool_and(state = 'done') AS done,
  min(remote_path) FILTER (WHERE state = 'error') AS broken,
  (array_agg(transfer_info->>'error' ORDER BY remote_path) FILTER (WHERE state = 'error'))[1] AS why
FROM transfer_item WHERE job_id IN (SELECT job_id FROM transfer_item WHERE id = ANY($1::bigint[])) GROUP BY 1, 2"""


async def settle(conn: Connection, ctx: Context, changes: Sequence[Change]) -> None:
    """Continue the jobs whose stage is complete, and fail those with a failed transfer."""
    items = [c.id for c in changes if "state" in c.patch]
    ids = await conn.fetch("SELECT DISTINCT job_id FROM transfer_item WHERE id = ANY($1::bigint[])", items)
    jobs = await transitions.lock_jobs(conn, ctx.owner_id, [r["job_id"] for r in ids])
    stages = {(r["job_id"], r["direction"]): r for r in await conn.fetch(STAGES, items)}
    job_changes = [_decide(job, stages.get((job["id"], "in")), stages.get((job["id"], "out"))) for job in jobs]
    await transitions.append_job_changes(conn, ctx, job_changes)


def _decide(facts: Facts, stage_in: Facts | None, stage_out: Facts | None) -> Change:
    change, mine = rules.change_of(facts), dict(facts)
    stage = {JobState.READY: stage_in, JobState.POSTPROCESSED: stage_out}.get(facts["state"])
    if stage and stage["broken"]:
        why = f": {stage['why']}" if stage["why"] else ""
        rules.enter(change, mine, JobState.FAILED, {"message": f"transfer of {stage['broken']} failed{why}"[:2000]})
    elif stage and stage["done"]:
        rules.enter(change, mine, JobState.STAGED_IN if stage is stage_in else JobState.STAGED_OUT, {})
    return change
