"""The life of a session: what extends it, and what only asks whether it lives."""

from typing import Any

from storax_core.database import epochs
from storax_core.database.connections import Connection
from storax_core.errors import NotFound

ALIVE = "heartbeat = now(), expires_at = now() + make_interval(secs => ttl_sec)"
HOLDER = "id, owner_id, site_id, batch_job_id, ttl_sec, expires_at"
TOUCH = f"UPDATE session SET {ALIVE} WHERE id = $1 AND owner_id = $2 RETURNING {HOLDER}"  # noqa: S608
READ = f"SELECT {HOLDER} FROM session WHERE id = $1 AND owner_id = $2"  # noqa: S608
# Whether the call with this key was not answered yet; nothing where the session is gone. The second extends its life.
_UNANSWERED = "NOT EXISTS (SELECT FROM command WHERE owner_id = $2 AND key = $3::uuid)"
FRESH = f"SELECT {_UNANSWERED} FROM session WHERE id = $1 AND owner_id = $2"  # noqa: S608
FRESH_TOUCHED = f"UPDATE session SET {ALIVE} WHERE id = $1 AND owner_id = $2 RETURNING {_UNANSWERED}"  # noqa: S608


async def touch(conn: Connection, owner_id: int, session_id: int) -> Any:
    """Extend a session's life: its holder has sent something.

    Raises:
        NotFound: it has ended or expired.
        Restored: a restore lost it.
    """
    return await _require(conn, await conn.fetchrow(TOUCH, session_id, owner_id), session_id)


async def read(conn: Connection, owner_id: int, session_id: int) -> Any:
    """Read a session whose holder has sent nothing new. Raises as ``touch``."""
    return await _require(conn, await conn.fetchrow(READ, session_id, owner_id), session_id)


async def _require(conn: Connection, row: Any, session_id: int) -> Any:
    if row is None:
        await epochs.check_id(conn, "session", session_id)
        raise NotFound(
            f"session {session_id} does not exist: it ended or expired",
            hint="Open a new session; its jobs were given back.",
        )
    return row
