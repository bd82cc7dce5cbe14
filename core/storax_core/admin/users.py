"""Create users and tokens as an operator, by the rules that the API has for its callers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import TypeAdapter, ValidationError

from storax_core.commands import users
from storax_core.database.connections import Connection, Database, writing
from storax_core.errors import Conflict, Invalid, NotFound

ACTOR = "system:admin"
_NAME: TypeAdapter[str] = TypeAdapter(users.NewName)
_PASSWORD: TypeAdapter[str] = TypeAdapter(users.NewPassword)
_TOKEN: TypeAdapter[users.NewToken] = TypeAdapter(users.NewToken)


async def bootstrap(url: str, username: str, password: str | None, days: int) -> dict[str, Any]:
    """Create the user if missing and make a token for it.

    Raises:
        Invalid: a name, password or number of days that the API would refuse.
        Conflict: a password for a user who exists; this command never changes one.
    """
    _checked("the user's name", _NAME, username)
    _checked("the number of days", _TOKEN, {"name": "", "expires_in_days": days})
    hashed = None if password is None else users.password_hash(_checked("the password", _PASSWORD, password))
    async with _opened(url) as conn:
        user = await users.find_user(conn, username)
        if user and hashed:
            raise Conflict(
                f"the user {username!r} exists already, and its password was not changed",
                hint="Change it with `storax admin set-password`; for a further token, leave the password out.",
            )
        user_id = user["id"] if user else await users.create_user(conn, username, hashed)
        token = await users.issue_token(conn, users.user_context(user_id), f"bootstrap of {username}", days)
    return {"user_id": user_id, "username": username, "token": token["token"]}


async def set_password(url: str, username: str, password: str, *, revoke_tokens: bool = False) -> int:
    """Set the password of a user who exists. Returns how many tokens were revoked; without ``revoke_tokens`` none.

    Raises:
        Invalid: a password that the API would refuse.
        NotFound: no such user.
    """
    hashed = users.password_hash(_checked("the password", _PASSWORD, password))
    async with _opened(url) as conn:
        user = await users.find_user(conn, username)
        if user is None:
            raise NotFound(f"there is no user {username!r}", hint="Make one with `storax admin bootstrap`.")
        return await users.set_password(conn, user["id"], hashed, revoke_tokens=revoke_tokens, actor=ACTOR)


def _checked(what: str, adapter: TypeAdapter[Any], value: Any) -> Any:
    """The value, if its type allows it. The message names the rule and never the value, which may be a secret."""
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise Invalid(f"{what}: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Connection]:
    """A transaction that serves all users."""
    db = await Database.connect(url, size=2)
    try:
        async with db.worker() as conn, writing(conn):
            yield conn
    finally:
        await db.close()
