"""The watermark: the position up to which a reader of the log misses, repeats and reorders no event.

Positions are drawn before commit, so a reader that goes by "greater than the last" loses late commits. Writers hold a
shared advisory lock, the fence, while they append. The feeder reads the sequence's last value H, then which
transactions hold that lock; once these have ended, every event up to H is committed or rolled back. Only visible
positions are ever published: after a crash an unflushed sequence value may be handed out again.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from storax_core.database.connections import Connection
from storax_core.log.archive import archives

NAME = "published"
FENCE_KEYS = (8360, 1)  # of the advisory lock that writers hold, shared, while they append
PUBLISHED_SEC = 3.0  # for reading one row; a caller that waits longer holds up others
READ_SEC = 8.0  # for reading events as well; within a round of the broadcast
POLL_SEC = 0.005  # between looks at appends under way
LEADER_KEY = 8362  # of the advisory lock that the leading feeder holds
LAST_DRAWN = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM event_log_position_seq"
HOLDERS = f"""SELECT virtualtransaction FROM pg_locks
WHERE locktype = 'advisory' AND (classid, objid) = ({FENCE_KEYS[0]}, {FENCE_KEYS[1]})
AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""  # noqa: S608
READ = """SELECT position, timestamp, site_id, entity, entity_id, version, type, from_state, to_state FROM event_log
WHERE position > $1 AND position <= $2 ORDER BY position LIMIT $3"""
EVENT = (
    "position", "timestamp", "owner_id", "site_id", "entity", "entity_id", "version", "type", "schema_version", "actor",
    "command_id", "from_state", "to_state", "data",
)  # fmt: skip
# One row at least, of one snapshot: what was archived before it is missing in its events, and in its horizon.
READ_PUBLISHED = f"""SELECT p.published, a.horizon, e.* FROM
(SELECT coalesce((SELECT position FROM feed WHERE name = $1), 0) AS published) p,
({archives.HORIZON}) a (horizon) LEFT JOIN LATERAL (SELECT {", ".join(EVENT)} FROM event_log
WHERE position > $2 AND position <= p.published AND owner_id = ANY($3::bigint[]) ORDER BY position LIMIT $4) e ON true
ORDER BY e.position"""  # noqa: S608
KEEP = """INSERT INTO feed (name, position, epoch, updated_at) VALUES ($1, $2, gen_random_uuid(), now())
ON CONFLICT (name) DO UPDATE SET position = greatest(feed.position, excluded.position), updated_at = now()"""


async def published(conn: Connection) -> int:
    """The position up to which the log is published. Raises TimeoutError where the table is locked."""
    sql = "SELECT position FROM feed WHERE name = $1"
    return int(await conn.fetchval(sql, NAME, timeout=PUBLISHED_SEC) or 0)


async def keep(conn: Connection, position: int, name: str = NAME) -> None:
    """Move the checkpoint of a follower on; never back."""
    await conn.execute(KEEP, name, position)


@dataclass
class Watermark:
    """Finds the watermark. Call ``advance`` often; it returns the highest position that is final."""

    safe: int = 0
    _pending: list[tuple[int, frozenset[str]]] = field(default_factory=list)

    async def advance(self, conn: Connection) -> int:
        """Read once: sequence first, then the holders; the order is what makes it a proof."""
        high = int(await conn.fetchval(LAST_DRAWN))
        known = self._pending[-1][0] if self._pending else self.safe
        if high > known or self._pending:
            holders = frozenset(r[0] for r in await conn.fetch(HOLDERS))
            if high > known:
                self._pending.append((high, holders))
            while self._pending and not (self._pending[0][1] & holders):
                self.safe = self._pending.pop(0)[0]
        return self.safe

    @property
    def waiting(self) -> bool:
        """Whether an append is under way."""
        return bool(self._pending)


async def final(conn: Connection) -> int:
    """Wait until a position is final, and return it: every event up to it is visible to all that begins from now on."""
    mark = Watermark()
    while not await mark.advance(conn) and mark.waiting:
        await asyncio.sleep(POLL_SEC)
    return mark.safe


async def read(conn: Connection, after: int, upto: int, limit: int) -> list[Any]:
    """What happened behind ``after`` up to ``upto``, in order, as records without the events' data."""
    rows: list[Any] = await conn.fetch(READ, after, upto, limit)
    return rows


@dataclass(frozen=True)
class Published:
    """What a follower reads at once: the position up to which the log is published, that up to which it is archived,
    and ``events``, in order, each a row of ``EVENT``."""

    position: int
    horizon: int
    events: list[dict[str, Any]]


async def read_published(conn: Connection, owners: Collection[int], after: int, limit: int) -> Published:
    """Read what is published of these owners behind ``after``. Raises TimeoutError where a table is locked."""
    rows = await conn.fetch(READ_PUBLISHED, NAME, after, list(owners), limit, timeout=READ_SEC)
    events = [dict(zip(EVENT, row[2:], strict=True)) for row in rows if row["position"] is not None]
    return Published(rows[0]["published"], rows[0]["horizon"], events)


def event(row: dict[str, Any]) -> dict[str, Any]:
    """The outside form of an event, as the REST list gives it."""
    row["id"] = row["position"]
    row["job_id"] = row["entity_id"] if row["entity"] == "job" else None
    return row
