"""Places in the log from which a reader goes on: a position that it has read."""

from storax_core.database import epochs
from storax_core.database.connections import Connection
from storax_core.errors import LostPosition
from storax_core.log.archive import archives
from storax_core.log.watermark import LAST_DRAWN


async def check(conn: Connection, position: int) -> None:
    """Raise LostPosition where the log does not go on behind this position.

    The event there was lost in a restore, or none was written yet: then the reader's log is another one, or this one
    before a restore that nobody noticed. Raise Conflict where a file of archived events behind it is missing.
    """
    await archives.require_files(conn, position)
    epoch = await epochs.of_lost_position(conn, position)
    if epoch:
        raise LostPosition(
            f"the event at position {position} is gone: the server was restored on {epoch.raised_at:%Y-%m-%d %H:%M} UTC"
            f" to position {epoch.kept_position} (epoch {epoch.number})",
            epoch=epoch.number,
            restored_to=epoch.kept_position,
            hint=f"Read again what you derived from later events, and continue after={epoch.kept_position}.",
        )
    if position > await conn.fetchval(LAST_DRAWN):
        now, end = await epochs.current(conn), await epochs.last_event(conn)
        raise LostPosition(
            f"position {position} is ahead of the log, which ends at {end}",
            epoch=now.number,
            restored_to=end,
            hint="It is of another server, or of this one before it was restored; "
            f"read again what you derived from it, and continue after={end}.",
        )
