"""Create the login roles as an administrator of Postgres, and hold their privileges to the table of privileges."""

from collections.abc import Mapping

import asyncpg
from sqlalchemy import Connection

from storax_core.database import privileges, roles
from storax_core.database.connections import GONE
from storax_core.errors import Invalid, Unavailable


async def create(url: str, passwords: Mapping[str, str]) -> None:
    """Create or repair all roles in the database of an administrator's address.

    Raises:
        Invalid: a password of no role of ours, or the address is no administrator's.
        Unavailable: Postgres does not answer.
    """
    unknown = sorted(passwords.keys() - set(roles.NAMES))
    if unknown:
        raise Invalid(f"there is no login role {unknown[0]!r}", hint=f"They are {', '.join(roles.NAMES)}.")
    try:
        conn = await asyncpg.connect(url)
    except (*GONE, TimeoutError, asyncpg.InvalidAuthorizationSpecificationError) as error:
        raise Unavailable(f"Postgres does not answer the administrator: {error}", hint="Check its address.") from error
    try:
        async with conn.transaction():
            await conn.execute("SET LOCAL lock_timeout = '2s'")
            await conn.execute(roles.script(passwords))
    except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
        raise Unavailable(
            "other transactions hold tables that are handed over to their owner", hint="Nothing was changed. Try again."
        ) from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise Invalid(f"the administrator may not create roles: {error}", hint="Name a superuser's address.") from error
    finally:
        await conn.close()


def correct(connection: Connection) -> None:
    """Grant what is missing and revoke what is too much, as the owner of the tables."""
    present = frozenset(connection.exec_driver_sql(privileges.PRESENT).scalars())
    actual = frozenset(privileges.Right(*row) for row in connection.exec_driver_sql(privileges.ACTUAL))
    for statement in privileges.corrections(present, actual):
        connection.exec_driver_sql(statement)
