"""The first user and its token."""

from typing import Any

from storax_core.commands import users
from storax_core.store.database import Database, writing


async def bootstrap(url: str, username: str, password: str | None, days: int) -> dict[str, Any]:
    """Create the user if missing and make a token for it."""
    db = await Database.connect(url, size=2)
    try:
        async with db.worker() as conn, writing(conn):
            found = await users.find_user(conn, username)
            hashed = users.password_hash(password) if password and not found else None
            user_id = found["id"] if found else await users.create_user(conn, username, hashed)
            token = await users.issue_token(conn, users.user_context(user_id), f"bootstrap of {username}", days)
        return {"user_id": user_id, "username": username, "token": token["token"]}
    finally:
        await db.close()
