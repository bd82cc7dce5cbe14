"""Bring a database to this code's schema, or back. Migrations ship inside the wheel; a checkout has ``alembic/``."""

import asyncio
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from alembic import command
from storax_core.admin import roles
from storax_core.errors import Conflict, CoreError, Invalid, Unavailable

LOCK = 8361  # one migration at a time
LOCK_TIMEOUT = "2s"  # a migration that waits for a table has every later call wait behind it
DENIED = "42501"  # Postgres' code for a lack of privileges
BUSY = (asyncpg.LockNotAvailableError.sqlstate, asyncpg.DeadlockDetectedError.sqlstate)


def scripts() -> Path:
    """The folder with env.py and versions/."""
    shipped = Path(__file__).parents[1] / "migrations"
    return shipped if shipped.is_dir() else Path(__file__).parents[3] / "alembic"


def config(connection: Connection | None = None) -> Config:
    """An Alembic configuration without any file."""
    configuration = Config()
    configuration.set_main_option("script_location", str(scripts()))
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["connection"] = connection
    return configuration


@cache
def head() -> str:
    """The newest revision this code knows."""
    return str(ScriptDirectory.from_config(config()).get_current_head())


def sqlalchemy_url(url: str) -> str:
    """The same address for SQLAlchemy's asyncpg dialect."""
    return "postgresql+asyncpg://" + url.split("://", 1)[1]


def _known(revision: str | None) -> bool:
    return revision is None or any(
        s.revision == revision for s in ScriptDirectory.from_config(config()).walk_revisions()
    )


def _run(connection: Connection, target: str, *, down: bool) -> None:
    now = MigrationContext.configure(connection).get_current_revision()
    if not _known(now):
        raise Conflict(
            f"the database is at schema {now}, newer than this program (which knows up to {head()})",
            hint="Install the Storax version that made it, or restore a backup.",
        )
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
    (command.downgrade if down else command.upgrade)(config(connection), target)
    if target == "head" and not down:
        roles.correct(connection)


def _refusal(error: DBAPIError) -> CoreError | None:
    """What to tell an operator of an error of Postgres; None for one that should not happen."""
    state = getattr(error.orig, "sqlstate", "")
    if state == DENIED:
        return Invalid(
            f"this login may not migrate: {str(error.orig).rpartition('>: ')[2]}",
            hint="Have an administrator run the SQL that `storax admin roles` prints, and migrate as storax_owner.",
        )
    if state in BUSY:
        return Unavailable(
            f"another transaction holds a table that the migration changes, for more than {LOCK_TIMEOUT} or crosswise",
            hint="Nothing was changed. Try again; pg_stat_activity lists long transactions.",
        )
    return None


async def migrate(url: str, target: str = "head", *, down: bool = False) -> None:
    """Move the schema to ``target`` in one transaction, and at the newest hold all roles to the table of privileges.

    Raises:
        Conflict: the database is newer than the code.
        Invalid: the login of the address may not do this.
        Unavailable: Postgres does not answer, or another transaction holds a table for more than ``LOCK_TIMEOUT``, or
            each waits for a table of the other.
    """
    engine = create_async_engine(sqlalchemy_url(url))
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_run, target, down=down)
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError) as error:
        raise Unavailable(
            f"Postgres does not answer: {error}", hint="Check STORAX_DATABASE_URL and that the server runs."
        ) from error
    except DBAPIError as error:
        if (refusal := _refusal(error)) is None:
            raise
        raise refusal from error
    finally:
        await engine.dispose()


def migrate_now(url: str, target: str = "head", *, down: bool = False) -> None:
    """As ``migrate``, for callers without a loop."""
    asyncio.run(migrate(url, target, down=down))


def autogenerate(url: str, message: str, **kwargs: Any) -> None:
    """Write the migration that takes the database to the declarations; read it before you keep it."""

    async def run() -> None:
        engine = create_async_engine(sqlalchemy_url(url))
        async with engine.begin() as connection:
            await connection.run_sync(lambda c: command.revision(config(c), message, autogenerate=True, **kwargs))
        await engine.dispose()

    asyncio.run(run())
