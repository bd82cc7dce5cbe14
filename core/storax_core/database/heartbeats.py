"""Heartbeats: each part that works beside the calls notes in Postgres when it last did what it is for.

A part that runs but gets nothing done is silent, as one that does not run. It names the longest time that may pass
between two heartbeats itself, so that readers need not know how it is set.
"""

from dataclasses import dataclass

from storax_core.database.connections import Connection

FEEDER, RECONCILER, SWEEPER, WEBHOOKS = "feeder", "reconciler", "sweeper", "webhooks"
EXPECTED = (FEEDER, RECONCILER, SWEEPER, WEBHOOKS)
FOLLOWER = "follower"  # of an API process, which knows it without Postgres
BEAT = """INSERT INTO heartbeat (name, updated_at, limit_sec) VALUES ($1, clock_timestamp(), $2)
ON CONFLICT (name) DO UPDATE SET updated_at = excluded.updated_at, limit_sec = excluded.limit_sec"""
UNHEARD_LIMIT_SEC = 60  # for a part that never gave a heartbeat
AGES = """SELECT name, greatest(0, extract(epoch FROM clock_timestamp() - updated_at))::float8 AS age, limit_sec
FROM heartbeat"""


@dataclass(frozen=True)
class Heartbeat:
    """The last heartbeat of a part.

    Attributes:
        name: Which part.
        age_sec: Seconds since its last heartbeat; None: never.
        limit_sec: Seconds that may pass between two.
        watched_sec: Seconds since the reader began to watch: whoever has just started gives the others time.
    """

    name: str
    age_sec: float | None
    limit_sec: float
    watched_sec: float

    @property
    def stale(self) -> bool:
        """Whether the part does not do what it is for."""
        silent = self.watched_sec if self.age_sec is None else min(self.age_sec, self.watched_sec)
        return silent > self.limit_sec


async def beat(conn: Connection, name: str, limit_sec: int) -> None:
    """Note that a part has done what it is for; the next heartbeat comes within ``limit_sec``."""
    await conn.execute(BEAT, name, limit_sec)


async def read(conn: Connection, watched_sec: float) -> list[Heartbeat]:
    """Return the heartbeats of all parts that a server has, in the order of their names."""
    rows = {row["name"]: row for row in await conn.fetch(AGES)}
    silent = [Heartbeat(name, None, UNHEARD_LIMIT_SEC, watched_sec) for name in EXPECTED if name not in rows]
    heard = [Heartbeat(row["name"], row["age"], row["limit_sec"], watched_sec) for row in rows.values()]
    return sorted(silent + heard, key=lambda heartbeat: heartbeat.name)
