"""Rebuild every projection from the log: fold it beside the tables, then replace the rows that differ.

The fold of the whole log takes long and blocks nobody. Writers wait for the fence only while the rows that differed,
and those changed since, are folded once more and replaced. Readers never wait.
"""

from dataclasses import dataclass

import asyncpg

from storax_core.admin.archive import LOCK as ARCHIVING
from storax_core.admin.lost_secrets import MARK, lost_secrets
from storax_core.database import session_life
from storax_core.database.aliases import or_default
from storax_core.database.connections import GONE, RETRY, WORKER_ROLE, Connection
from storax_core.errors import Unavailable
from storax_core.log import unknown_events, watermark
from storax_core.log.fold import MERGE, folded, unlike
from storax_core.log.sql import FENCE
from storax_core.resources import JOBS, PROJECTED, Resource

# What a lost row gets in a volatile column that may not be empty: ``f`` is the folded row.
INSTEAD = {("token", "hash"): MARK.format(id="f.id")}
# A lost webhook begins anew behind its creation: events are posted once more, and none is missing.
INSTEAD |= {
    ("webhook", "position"): """coalesce((SELECT e.position FROM event_log e
  WHERE e.entity = 'webhook' AND e.entity_id = f.id AND e.version = 1), 0)"""
}
REVIVE = f"UPDATE session SET {session_life.ALIVE} WHERE expires_at IS NULL"  # noqa: S608 - else it never expires
TRIES = 5  # of the exchange; a writer that holds a row and waits for the fence is a deadlock that Postgres ends
# A parent that was deleted after it had finished counts as done: its edges are not made again.
EDGES = """SELECT j.id AS child_id, p::bigint AS parent_id, j.owner_id
FROM job j, jsonb_array_elements_text(j.parent_ids) p
WHERE NOT EXISTS (SELECT FROM event_log e WHERE e.entity = 'job' AND e.entity_id = p::bigint
  AND e.type = 'job.deleted' AND e.from_state = 'JOB_FINISHED')
AND NOT EXISTS (SELECT FROM event_baseline e WHERE e.entity = 'job' AND e.entity_id = p::bigint
  AND e.type = 'job.deleted' AND e.from_state = 'JOB_FINISHED')"""
EDGES_DIFFERENCES = f"""CREATE TEMP TABLE suspect_edge AS SELECT child_id AS id
FROM ({EDGES}) e FULL JOIN job_parent p USING (child_id, parent_id)
WHERE e.owner_id IS DISTINCT FROM p.owner_id"""  # noqa: S608
# Writers add differences to the counts, so an error of now is the same error when the fence is taken.
COUNT_DIFFERENCES = """CREATE TEMP TABLE count_difference AS SELECT owner_id, site_id, state, sum(n)::int AS n FROM (
SELECT owner_id, site_id, state, count(*) AS n FROM job_state GROUP BY 1, 2, 3
UNION ALL SELECT owner_id, site_id, state, -n FROM job_tally) x GROUP BY 1, 2, 3 HAVING sum(n) <> 0"""
COUNTS_OF_WRONG = """INSERT INTO job_tally (owner_id, site_id, state, n)
SELECT owner_id, site_id, state, {sign}count(*) FROM job_state WHERE id IN (SELECT id FROM wrong_job)
GROUP BY 1, 2, 3"""


@dataclass(frozen=True)
class Rebuilt:
    """The rows of each entity, and a sentence for each secret that is lost: no event holds it."""

    rows: dict[str, int]
    lost: list[str]


async def rebuild(url: str) -> Rebuilt:
    """Rebuild all projections. Volatile fields (password and token hashes, heartbeats) are kept.

    Of a row that was lost they are lost: its token or password is named, its session lives for another ``ttl_sec``.
    Needs the migrating role: row-level security is set aside in its transactions.
    Raises Conflict, and changes nothing, where the log has events that a newer release wrote.
    """
    try:
        conn = await asyncpg.connect(url, server_settings={"timezone": "UTC", "jit": "off"})
    except (*GONE, TimeoutError) as error:
        raise Unavailable(f"Postgres does not answer: {error}", hint="Check STORAX_DATABASE_URL.") from error
    try:
        await conn.execute(MERGE)
        await conn.execute(f"SELECT pg_advisory_lock_shared({ARCHIVING})")  # what is folded stays where it is
        await conn.execute(f"SET ROLE {WORKER_ROLE}")
        since = await watermark.final(conn)
        with unknown_events.refusals():
            async with conn.transaction(isolation="repeatable_read"):
                await unknown_events.refuse_unknown_resources(conn)
                lost = await lost_secrets(conn)
                await _find_suspects(conn)
            await _exchange_or_retry(conn, since)
        rows = {r.entity: await conn.fetchval(f"SELECT count(*) FROM {r.table}") for r in PROJECTED}  # noqa: S608
        return Rebuilt(rows, lost)
    finally:
        await conn.close()


