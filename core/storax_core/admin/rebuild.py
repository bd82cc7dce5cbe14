"""Make every projection anew from the log. Writers wait for the fence; readers see the old rows until the commit."""

import asyncpg

from storax_core.admin.fold import MERGE, folded
from storax_core.errors import Unavailable
from storax_core.resources import PROJECTED, Resource
from storax_core.store.database import GONE, Connection
from storax_core.store.sql import FENCE

# A parent that was deleted after it had finished counts as done: its edges are not made again.
EDGES = """INSERT INTO job_parent (child_id, parent_id, owner_id)
SELECT j.id, p::bigint, j.owner_id FROM job j, jsonb_array_elements_text(j.parent_ids) p
WHERE NOT EXISTS (SELECT FROM event_log e WHERE e.entity = 'job' AND e.entity_id = p::bigint
  AND e.type = 'job.deleted' AND e.from_state = 'JOB_FINISHED')"""

TALLY = "INSERT INTO job_tally SELECT owner_id, site_id, state, count(*) FROM job_state GROUP BY 1, 2, 3"


async def rebuild(url: str) -> dict[str, int]:
    """Rebuild all projections in one transaction. Volatile fields (password and token hashes, heartbeats) are kept.

    Needs the migrating role: row-level security is set aside inside this transaction. Returns rows by entity.
    """
    try:
        conn = await asyncpg.connect(url, server_settings={"timezone": "UTC", "jit": "off"})
    except (*GONE, TimeoutError) as error:
        raise Unavailable(f"Postgres does not answer: {error}", hint="Check STORAX_DATABASE_URL.") from error
    try:
        await conn.execute(MERGE)
        async with conn.transaction():
            await conn.execute(f"SELECT pg_advisory_xact_lock({FENCE})")
            return await _rebuild_all(conn)
    finally:
        await conn.close()


async def _rebuild_all(conn: Connection) -> dict[str, int]:
    await conn.execute("SET LOCAL ROLE storax_worker")
    done: dict[str, int] = {}
    await conn.execute("SET CONSTRAINTS ALL DEFERRED")
    for resource in PROJECTED:
        await _fold_into_temp(conn, resource)
    for resource in reversed(PROJECTED):
        for table in dict.fromkeys((resource.state_table, resource.table)):
            await conn.execute(f"DELETE FROM {table}")  # noqa: S608
    for resource in PROJECTED:
        done[resource.entity] = await _fill(conn, resource)
    await conn.execute("DELETE FROM job_parent")
    await conn.execute(EDGES)
    await conn.execute("DELETE FROM job_tally")
    await conn.execute(TALLY)
    return done


def _temp(resource: Resource) -> str:
    return f"pg_temp.fold_{resource.table}"


async def _fold_into_temp(conn: Connection, resource: Resource) -> None:
    """The folded rows, with the volatile columns of the rows that are there now."""
    volatile = [n for n, f in resource.fields.items() if f.mark.volatile]
    kept = "".join(f", now_.{n}" for n in volatile)
    await conn.execute(
        f"CREATE TEMP TABLE fold_{resource.table} ON COMMIT DROP AS"  # noqa: S608
        f" SELECT f.*{kept} FROM ({folded(resource)}) f LEFT JOIN {resource.table} now_ ON now_.id = f.id"
    )


async def _fill(conn: Connection, resource: Resource) -> int:
    count = 0
    for table in dict.fromkeys((resource.table, resource.state_table)):
        names = [n for n, f in resource.fields.items() if f.table == table and n not in ("id", "owner_id")]
        names = ["id", "owner_id", *names]
        listed = ", ".join(names)
        done = await conn.execute(f"INSERT INTO {table} ({listed}) SELECT {listed} FROM {_temp(resource)}")  # noqa: S608
        count = int(done.rsplit(" ", 1)[1])
    return count
