"""Failed logins of the last minutes, in Postgres, so that all API processes count the same ones, also after a restart.

A key is a digest of an account, an address, or both; whether the account exists plays no part. A row is written for a
password that was checked, so the rate of hashing bounds how many there are; a periodic task drops old ones.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from storax_core.database.connections import Connection

KEPT_SEC = 900.0  # after the last failure
RECENT = """SELECT key, failures, extract(epoch FROM clock_timestamp() - failed_at)::float8 AS age_sec
FROM login_failure WHERE key = ANY($1::text[]) AND failed_at > clock_timestamp() - make_interval(secs => $2)"""
# In the order of the keys, so that no two wait for each other. An old count begins anew.
ADD = """INSERT INTO login_failure AS f (key, failures, failed_at)
SELECT key, 1, clock_timestamp() FROM unnest($1::text[]) AS key ORDER BY key
ON CONFLICT (key) DO UPDATE SET failed_at = excluded.failed_at,
  failures = CASE WHEN f.failed_at > clock_timestamp() - make_interval(secs => $2) THEN f.failures ELSE 0 END + 1"""


class Failures(NamedTuple):
    """How many logins of a key failed, and how many seconds ago the last one did."""

    number: int
    age_sec: float


async def recent(conn: Connection, keys: Collection[str]) -> Mapping[str, Failures]:
    """Return the failures of those keys that have any."""
    rows = await conn.fetch(RECENT, list(keys), KEPT_SEC)
    return {row["key"]: Failures(row["failures"], row["age_sec"]) for row in rows}


async def add(conn: Connection, keys: Collection[str]) -> None:
    """Count one more failure of each of the keys."""
    await conn.execute(ADD, list(keys), KEPT_SEC)


async def forget(conn: Connection, key: str) -> None:
    """Forget the failures of a key."""
    await conn.execute("DELETE FROM login_failure WHERE key = $1", key)


async def forget_old(conn: Connection) -> None:
    """Drop counts that are not used any more."""
    sql = "DELETE FROM login_failure WHERE failed_at < clock_timestamp() - make_interval(secs => $1)"
    await conn.execute(sql, KEPT_SEC)
