"""Idempotency keys: a repeated call gets the answer of the first and has no second effect.

The key is written last, with the answer, in the transaction of the command itself: a second call with the same key may
do the work, but its key collides, so its transaction is rolled back and the first answer is given. Of calls at the same
moment the later ones wait at the key for the first to commit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any
from uuid import UUID

import asyncpg

from storax_core.database.connections import Connection
from storax_core.errors import KeyReused

KEEP = """INSERT INTO command (owner_id, key, fingerprint, position, answer, created_at)
VALUES ($1, $2, $3, $4, $5, now()) ON CONFLICT DO NOTHING RETURNING true"""
SEEN = "SELECT fingerprint, position, answer FROM command WHERE owner_id = $1 AND key = $2"
KEEP_DAYS = 7


class Repeated(Exception):
    """Another call with this key was first. A signal, not an error: it rolls the repeat back."""


@contextmanager
def once() -> Iterator[None]:
    """Raise Repeated for a statement that failed because another call with its key was first."""
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != "command_pkey":
            raise
        raise Repeated from None


def fingerprint(method: str, path: str, body: bytes) -> str:
    """What makes two calls the same call."""
    return blake2b(b"\n".join((method.encode(), path.encode(), body)), digest_size=16).hexdigest()


async def keep(conn: Connection, owner_id: int, key: UUID, print_: str, position: int, answer: bytes) -> bool:
    """Store the answer under its key. False: another call with this key was first; roll back."""
    return bool(await conn.fetchval(KEEP, owner_id, key, print_, position, answer))


async def seen(conn: Connection, owner_id: int, key: UUID, print_: str) -> Any | None:
    """The first call's position and answer, or None. Raises KeyReused when that was another call."""
    row = await conn.fetchrow(SEEN, owner_id, key)
    if row is not None and row["fingerprint"] != print_:
        raise KeyReused("this Idempotency-Key was used for another call", hint="Make a new key for each logical call.")
    return row


async def forget_old(conn: Connection) -> None:
    """Drop keys older than ``KEEP_DAYS``."""
    await conn.execute("DELETE FROM command WHERE created_at < now() - make_interval(days => $1)", KEEP_DAYS)
