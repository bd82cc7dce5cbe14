"""The cluster's epoch: a number that grows when the database was restored to an older state.

Whatever was handed out after that state was taken (positions, ids, leases) is unknown to the restored database, which
would hand it out again. So a new epoch moves all sequences ahead, and every lease of it has a larger number than any
before. The first epoch is 0; a later one is the number of seconds since 2026 at which it began, so that two restores of
the same backup do not begin the same epoch, and what one handed out is not handed out by the other. It begins when that
second is over: a restore in the same second would get the same number. ``cluster_epoch`` has a row for each: where its
database came from, and which positions and ids were skipped. Its functions and their rights are in the migration.

A restored database is noticed by its identity (system, timeline, database, table), which each new connection compares.
A copy of Postgres' files has the same identity: its restore is found by exported seals that are ahead of the log, or is
said by an operator.
"""

from dataclasses import dataclass
from datetime import datetime

from storax_core.database.connections import Connection
from storax_core.errors import Restored

LEASES_PER_SEC = 2  # more than one job has in the time between two restores
# The number that each lease of this epoch exceeds.
LEASE_FLOOR = f"(SELECT max(epoch) * {LEASES_PER_SEC} FROM cluster_epoch)"  # noqa: S608
CURRENT = "SELECT epoch, kept_position, raised_at, reason FROM cluster_epoch ORDER BY epoch DESC LIMIT 1"
OF_LOST_POSITION = """SELECT epoch, kept_position, raised_at, reason FROM cluster_epoch
WHERE kept_position < $1 AND $1 < first_position ORDER BY epoch DESC LIMIT 1"""
OF_LOST_ID = """SELECT epoch, kept_position, raised_at, reason FROM cluster_epoch
WHERE (skipped_ids -> $1::text ->> 0)::bigint < $2::bigint AND $2::bigint < (skipped_ids -> $1::text ->> 1)::bigint
ORDER BY epoch DESC LIMIT 1"""


@dataclass(frozen=True)
class Epoch:
    """An epoch: its number, and the last position that was kept when it began; 0 for the first."""

    number: int
    kept_position: int
    raised_at: datetime
    reason: str

    @property
    def lease_floor(self) -> int:
        """The number that each lease of this epoch exceeds."""
        return self.number * LEASES_PER_SEC


async def current(conn: Connection) -> Epoch:
    """The present epoch."""
    return Epoch(*await conn.fetchrow(CURRENT))


async def of_lost_position(conn: Connection, position: int) -> Epoch | None:
    """The epoch that began without the event at this position; None where no restore lost it."""
    row = await conn.fetchrow(OF_LOST_POSITION, position)
    return Epoch(*row) if row else None


async def check_id(conn: Connection, table: str, row_id: int) -> None:
    """Raise Restored where a restore lost this row of a table."""
    row = await conn.fetchrow(OF_LOST_ID, table, row_id)
    if row:
        epoch = Epoch(*row)
        raise Restored(
            f"{table} {row_id} does not exist: the server was restored on {epoch.raised_at:%Y-%m-%d %H:%M} UTC"
            f" to position {epoch.kept_position} of its log, before it was created (epoch {epoch.number})",
            epoch=epoch.number,
            restored_to=epoch.kept_position,
            hint="Create it again; what depended on it was lost with it.",
        )


async def last_event(conn: Connection) -> int:
    """The position of the last event."""
    return int(await conn.fetchval("SELECT coalesce(max(position), 0) FROM event_log"))


async def raise_epoch(conn: Connection, why: str, *, beyond: int = 0) -> Epoch:
    """Begin a new epoch. No position up to ``beyond`` is handed out again."""
    await conn.execute("SELECT storax_raise_epoch($1, $2)", why[:1000], beyond)
    return await current(conn)
