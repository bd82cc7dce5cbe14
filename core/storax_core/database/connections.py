"""Connections to Postgres: a pool per role, and the owner that row-level security sees.

Three roles: the migrating owner of the tables, ``storax_app`` for everything done on behalf of a user (row-level
security shows it that user's rows only), and ``storax_worker`` for what serves all users (login, feeder,
sweeps). None of the last two may change or delete an event.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from storax_core import limits
from storax_core.database.json_meter import JsonMeter
from storax_core.database.shares import Shares
from storax_core.errors import Unavailable

Connection = Any  # asyncpg ships no types
APP_ROLE, WORKER_ROLE = "storax_app", "storax_worker"
GONE = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InternalClientError,  # what asyncpg says of a connection that was killed while it lay in the pool
)
RETRY = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.InvalidCachedStatementError)
STATEMENT_TIMEOUT_MS = 30_000


class Database:
    """Two pools, one per role. ``owner()`` and ``worker()`` lend a connection; ``owner`` fixes whose rows it sees."""

    def __init__(self, app: Any, worker: Any, *, at_once: int = 1000) -> None:
        self._app = app
        self._worker = worker
        self._shares = Shares(at_once, wait=limits.LINE_SEC, of="calls that use the database")

    @classmethod
    async def connect(cls, url: str, *, size: int = 12, at_once: int = 1000) -> "Database":
        """Open the pools; one owner holds ``at_once`` connections at most.

        Raises Unavailable when Postgres does not answer within 10 s.
        """
        try:
            app, worker = await asyncio.gather(_pool(url, APP_ROLE, size), _pool(url, WORKER_ROLE, max(2, size // 4)))
        except (*GONE, TimeoutError) as error:
            raise Unavailable(
                f"Postgres does not answer: {error}", hint="Check STORAX_DATABASE_URL and that the server runs."
            ) from error
        except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InsufficientPrivilegeError) as error:
            raise Unavailable(
                f"Postgres refuses the login: {error}", hint="Check STORAX_DATABASE_URL; see `storax admin roles`."
            ) from error
        except asyncpg.InvalidParameterValueError as error:
            raise Unavailable(
                f"Postgres has no Storax schema: {error}", hint="Run `storax admin migrate` first."
            ) from error
        return cls(app, worker, at_once=at_once)

    @asynccontextmanager
    async def owner(self, owner_id: int) -> AsyncIterator[Connection]:
        """A connection that sees and writes rows of this owner only."""
        async with self._shares.of(owner_id), _lend(self._app) as conn:
            holder = conn._con if hasattr(conn, "_con") else conn
            if getattr(holder, "storax_owner", None) != owner_id:
                await conn.execute("SELECT set_config('storax.owner', $1, false)", str(owner_id))
                holder.storax_owner = owner_id
            yield conn

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[Connection]:
        """A connection that sees all rows, for what serves every owner."""
        async with _lend(self._worker) as conn:
            yield conn

    async def close(self) -> None:
        """Close both pools, waiting for calls under way."""
        await asyncio.gather(self._app.close(), self._worker.close())


# The planner knows nothing of the rows in a command's text, nor of tables that grew a minute ago; every join of a
# command goes by a key, so it has to look rows up by their index, and to keep the plan: planning a command anew
# costs as much as running it. One round trip, with the BEGIN.
BEGIN = (
    "BEGIN; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off;"
    " SET LOCAL plan_cache_mode = force_generic_plan"
)


@asynccontextmanager
async def writing(conn: Connection) -> AsyncIterator[Connection]:
    """A transaction for a command: commits at the end, rolls back on any error."""
    await conn.execute(BEGIN)
    try:
        yield conn
    except BaseException:
        if not conn.is_closed():
            await conn.execute("ROLLBACK")
        raise
    await conn.execute("COMMIT")


class _Session(asyncpg.Connection):  # type: ignore[misc]
    """A connection that remembers whose rows it was last set to show, and measures the JSON that it reads."""

    __slots__ = ("json_meter", "storax_owner")


async def _pool(url: str, role: str, size: int) -> Any:
    return await asyncio.wait_for(
        asyncpg.create_pool(
            url,
            min_size=int(role == WORKER_ROLE),  # workers log in as roles that may not take on ``storax_app``
            max_size=size,
            connection_class=_Session,
            init=_prepare,
            reset=_keep_settings,
            max_inactive_connection_lifetime=0,
            statement_cache_size=512,
            server_settings={
                "role": role,
                "application_name": role,
                "statement_timeout": str(STATEMENT_TIMEOUT_MS),
                "idle_in_transaction_session_timeout": "10000",
                "jit": "off",
                "timezone": "UTC",
            },
        ),
        timeout=10,
    )


async def _prepare(conn: Connection) -> None:
    """jsonb and uuid travel as text both ways: what Postgres stored goes into an answer without being parsed."""
    conn.json_meter = JsonMeter()
    await conn.set_type_codec("jsonb", encoder=str, decoder=conn.json_meter, schema="pg_catalog")
    await conn.set_type_codec("uuid", encoder=str, decoder=str, schema="pg_catalog")


async def _keep_settings(_: Connection) -> None:
    """Instead of RESET ALL, which would drop the role with a round trip per call."""


@asynccontextmanager
async def _lend(pool: Any) -> AsyncIterator[Connection]:
    try:
        # With a timeout asyncpg makes a task of it, so only where there may be something to wait for.
        async with pool.acquire(timeout=None if pool.get_idle_size() else 10) as conn:
            yield conn
    except (*GONE, TimeoutError) as error:
        raise Unavailable("Postgres does not answer", hint="Try again in a moment, with the same key.") from error
