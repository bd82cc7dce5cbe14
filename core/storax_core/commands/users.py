"""Users, passwords and tokens. Tokens are 256 random bits, shown once and kept as a hash."""

import secrets
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

from pwdlib import PasswordHash

from storax_core import decide
from storax_core.errors import Conflict, Unauthorized
from storax_core.resources import TOKENS, USERS
from storax_core.store import log
from storax_core.store.database import Connection
from storax_core.store.log import Context, Row

PREFIX = "stx_"
WHO = """SELECT t.id AS token_id, t.owner_id, u.username FROM token t JOIN user_account u ON u.id = t.user_id
WHERE t.hash = $1 AND (t.expires_at IS NULL OR t.expires_at > now())"""


@cache
def _hasher() -> PasswordHash:
    return PasswordHash.recommended()


def token_hash(token: str) -> str:
    """What is stored of a token. A token has 256 random bits, so a plain hash cannot be guessed back."""
    return sha256(token.encode()).hexdigest()


async def find_user(conn: Connection, username: str) -> Any:
    """The user's row with its password hash, or None."""
    return await conn.fetchrow(
        "SELECT id, owner_id, version, username, password_hash FROM user_account WHERE username = $1", username
    )


async def create_user(conn: Connection, username: str, password: str | None) -> int:
    """Create a user who owns itself. Raises Conflict when the name is taken."""
    if await find_user(conn, username):
        raise Conflict(f"a user named {username!r} exists already", hint="Choose another name or log in.")
    (user_id,) = await log.draw_ids(conn, USERS, 1)
    ctx = Context(user_id, f"user:{user_id}")
    hashed = _hasher().hash(password) if password else None
    await log.append_created(conn, ctx, USERS, [{"id": user_id, "username": username, "password_hash": hashed}])
    return user_id


async def issue_token(conn: Connection, user_id: int, name: str, days: int | None) -> Row:
    """Make a token for a user. The only time its text is seen."""
    text = PREFIX + secrets.token_urlsafe(32)
    (token_id,) = await log.draw_ids(conn, TOKENS, 1)
    expires = datetime.now(UTC) + timedelta(days=days) if days else None
    row = {"id": token_id, "user_id": user_id, "name": name, "hash": token_hash(text), "expires_at": expires}
    await log.append_created(conn, Context(user_id, f"user:{user_id}"), TOKENS, [row])
    return {"id": token_id, "name": name, "token": text, "user_id": user_id, "expires_at": expires}


async def login(conn: Connection, username: str, password: str, days: int) -> Row:
    """Exchange a password for a token. Raises Unauthorized with one message for every kind of failure."""
    user = await find_user(conn, username)
    known = user["password_hash"] if user and user["password_hash"] else _hasher().hash("nobody")
    if not _hasher().verify(password, known) or not user:
        raise Unauthorized("wrong username or password", hint="Ask whoever runs the server to set your password.")
    change = decide.change_of({**dict(user), "site_id": None})
    change.note("user.logged_in", {"with": "password"})
    await log.append_changes(conn, Context(user["id"], f"user:{user['id']}"), USERS, [change])
    return {**await issue_token(conn, user["id"], "login", days), "username": username}


async def whoami(conn: Connection, token: str) -> Row:
    """The owner a token speaks for. Raises Unauthorized for an unknown, expired or revoked one."""
    row = await conn.fetchrow(WHO, token_hash(token))
    if row is None:
        raise Unauthorized(
            "the token is unknown, expired or revoked", hint="Run `storax login`, or `storax up` on this machine."
        )
    return dict(row)
