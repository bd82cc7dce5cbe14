"""The server's own silence: how long no API process could have accepted a heartbeat, by the database's clock.

Every API process notes each second that it serves. A lease ends only by the silence of its holder while the server was
there to hear it: the sweep compares with the last note, not with the clock, and the first note after a gap extends the
leases that lived when the gap began by its length. It does not matter why nobody served: the API or Postgres was away,
frozen or restarted, or the machine slept.
"""

from typing import NamedTuple

from storax_core.database.connections import Connection

NOTE_SEC = 1.0  # between the notes of one API process
SHORTEST_GAP_SEC, GAP_SEC = 2.0, 5.0
# A longer pause between two notes of all processes is a gap to a session: longer than those of a busy server, where
# dead holders must be noticed too, and no longer than a short lease can bear between two beats.
GAP = f"make_interval(secs => greatest({SHORTEST_GAP_SEC}, least({GAP_SEC}, s.ttl_sec / 4.0)))"
LAST_SERVED = "(SELECT served_at FROM server_uptime WHERE part = 'api')"
# Sessions are locked in id order, as everywhere. Of two processes that come back together the second finds no gap: it
# waits for the row of the first, and reads it anew.
NOTE = f"""WITH last AS MATERIALIZED (SELECT served_at FROM server_uptime WHERE part = 'api' FOR UPDATE),
silenced AS MATERIALIZED (SELECT s.id, last.served_at FROM session s, last
  WHERE clock_timestamp() - last.served_at > {GAP}
  AND s.expires_at >= last.served_at ORDER BY s.id FOR UPDATE OF s),
extended AS (UPDATE session s SET expires_at = s.expires_at + (clock_timestamp() - greatest(s.heartbeat, g.served_at))
  FROM silenced g WHERE s.id = g.id RETURNING s.id),
noted AS (INSERT INTO server_uptime (part, served_at) VALUES ('api', clock_timestamp())
  ON CONFLICT (part) DO UPDATE SET served_at = excluded.served_at)
SELECT coalesce(extract(epoch FROM clock_timestamp() - served_at), 0)::float8 AS silence_sec,
  (SELECT count(*) FROM extended) AS extended FROM last"""  # noqa: S608


class Gap(NamedTuple):
    """Seconds in which no process served, 0 where there were none, and the number of sessions that were extended."""

    seconds: float
    sessions: int


async def note_serving(conn: Connection) -> Gap:
    """Note that a heartbeat could be accepted now; after a gap, extend the leases that lived when it began."""
    async with conn.transaction():
        # A note that a crash loses makes the gap that follows it longer by a second.
        await conn.execute("SET LOCAL synchronous_commit = off")
        row = await conn.fetchrow(NOTE)
    is_gap = row is not None and (row["extended"] or row["silence_sec"] > GAP_SEC)
    return Gap(row["silence_sec"], row["extended"]) if is_gap else Gap(0.0, 0)
