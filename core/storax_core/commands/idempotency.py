"""Idempotency keys: a repeated call answers what the first did, and has no second effect.

The key's row is written in the transaction of the command itself, so both happen or neither does.
"""

from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from storax_core.errors import KeyReused
from storax_core.store.database import Connection

TAKE = """INSERT INTO command (owner_id, key, fingerprint, created_at) VALUES ($1, $2, $3, now())
ON CONFLICT DO NOTHING RETURNING true"""
SEEN = "SELECT fingerprint, answer::text AS answer FROM command WHERE owner_id = $1 AND key = $2"
KEEP = "UPDATE command SET answer = $3::jsonb WHERE owner_id = $1 AND key = $2"
KEEP_DAYS = 7


def fingerprint(method: str, path: str, body: bytes) -> str:
    """What makes two calls the same call."""
    return sha256(b"\n".join((method.encode(), path.encode(), body))).hexdigest()


async def take(conn: Connection, owner_id: int, key: UUID, print_: str) -> Any | None:
    """Claim a key. None: it is ours, go on. Otherwise the stored answer of the first call.

    A second call at the same moment waits here for the first to commit. Raises KeyReused for another body.
    """
    if await conn.fetchval(TAKE, owner_id, key, print_):
        return None
    row = await conn.fetchrow(SEEN, owner_id, key)
    if row["fingerprint"] != print_:
        raise KeyReused("this Idempotency-Key was used for another call", hint="Make a new key for each logical call.")
    return orjson.loads(row["answer"])


async def keep(conn: Connection, owner_id: int, key: UUID, answer: Any) -> None:
    """Store the answer, in the same transaction."""
    await conn.execute(KEEP, owner_id, key, orjson.dumps(answer, default=str).decode())


async def forget_old(conn: Connection) -> None:
    """Drop keys older than ``KEEP_DAYS``."""
    await conn.execute("DELETE FROM command WHERE created_at < now() - make_interval(days => $1)", KEEP_DAYS)
