"""Users, passwords and tokens. Tokens are 256 random bits, shown once and kept as a hash."""

import secrets
from functools import cache
from hashlib import sha256
from typing import Any

import asyncpg
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


@cache
def _nobody() -> str:
    """The hash that an unknown user's password is held against."""
    return _hasher().hash(secrets.token_urlsafe(32))


def user_context(user_id: int) -> Context:
    """A user acting on itself."""
    return Context(user_id, f"user:{user_id}")


def token_hash(token: str) -> str:
    """What is stored of a token. A token has 256 random bits, so a plain hash cannot be guessed back."""
    return sha256(token.encode()).hexdigest()


async def find_user(conn: Connection, username: str) -> Any:
    """The user's row with its password hash, or None."""
    return await conn.fetchrow(
        "SELECT id, owner_id, username, password_hash FROM user_account WHERE username = $1", username
    )


def password_hash(password: str) -> str:
    """Argon2 hash of a password. Takes a tenth of a second of CPU: call it in a thread."""
    return _hasher().hash(password)


def password_fits(password: str, user: Any) -> bool:
    """Whether this is the user's password; as slow for a user who is not there. Call it in a thread."""
    known = user["password_hash"] if user else None
    return _hasher().verify(password, known or _nobody()) and known is not None


async def create_user(conn: Connection, username: str, hashed: str | None) -> int:
    """Create a user who owns itself, with a password's hash or none. Raises Conflict when the name is taken."""
    (user_id,) = await log.draw_ids(conn, USERS, 1)
    ctx = user_context(user_id)
    row = {"id": user_id, "username": username, "password_hash": hashed}
    try:
        await log.append_created(conn, ctx, USERS, [row])
    except asyncpg.UniqueViolationError:
        raise Conflict(f"a user named {username!r} exists already", hint="Choose another name or log in.") from None
    return user_id


async def issue_token(conn: Connection, ctx: Context, name: str, days: int) -> Row:
    """Make a token for the owner in ``ctx``. The only time its text is seen."""
    text = PREFIX + secrets.token_urlsafe(32)
    (token_id,) = await log.draw_ids(conn, TOKENS, 1)
    expires = await conn.fetchval("SELECT now() + make_interval(days => $1)", days)
    told = {"id": token_id, "name": name, "user_id": ctx.owner_id, "expires_at": expires}
    await log.append_created(conn, ctx, TOKENS, [{**told, "hash": token_hash(text)}])
    return {**told, "token": text}


async def log_in(conn: Connection, user: Any, days: int) -> Row:
    """Give a user whose password was checked a token, and note it in the log."""
    version = await conn.fetchval("SELECT version FROM user_account WHERE id = $1 FOR UPDATE", user["id"])
    change = decide.change_of({**dict(user), "version": version, "site_id": None})
    change.note("user.logged_in", {"with": "password"})
    ctx = user_context(user["id"])
    await log.append_changes(conn, ctx, USERS, [change])
    return {**await issue_token(conn, ctx, "login", days), "username": user["username"]}


async def whoami(conn: Connection, token: str) -> Row:
    """The owner a token speaks for. Raises Unauthorized for an unknown, expired or revoked one."""
    row = await conn.fetchrow(WHO, token_hash(token))
    if row is None:
        raise Unauthorized(
            "the token is unknown, expired or revoked", hint="Run `storax login`, or `storax up` on this machine."
        )
    return dict(row)
