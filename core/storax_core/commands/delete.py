"""Delete rows, with what hangs on them; the events of all stay for ever. Leased jobs are left and named."""

from collections.abc import Sequence

from storax_core.commands.locks import lock_mine
from storax_core.commands.resource_rules import rules_of
from storax_core.database.connections import Connection
from storax_core.errors import Leased
from storax_core.lifecycle.change import Row
from storax_core.log import append
from storax_core.log.append import Context
from storax_core.queries import select
from storax_core.resources import PROJECTED, Resource


async def delete_where(
    conn: Connection, ctx: Context, resource: Resource, query: select.Query
) -> tuple[int, list[int]]:
    """Delete all that match. Returns their number and the ids of jobs left because a session holds them."""
    return await delete_ids(conn, ctx, resource, await select.matching_ids(conn, resource, ctx.owner_id, query))


async def delete_ids(
    conn: Connection, ctx: Context, resource: Resource, ids: Sequence[int], reason: Row | None = None
) -> tuple[int, list[int]]:
    """Delete these rows of the caller and what hangs on them; ``reason`` says with what they go, where they hang on it.

    Returns their number and the ids of those left because a session holds them.
    """
    if not ids:
        return 0, []
    if delete := rules_of(resource).delete:
        return await delete(conn, ctx, ids, reason or {})
    mine = [r["id"] for r in await lock_mine(conn, ctx.owner_id, resource, ids, "id")]
    await _delete_below(conn, ctx, resource, mine)
    await append.append_deleted(conn, ctx, resource, mine, {})
    return len(mine), []


async def _delete_below(conn: Connection, ctx: Context, resource: Resource, ids: Sequence[int]) -> None:
    for child in PROJECTED:
        links = (child.parent, *child.also_below)
        link = next((link for link in links if link and link.resource == resource.entity), None)
        if link is None or not ids:
            continue
        sql = f"SELECT id FROM {child.table} WHERE {link.field} = ANY($1::bigint[]) ORDER BY id"  # noqa: S608
        below = [r["id"] for r in await conn.fetch(sql, list(ids))]
        reason = {"deleted_with": {"entity": resource.entity, "id": ids[0]}}
        _, held = await delete_ids(conn, ctx, child, below, reason)
        if held:
            raise Leased(
                f"{len(held)} {child.path} of this {resource.entity} are leased or running ({child.entity} {held[0]})",
                hint="Cancel them first; nothing was deleted.",
            )
