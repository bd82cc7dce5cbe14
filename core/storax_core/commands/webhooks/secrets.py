"""Secrets of webhooks: derived from a key of the server, so that no table, event, log or backup of rows holds one.

The key lies in ``server_key``, which ``storax_app``, the role that works for users, cannot read.
"""

import base64
import hmac

from storax_core.database.connections import Connection
from storax_core.database.server_keys import server_key

NAME = "webhooks"  # of the key
PREFIX = "whsec_"


async def secrets_key(conn: Connection) -> bytes:
    """Return the key from which the secrets are derived; it needs a connection of the worker role."""
    return await server_key(conn, NAME)


def secret_of(key: bytes, webhook_id: int, version: int) -> bytes:
    """Return the secret of a webhook, 256 bits; each rotation raises the version, from 1."""
    return hmac.digest(key, b"webhook:%d:%d" % (webhook_id, version), "sha256")


def secret_text(secret: bytes) -> str:
    """Return the form in which a user gets a secret: ``whsec_`` and base64."""
    return PREFIX + base64.b64encode(secret).decode()
