"""What operators ask about the server as a whole: its users, and what the database stores. For no user alone."""

from typing import Any

from storax_core.database.connections import Connection

MOST_USERS, MOST_TABLES, DAYS = 500, 40, 14
Row = dict[str, Any]
USERS = f"""SELECT u.id, u.username, u.creation_date, u.password_hash IS NOT NULL AS has_password,
  coalesce(t.n, 0) AS tokens, coalesce(s.n, 0) AS sites, coalesce(j.n, 0)::bigint AS jobs, l.last_login
FROM user_account u
LEFT JOIN (SELECT owner_id, count(*) AS n FROM token WHERE expires_at IS NULL OR expires_at > now() GROUP BY 1) t
  ON t.owner_id = u.id
LEFT JOIN (SELECT owner_id, count(*) AS n FROM site GROUP BY 1) s ON s.owner_id = u.id
LEFT JOIN (SELECT owner_id, sum(n) AS n FROM job_tally GROUP BY 1) j ON j.owner_id = u.id
LEFT JOIN LATERAL (SELECT "timestamp" AS last_login FROM event_log
  WHERE owner_id = u.id AND entity = 'user' AND type = 'user.logged_in'
  ORDER BY position DESC LIMIT 1) l ON true
ORDER BY u.id DESC LIMIT {MOST_USERS}"""  # noqa: S608
TABLES = f"""SELECT c.relname AS name,
  (CASE WHEN c.reltuples < 0 THEN pg_stat_get_live_tuples(c.oid) ELSE c.reltuples END)::bigint AS rows,
  pg_table_size(c.oid) AS bytes, pg_indexes_size(c.oid) AS index_bytes
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
ORDER BY pg_total_relation_size(c.oid) DESC, 1 LIMIT {MOST_TABLES}"""  # noqa: S608
# The first position of each day, by bisection, as positions grow with time: some 30 look-ups a day by the key.
# Positions that were archived are of no day.
LOG_DAYS = f"""WITH RECURSIVE days AS (
  SELECT generate_series(date_trunc('day', now(), 'UTC') - interval '{DAYS - 1} days',
    date_trunc('day', now(), 'UTC'), interval '1 day') AS day),
search(day, low, high) AS (
  SELECT day, (SELECT greatest(1, coalesce(max(high), 0) + 1) FROM archive),
    (SELECT coalesce(max(position), 0) + 1 FROM event_log) FROM days
  UNION ALL
  SELECT day, CASE WHEN e.happened < day THEN (low + high) / 2 + 1 ELSE low END,
              CASE WHEN e.happened < day THEN high ELSE (low + high) / 2 END
  FROM search, LATERAL (SELECT (
    SELECT "timestamp" FROM event_log WHERE position >= (low + high) / 2 ORDER BY position LIMIT 1) AS happened) e
  WHERE low < high)
SELECT day, lead(low, 1, (SELECT coalesce(max(position), 0) + 1 FROM event_log)) OVER (ORDER BY day) - low AS events
FROM search WHERE low >= high ORDER BY day"""  # noqa: S608
SIZES = """SELECT pg_database_size(current_database()) AS database_bytes,
  (SELECT coalesce(max(position), 0) FROM event_log) AS last_position"""


async def users(conn: Connection) -> list[Row]:
    """Return the newest users: their numbers of tokens, sites and jobs, and their last login."""
    return [dict(row) for row in await conn.fetch(USERS)]


async def storage(conn: Connection) -> Row:
    """Return the size of the database and of its largest tables, and the growth of the log by day.

    ``rows`` are the planner's estimate. ``events`` counts positions of the log, of which calls that failed leave gaps;
    what was archived does not count.
    """
    sizes = dict(await conn.fetchrow(SIZES))
    tables = [dict(row) for row in await conn.fetch(TABLES)]
    return {**sizes, "tables": tables, "log_days": [dict(row) for row in await conn.fetch(LOG_DAYS)]}
