"""What a new row hangs on must be there, be the caller's own, and stay until the commit."""

from collections.abc import Iterable

from storax_core.database.connections import Connection
from storax_core.errors import Invalid
from storax_core.resources import Resource


async def require_mine(conn: Connection, owner_id: int, resource: Resource, ids: Iterable[int]) -> None:
    """Lock these rows against deletion. Raises Invalid naming the first that is not there or not this owner's."""
    wanted = sorted(set(ids))
    sql = f"SELECT id FROM {resource.state_table} WHERE id = ANY($1::bigint[]) AND owner_id = $2 FOR KEY SHARE"  # noqa: S608
    found = {r["id"] for r in await conn.fetch(sql, wanted, owner_id)} if wanted else set()
    missing = [w for w in wanted if w not in found]
    if missing:
        noun = resource.entity.replace("_", " ")
        raise Invalid(f"{noun} {missing[0]} does not exist", hint=f"List yours with GET /api/v1/{resource.path}/.")
