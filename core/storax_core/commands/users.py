"""Users, passwords and tokens. Tokens are 256 random bits, shown once and kept as a hash."""

import secrets
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from typing import Annotated, Any

import asyncpg
from pwdlib import PasswordHash
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from storax_core.commands.locks import lock_mine, require_mine
from storax_core.database.connections import Connection
from storax_core.errors import Conflict, Unauthorized
from storax_core.lifecycle import rules
from storax_core.lifecycle.change import Row
from storax_core.log import append
from storax_core.log.append import Context
from storax_core.resources import SITES, TOKENS, USERS
from storax_core.resources.types import BigId, LoginName, ShortText, clean_text

PREFIX = "stx_"
DAY_SEC = 86_400
PAGE = "web page"  # name of the tokens that cookies carry
CODE_SEC = 60  # for which a login code is good
CODE_HASH = "once:"  # before the hash of a login code, so that none is ever taken for a token
AUTHENTICATE = """SELECT t.id AS token_id, t.owner_id, t.site_id, u.username
FROM token t JOIN user_account u ON u.id = t.user_id
WHERE t.hash = $1 AND (t.expires_at IS NULL OR t.expires_at > now())"""
# Those of these tokens that are refused by now.
REFUSED = """SELECT wanted AS id FROM unnest($1::bigint[]) AS wanted WHERE NOT EXISTS (
  SELECT FROM token t WHERE t.id = wanted AND (t.expires_at IS NULL OR t.expires_at > now()))"""
FAMILY = """WITH RECURSIVE family AS (
  SELECT id FROM token WHERE id = ANY($1::bigint[]) AND owner_id IS NOT DISTINCT FROM $2
  UNION SELECT t.id FROM token t JOIN family f ON t.parent_id = f.id WHERE t.owner_id IS NOT DISTINCT FROM $2)
SELECT id FROM family ORDER BY id"""
OLD_CODES = "SELECT id FROM token WHERE owner_id = $1 AND hash LIKE 'once:%' AND expires_at < now()"
Secret = Annotated[str, Field(min_length=1, max_length=1024)]


def _plain(value: str) -> str:
    if not value.isprintable() or value != value.strip():
        raise ValueError("a name of printable characters that starts and ends with none blank is needed")
    return value


NewName = Annotated[LoginName, AfterValidator(_plain)]
NewPassword = Annotated[str, Field(min_length=12, max_length=1024), AfterValidator(clean_text)]


class Login(BaseModel):
    """Name and password."""

    model_config = ConfigDict(extra="forbid")

    username: LoginName
    password: Secret


class Register(Login):
    """A new user; the password has at least 12 characters."""

    username: NewName
    password: NewPassword


class NewToken(BaseModel):
    """What a new token is for, and how long it lives."""

    model_config = ConfigDict(extra="forbid")

    name: ShortText = ""
    expires_in_days: int | None = Field(
        default=None, strict=True, ge=1, le=3650, description="Null: as the server is set."
    )
    site_id: BigId | None = Field(
        default=None, description="For the agent of this site: it may lease and report there, and nothing else."
    )


@cache
def _hasher() -> PasswordHash:
    return PasswordHash.recommended()


@cache
def _dummy_hash() -> str:
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
    return _hasher().verify(password, known or _dummy_hash()) and known is not None


async def create_user(conn: Connection, username: str, hashed: str | None) -> int:
    """Create a user who owns itself, with a password's hash or none. Raises Conflict when the name is taken."""
    (user_id,) = await append.draw_ids(conn, USERS, 1)
    ctx = user_context(user_id)
    row = {"id": user_id, "username": username, "password_hash": hashed}
    try:
        await append.append_created(conn, ctx, USERS, [row])
    except asyncpg.UniqueViolationError:
        raise Conflict(f"a user named {username!r} exists already", hint="Choose another name or log in.") from None
    return user_id


async def create_token(conn: Connection, ctx: Context, ask: NewToken, *, days: int, parent_id: int) -> Row:
    """Make a token for a caller with the token ``parent_id``. Raises Unauthorized where that was revoked meanwhile."""
    lock = "SELECT FROM token WHERE id = $1 AND owner_id IS NOT DISTINCT FROM $2 FOR KEY SHARE"
    if await conn.fetchrow(lock, parent_id, ctx.owner_id) is None:
        raise Unauthorized("the token was revoked at this moment", hint="Run `storax login`.")
    if ask.site_id is not None:
        await require_mine(conn, ctx.owner_id, SITES, [ask.site_id])
    days = ask.expires_in_days or days
    return await issue_token(conn, ctx, ask.name, days, site_id=ask.site_id, parent_id=parent_id)


async def issue_token(
    conn: Connection, ctx: Context, name: str, days: int, *, site_id: int | None = None, parent_id: int | None = None
) -> Row:
    """Make a token for the owner in ``ctx``. The only time its text is seen."""
    text = PREFIX + secrets.token_urlsafe(32)
    own = {"site_id": site_id, "parent_id": parent_id}
    row = await _store_token(conn, ctx, token_hash(text), name=name, seconds=days * DAY_SEC, **own)
    return {**row, **own, "token": text}


async def _store_token(
    conn: Connection, ctx: Context, hashed: str, *, name: str, seconds: int, **links: int | None
) -> Row:
    """Add a token of the owner in ``ctx`` by its hash; ``links`` are its site and its parent. Returns its row."""
    (token_id,) = await append.draw_ids(conn, TOKENS, 1)
    expires = await conn.fetchval("SELECT now() + make_interval(secs => $1)", seconds)
    row = {"id": token_id, "name": name, "user_id": ctx.owner_id, "expires_at": expires}
    known = {link: value for link, value in links.items() if value is not None}
    await append.append_created(conn, ctx, TOKENS, [{**row, **known, "hash": hashed}])
    return row