async def _find_suspects(conn: Connection) -> None:
    """Fold all of the log as of one snapshot, and note the rows that differ."""
    for r in PROJECTED:
        await conn.execute(f"CREATE TEMP TABLE suspect_{r.table} AS SELECT coalesce(f.id, p.id) AS id {unlike(r)}")
        if r.split:  # half a row is no row to whoever joins the halves
            await conn.execute(
                f"INSERT INTO suspect_{r.table} SELECT id FROM {r.table} t FULL JOIN {r.state_table} s USING (id)"  # noqa: S608
                " WHERE t.owner_id IS NULL OR s.owner_id IS NULL"
            )
    await conn.execute(EDGES_DIFFERENCES)
    await conn.execute(COUNT_DIFFERENCES)


async def _exchange_or_retry(conn: Connection, since: int) -> None:
    for left in reversed(range(TRIES)):
        try:
            async with conn.transaction():
                await _exchange(conn, since)
            return
        except RETRY:
            if not left:
                raise


async def _exchange(conn: Connection, since: int) -> None:
    """Behind the fence, compare what differed and what was written since once more, and replace what is wrong."""
    await conn.execute(f"SELECT pg_advisory_xact_lock({FENCE})")
    for r in PROJECTED:
        await _fold_suspects(conn, r, since)
    for r in PROJECTED:
        await _find_wrong(conn, r)
    await conn.execute(COUNTS_OF_WRONG.format(sign="-"))
    for r in reversed(PROJECTED):
        for table in dict.fromkeys((r.state_table, r.table)):
            await conn.execute(f"DELETE FROM {table} WHERE id IN (SELECT id FROM wrong_{r.table})")  # noqa: S608
    for r in PROJECTED:
        await _fill(conn, r)
    await conn.execute(REVIVE)
    await conn.execute(COUNTS_OF_WRONG.format(sign=""))
    await conn.execute("INSERT INTO job_tally (owner_id, site_id, state, n) SELECT * FROM count_difference")
    await _rebuild_edges(conn)


async def _fold_suspects(conn: Connection, resource: Resource, since: int) -> None:
    """Fold the suspects as of now, with the volatile columns of the present rows, or the defaults of lost ones."""
    name = resource.table
    await conn.execute(
        f"INSERT INTO suspect_{name} SELECT DISTINCT entity_id FROM event_log"  # noqa: S608
        f" WHERE position > {since} AND entity = '{resource.entity}'"
    )
    await _add_referring(conn, resource, "suspect")
    await conn.execute(f"ANALYZE suspect_{name}")
    kept = {n: or_default(f, f"now_.{n}") for n, f in resource.fields.items() if f.mark.volatile}
    kept |= {n: f"coalesce(now_.{n}, {value})" for (entity, n), value in INSTEAD.items() if entity == resource.entity}
    volatile = "".join(f", {value} AS {n}" for n, value in kept.items())
    fold = folded(resource, f"AND entity_id IN (SELECT id FROM suspect_{name})")  # noqa: S608
    await conn.execute(
        f"CREATE TEMP TABLE fold_{name} ON COMMIT DROP AS"  # noqa: S608
        f" SELECT f.*{volatile} FROM ({fold}) f LEFT JOIN {name} now_ ON now_.id = f.id"
    )


async def _find_wrong(conn: Connection, resource: Resource) -> None:
    """Find the suspects that differ still; rows that refer to them are replaced with them."""
    name = resource.table
    differing = unlike(resource, fold=f"SELECT * FROM fold_{name}", only=f"SELECT id FROM suspect_{name}")  # noqa: S608
    await conn.execute(
        f"CREATE TEMP TABLE wrong_{name} ON COMMIT DROP AS SELECT coalesce(f.id, p.id) AS id {differing}"
    )
    if resource.split:
        await conn.execute(
            f"INSERT INTO wrong_{name} SELECT id FROM {name} t FULL JOIN {resource.state_table} s USING (id)"  # noqa: S608
            f" WHERE id IN (SELECT id FROM suspect_{name}) AND (t.owner_id IS NULL OR s.owner_id IS NULL)"
        )
    await _add_referring(conn, resource, "wrong")


async def _add_referring(conn: Connection, resource: Resource, kind: str) -> None:
    for key in resource.model.__table__.foreign_keys:  # type: ignore[attr-defined]
        await conn.execute(
            f"INSERT INTO {kind}_{resource.table} SELECT id FROM {resource.table}"  # noqa: S608
            f" WHERE {key.parent.name} IN (SELECT id FROM {kind}_{key.column.table.name})"
        )


async def _fill(conn: Connection, resource: Resource) -> None:
    for table in dict.fromkeys((resource.table, resource.state_table)):
        names = [n for n, f in resource.fields.items() if f.table == table and n not in ("id", "owner_id")]
        listed = ", ".join(["id", "owner_id", *names])
        await conn.execute(
            f"INSERT INTO {table} ({listed}) SELECT {listed} FROM fold_{resource.table}"  # noqa: S608
            f" WHERE id IN (SELECT id FROM wrong_{resource.table})"
        )


async def _rebuild_edges(conn: Connection) -> None:
    """Edges of the children that were wrong, or that had wrong ones."""
    children = f"SELECT id FROM suspect_edge UNION SELECT id FROM wrong_{JOBS.table}"  # noqa: S608
    await conn.execute(f"DELETE FROM job_parent WHERE child_id IN ({children})")  # noqa: S608
    await conn.execute(f"INSERT INTO job_parent (child_id, parent_id, owner_id) {EDGES} AND j.id IN ({children})")
