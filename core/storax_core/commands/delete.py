"""Delete rows, with what hangs on them; the events of all stay for ever. Leased jobs are left and named."""

from collections.abc import Sequence

from storax_core.commands import leases
from storax_core.commands.graph import release_children
from storax_core.database.connections import Connection
from storax_core.errors import Leased
from storax_core.lifecycle.change import Row
from storax_core.lifecycle.states import JobState
from storax_core.log import append
from storax_core.log.append import Context
from storax_core.queries import select
from storax_core.resources import JOBS, PROJECTED, TRANSFERS, Resource


async def delete_where(
    conn: Connection, ctx: Context, resource: Resource, query: select.Query
) -> tuple[int, list[int]]:
    """Delete all that match. Returns their number and the ids of jobs left because a session holds them."""
    return await delete_ids(conn, ctx, resource, await select.matching_ids(conn, resource, ctx.owner_id, query))


async def delete_ids(conn: Connection, ctx: Context, resource: Resource, ids: Sequence[int]) -> tuple[int, list[int]]:
    """Delete these rows of the caller and what hangs on them."""
    if not ids:
        return 0, []
    if resource is JOBS:
        return await _delete_jobs(conn, ctx, ids, {})
    sql = f"SELECT id FROM {resource.table} WHERE id = ANY($1::bigint[]) AND owner_id = $2 ORDER BY id FOR UPDATE"  # noqa: S608
    found = [r["id"] for r in await conn.fetch(sql, list(ids), ctx.owner_id)]
    if resource.entity == "session":
        await leases.end_sessions(conn, ctx, found, "its session was ended")
        return len(found), []
    await _delete_below(conn, ctx, resource, found)
    await append.append_deleted(conn, ctx, resource, found, {})
    return len(found), []


async def _delete_below(conn: Connection, ctx: Context, resource: Resource, ids: Sequence[int]) -> None:
    for child in PROJECTED:
        if child.parent is None or child.parent.resource != resource.entity or not ids:
            continue
        sql = f"SELECT id FROM {child.table} WHERE {child.parent.field} = ANY($1::bigint[]) ORDER BY id"  # noqa: S608
        below = [r["id"] for r in await conn.fetch(sql, list(ids))]
        reason = {"deleted_with": {"entity": resource.entity, "id": ids[0]}}
        if child is JOBS:
            _, held = await _delete_jobs(conn, ctx, below, reason)
            if held:
                raise Leased(
                    f"{len(held)} jobs of this {resource.entity} are leased or running (job {held[0]})",
                    hint="Cancel them first; nothing was deleted.",
                )
        elif below:
            await delete_ids(conn, ctx, child, below)


async def _delete_jobs(conn: Connection, ctx: Context, ids: Sequence[int], reason: Row) -> tuple[int, list[int]]:
    rows = await conn.fetch(
        "SELECT id, session_id, state FROM job_state WHERE id = ANY($1::bigint[]) AND owner_id = $2"
        " ORDER BY id FOR UPDATE",
        list(ids),
        ctx.owner_id,
    )
    free = [r["id"] for r in rows if r["session_id"] is None]
    held = [r["id"] for r in rows if r["session_id"] is not None]
    if free:
        items = await conn.fetch("SELECT id FROM transfer_item WHERE job_id = ANY($1::bigint[]) FOR UPDATE", free)
        await append.append_deleted(conn, ctx, TRANSFERS, [r["id"] for r in items], reason)
        await append.append_deleted(conn, ctx, JOBS, free, reason)
        # A parent that had finished counts as done for good: its edges go, so that its children are not failed by this.
        done = [r["id"] for r in rows if r["state"] == JobState.JOB_FINISHED]
        await conn.execute("DELETE FROM job_parent WHERE parent_id = ANY($1::bigint[])", done)
        await release_children(conn, ctx, free)
        await conn.execute("DELETE FROM job_parent WHERE child_id = ANY($1::bigint[])", free)
    return len(free), held
