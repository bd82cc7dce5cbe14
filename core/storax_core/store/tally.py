"""Keeping the tally of jobs short: many differences become one row per owner, site and state."""

from storax_core.store.database import Connection

ENOUGH = 500  # rows below which a sum is quick anyway
COMPACT = """WITH gone AS (DELETE FROM job_tally RETURNING owner_id, site_id, state, n)
INSERT INTO job_tally SELECT owner_id, site_id, state, sum(n) FROM gone GROUP BY 1, 2, 3 HAVING sum(n) <> 0"""


async def compact(conn: Connection) -> None:
    """Sum up in one statement; readers see the rows before or after it, never in between."""
    if await conn.fetchval("SELECT count(*) FROM job_tally") > ENOUGH:
        await conn.execute(COMPACT)
