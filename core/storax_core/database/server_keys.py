"""Secrets that the API processes share, in Postgres: they sign with them what they pass on through Redis."""

import secrets

from storax_core.database.connections import Connection

KEY_BYTES = 32
MAKE = "INSERT INTO server_key (name, key) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING RETURNING key"
READ = "SELECT key FROM server_key WHERE name = $1"


async def server_key(conn: Connection, name: str) -> bytes:
    """Return the key of this name; the first call makes it."""
    key = await conn.fetchval(READ, name)
    key = key or await conn.fetchval(MAKE, name, secrets.token_bytes(KEY_BYTES))
    return bytes(key or await conn.fetchval(READ, name))  # another process was first
