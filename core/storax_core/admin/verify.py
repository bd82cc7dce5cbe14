"""Verify the projections: fold the whole log and compare every row, column by column."""

from dataclasses import asdict
from typing import Any

import asyncpg

from storax_core.admin import archive_check, lost_secrets
from storax_core.admin.check_seals import check, read_export
from storax_core.database.connections import GONE, WORKER_ROLE, Connection
from storax_core.errors import Unavailable
from storax_core.log import unknown_events
from storax_core.log.archive.whole_log import TRANSITIONS, VERSIONS
from storax_core.log.fold import MERGE, compared, unlike
from storax_core.log.sealing import Sealing
from storax_core.resources import PROJECTED, Resource
from storax_core.resources.job import ENDED

SAMPLES = 5
# Each counts rows that break a rule; all must be 0.
CHECKS = {
    "versions are dense": f"""SELECT count(*) FROM (SELECT entity, entity_id FROM {VERSIONS} v GROUP BY 1, 2
        HAVING sum(number) <> max(version) OR min(first) <> 1) x""",  # noqa: S608
    "transitions are connected": f"""SELECT count(*) FROM (SELECT from_state,
        lag(to_state) OVER (PARTITION BY entity, entity_id ORDER BY version) AS was FROM {TRANSITIONS} t
        WHERE to_state IS NOT NULL) x
        WHERE was IS NOT NULL AND from_state IS DISTINCT FROM was""",  # noqa: S608
    "no completion is doubled": f"""SELECT count(*) FROM (SELECT entity_id FROM {TRANSITIONS} t WHERE entity = 'job'
        GROUP BY 1 HAVING count(*) FILTER (WHERE to_state = 'JOB_FINISHED')
        - count(*) FILTER (WHERE from_state = 'JOB_FINISHED' AND to_state IS NOT NULL) > 1) x""",  # noqa: S608
    "no job waits for ended parents": f"""SELECT count(*) FROM job_state c JOIN job j ON j.id = c.id
        WHERE c.state = 'AWAITING_PARENTS' AND NOT EXISTS (SELECT FROM job_parent e
        LEFT JOIN job_state p ON p.id = e.parent_id
        WHERE e.child_id = c.id AND p.state IS NOT NULL AND p.state NOT IN {ENDED})""",  # noqa: S608
    "every lease has a session": """SELECT count(*) FROM job_state j LEFT JOIN session s ON s.id = j.session_id
        WHERE j.session_id IS NOT NULL AND s.id IS NULL""",
    "every running job has a lease": "SELECT count(*) FROM job_state WHERE state = 'RUNNING' AND session_id IS NULL",
    "edges follow from parent_ids": """SELECT count(*) FROM job_parent e JOIN job c ON c.id = e.child_id
        WHERE NOT c.parent_ids @> to_jsonb(e.parent_id)""",
    "the counts match the jobs": """SELECT count(*) FROM (SELECT owner_id, site_id, state, sum(n) AS n FROM job_tally
        GROUP BY 1, 2, 3 HAVING sum(n) <> 0) t FULL JOIN (SELECT owner_id, site_id, state, count(*) AS n FROM job_state
        GROUP BY 1, 2, 3) j USING (owner_id, site_id, state) WHERE t.n IS DISTINCT FROM j.n""",
    "spec and state rows pair up": """SELECT count(*) FROM job FULL JOIN job_state USING (id)
        WHERE job.id IS NULL OR job_state.id IS NULL""",
    "every session can expire": "SELECT count(*) FROM session WHERE expires_at IS NULL",
    **lost_secrets.CHECKS,
}


async def verify(
    url: str, sealing: Sealing | None = None, *, first_seal: int = 1, only_seals: bool = False
) -> dict[str, Any]:
    """Fold and compare everything in one snapshot. Returns counts, samples of differences, rule violations, and
    what no rebuild can restore.

    ``sealing`` names the exported seals and the key. ``first_seal`` is the first whose events are read; with
    ``only_seals`` nothing but the seals and the archives is checked.

    Raises:
        Conflict: a newer release wrote events of the log.
    """
    sealing = sealing or Sealing()
    exported = read_export(sealing.store, sealing.key)  # before the snapshot, which then has all that was exported
    try:
        conn = await asyncpg.connect(url, server_settings={"role": WORKER_ROLE, "timezone": "UTC", "jit": "off"})
    except (*GONE, TimeoutError) as error:
        raise Unavailable(f"Postgres does not answer: {error}", hint="Check STORAX_DATABASE_URL.") from error
    try:
        await conn.execute(MERGE)
        async with conn.transaction(isolation="repeatable_read"):
            chosen = () if only_seals else PROJECTED
            if chosen:
                await unknown_events.refuse_unknown_resources(conn)
            with unknown_events.refusals():
                entities = {r.entity: await _compare(conn, r) for r in chosen}
            lost = await lost_secrets.lost_secrets(conn) if chosen else []
            checks = {name: await conn.fetchval(sql) for name, sql in CHECKS.items() if chosen}
            sealed = await check(conn, exported=exported, key=sealing.key, first=first_seal)
            archived, problems = await archive_check.check(conn)
            events = await conn.fetchval("SELECT count(*) FROM event_log")
    finally:
        await conn.close()
    differences = sum(e["differences"] for e in entities.values()) + sum(checks.values()) + sealed.violations
    differences += len(problems)
    report = {"entities": entities, "checks": checks, "lost": lost, "seals": asdict(sealed)}
    report["archives"] = {"archives": archived, "problems": problems}
    return report | {"events": events, "differences": differences}


async def _compare(conn: Connection, resource: Resource) -> dict[str, Any]:
    differs = [f"CASE WHEN f.{n} IS DISTINCT FROM p.{n} THEN '{n}' END" for n in compared(resource)]
    rows = await conn.fetch(f"""SELECT coalesce(f.id, p.id) AS id, f.id IS NULL AS no_log, p.id IS NULL AS no_row,
  array_remove(ARRAY[{", ".join(differs)}], NULL) AS fields {unlike(resource)} ORDER BY 1""")
    total = await conn.fetchval(f"SELECT count(*) FROM {resource.table}")  # noqa: S608
    return {"rows": total, "differences": len(rows), "samples": [_sentence(resource, r) for r in rows[:SAMPLES]]}


def _sentence(resource: Resource, row: Any) -> str:
    if row["no_log"]:
        return f"{resource.entity} {row['id']} is in the table but not in the log"
    if row["no_row"]:
        return f"{resource.entity} {row['id']} is in the log but not in the table"
    return f"{resource.entity} {row['id']} differs in {', '.join(row['fields'])}"
