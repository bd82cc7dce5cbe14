"""Periodic tasks that keep reads quick: the counts compact, the planner's statistics near the truth."""

from storax_core.database.connections import Connection

ENOUGH = 500  # rows of counts below which a sum is quick anyway
COMPACT = """WITH gone AS (DELETE FROM job_tally RETURNING owner_id, site_id, state, n)
INSERT INTO job_tally SELECT owner_id, site_id, state, sum(n) FROM gone GROUP BY 1, 2, 3 HAVING sum(n) <> 0"""
DELETED_APPS = 0  # stands for all of them in ``app_flow``, so that the sums of all Apps never fall
NO_APP = f"""WITH gone AS (DELETE FROM app_flow f WHERE app_id <> {DELETED_APPS}
  AND NOT EXISTS (SELECT FROM app a WHERE a.id = f.app_id) RETURNING to_state, n)
INSERT INTO app_flow AS t (app_id, to_state, n) SELECT {DELETED_APPS}, to_state, sum(n) FROM gone GROUP BY 2
ON CONFLICT (app_id, to_state) DO UPDATE SET n = t.n + excluded.n"""  # noqa: S608
STALE = """SELECT EXISTS (SELECT FROM pg_stat_user_tables WHERE relname IN ('job', 'job_state', 'event_log')
AND n_mod_since_analyze > 5000 + 0.2 * coalesce((SELECT reltuples FROM pg_class WHERE oid = relid), 0))"""


async def compact_job_counts(conn: Connection) -> None:
    """Sum up in one statement; readers see the rows before or after it, never in between."""
    if await conn.fetchval("SELECT count(*) FROM job_tally") > ENOUGH:
        await conn.execute(COMPACT)


async def forget_deleted_apps(conn: Connection) -> None:
    """Add up the counts of Apps that are no more as those of one."""
    await conn.execute(NO_APP)


async def refresh_statistics(conn: Connection) -> None:
    """Analyze tables that grew a lot; autovacuum would take a minute to notice a first large load."""
    if await conn.fetchval(STALE):
        await conn.execute("SELECT storax_analyze()")