async def create_code(conn: Connection, ctx: Context, *, parent_id: int) -> Row:
    """Make a login code for a caller with the token ``parent_id``: good once, for ``CODE_SEC`` seconds."""
    rows = await conn.fetch(OLD_CODES, ctx.owner_id)
    await delete_tokens(conn, ctx, [row["id"] for row in rows], {})
    text = secrets.token_urlsafe(32)
    hashed = CODE_HASH + token_hash(text)
    row = await _store_token(conn, ctx, hashed, name="login code", seconds=CODE_SEC, parent_id=parent_id)
    return {"code": text, "expires_at": row["expires_at"]}


async def use_code(conn: Connection, code: str, days: int) -> Row:
    """Exchange a login code for a token that is revoked with the token that made the code. Raises Unauthorized."""
    sql = "SELECT id, owner_id, parent_id FROM token WHERE hash = $1 AND expires_at > now() FOR UPDATE"
    row = await conn.fetchrow(sql, CODE_HASH + token_hash(code))
    if row is None:
        raise Unauthorized("this link was used before, or is too old", hint="Run `storax open` for another one.")
    ctx = user_context(row["owner_id"])
    await delete_tokens(conn, ctx, [row["id"]], {})
    await _note_login(conn, await _lock(conn, row["owner_id"]), by="link")
    ask = NewToken(name=PAGE)
    return await create_token(conn, ctx, ask, days=days, parent_id=row["parent_id"])


async def delete_tokens(conn: Connection, ctx: Context, ids: Sequence[int], reason: Row) -> tuple[int, list[int]]:
    """Revoke tokens of the caller, with those that were created with them. Returns how many of ``ids`` there were."""
    named = await lock_mine(conn, ctx.owner_id, TOKENS, ids, "id")
    locked: list[int] = [row["id"] for row in named]
    while True:  # a token that is not locked yet may be making another
        family = [row["id"] for row in await conn.fetch(FAMILY, locked, ctx.owner_id)]
        if len(family) == len(locked):
            break
        locked = [row["id"] for row in await lock_mine(conn, ctx.owner_id, TOKENS, family, "id")]
    first = {row["id"] for row in named}
    await append.append_deleted(conn, ctx, TOKENS, sorted(first), reason)
    below = {"deleted_with": {"entity": "token", "id": min(first, default=0)}}
    await append.append_deleted(conn, ctx, TOKENS, sorted(set(locked) - first), below)
    return len(named), []


async def count_created(conn: Connection, owner_id: int, token_id: int) -> int:
    """Count the tokens that were created with a token, and with those."""
    return len(await conn.fetch(FAMILY, [token_id], owner_id)) - 1


async def note_failed_login(conn: Connection, user: Any, address: str) -> None:
    """Note in a user's log that a login with a wrong password was refused."""
    change = rules.change_of(await _lock(conn, user["id"]))
    change.note("user.login_failed", {"address": address})
    await append.append_changes(conn, user_context(user["id"]), USERS, [change])


async def log_in(conn: Connection, user: Any, days: int, *, name: str = "login") -> Row:
    """Give a user whose password was checked a token of this name, and note it in the log."""
    locked = await _lock(conn, user["id"])
    if locked["password_hash"] != user["password_hash"]:
        raise Unauthorized("the password was changed at this moment", hint="Log in with the new one.")
    await _note_login(conn, locked, by="password")
    return {**await issue_token(conn, user_context(user["id"]), name, days), "username": user["username"]}


async def _note_login(conn: Connection, locked: Row, *, by: str) -> None:
    change = rules.change_of(locked)
    change.note("user.logged_in", {"with": by})
    await append.append_changes(conn, user_context(locked["id"]), USERS, [change])


async def set_password(conn: Connection, user_id: int, hashed: str, *, revoke_tokens: bool, actor: str) -> int:
    """Give a user another password's hash, noted in the log without it. Returns the number of tokens revoked.

    Tokens are keys of their own, which sites and scripts live on: they stay, unless ``revoke_tokens`` says otherwise.
    """
    change = rules.change_of(await _lock(conn, user_id))
    ctx = Context(user_id, actor)
    sql = "SELECT id FROM token WHERE user_id = $1 ORDER BY id FOR UPDATE"
    ids = [r["id"] for r in await conn.fetch(sql, user_id)] if revoke_tokens else []
    change.note("user.password_changed", {"tokens_revoked": len(ids)})
    await append.append_changes(conn, ctx, USERS, [change])
    await conn.execute("UPDATE user_account SET password_hash = $2 WHERE id = $1", user_id, hashed)
    await append.append_deleted(conn, ctx, TOKENS, ids, {})
    return len(ids)


async def _lock(conn: Connection, user_id: int) -> Row:
    row = await conn.fetchrow(
        "SELECT id, owner_id, version, password_hash FROM user_account WHERE id = $1 FOR UPDATE", user_id
    )
    return {**dict(row), "site_id": None}


async def whoami(conn: Connection, token: str) -> Row:
    """The owner a token speaks for. Raises Unauthorized for an unknown, expired or revoked one."""
    row = await conn.fetchrow(AUTHENTICATE, token_hash(token))
    if row is None:
        raise Unauthorized(
            "the token is unknown, expired or revoked", hint="Run `storax login`, or `storax up` on this machine."
        )
    return dict(row)
