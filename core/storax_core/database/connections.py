"""Connections to Postgres: a pool per role, and the owner that row-level security sees.

A command's transaction sets its own owner, which ends with it. A connection that reads has an owner that outlives the
statement; Postgres itself reports it with every answer (``application_name`` is set in the same statement, and is among
the settings whose changes Postgres sends), so a call that was cancelled at any moment leaves no doubt whose rows the
connection shows. How reads are planned is set with the owner. Other settings are those of the start of the connection,
or ``SET LOCAL``.

Of the roles, the owner of the tables migrates; ``storax_app`` does everything on behalf of a user (row-level security
shows it that user's rows only), ``storax_worker`` what serves all users, ``storax_relay`` is the feeder's and
``storax_upkeep`` that of the periodic tasks. All but the owner may change or delete no event.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg

from storax_core import limits
from storax_core.database.half_open import NEW_SEC, SERVER_TCP, HalfOpenWatch, Lent, set_tcp_deadlines
from storax_core.database.json_meter import JsonMeter
from storax_core.database.shares import Shares
from storax_core.errors import Unavailable

Connection = Any  # asyncpg ships no types
APP_ROLE, WORKER_ROLE, RELAY_ROLE, UPKEEP_ROLE = "storax_app", "storax_worker", "storax_relay", "storax_upkeep"
GONE = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidCatalogNameError,  # a database that is being replaced
    asyncpg.InternalClientError,  # what asyncpg says of a connection that was killed while it lay in the pool
)
RETRY = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.InvalidCachedStatementError)
STATEMENT_TIMEOUT_MS = 30_000
CLOSE_SEC = 3.0
ANSWER_SEC = 35.0  # for a statement's answer; by then Postgres has ended the statement
SHOW_OWNER = """SELECT set_config('storax.owner', $1, false), set_config('application_name', $2, false),
set_config('plan_cache_mode', $3, false), set_config('enable_hashjoin', $4, false),
set_config('enable_mergejoin', $4, false), set_config('enable_seqscan', $4, false)"""
# By kind of statement: how its plans are kept, and whether it may join and read without an index.
PLANS = {"": ("auto", "on"), "filter": ("force_custom_plan", "on"), "key": ("force_generic_plan", "off")}
PROBE = "CREATE TEMPORARY TABLE storax_probe AS SELECT repeat('x', 1000) FROM generate_series(1, 32)"


def is_disk_full(error: BaseException) -> bool:
    """Whether Postgres has no room to write. It has no code of its own for a quota or a limit of a file's size."""
    unnamed = isinstance(error, asyncpg.InternalServerError) and "could not extend file" in str(error)
    return unnamed or isinstance(error, asyncpg.DiskFullError)


# Whether a login may take on the role $1. Where it may take on $2 as well, the role must have its privileges here:
# roles are those of all databases of a server, and a migration before the role was there granted it none.
MAY_TAKE_ON = """SELECT pg_has_role(session_user, r.oid, 'MEMBER') AND (
  has_table_privilege(r.oid, to_regclass('heartbeat'), 'UPDATE') OR NOT EXISTS (
    SELECT FROM pg_roles o WHERE o.rolname = $2 AND pg_has_role(session_user, o.oid, 'MEMBER')))
FROM pg_roles r WHERE r.rolname = $1"""


class Database:
    """Two pools, one per role, that lend connections.

    ``owner()`` lends one that shows an owner's rows, ``owner_writing()`` one in a transaction of an owner, ``worker()``
    one that shows all rows. ``session()`` opens a connection for what must hold a lock of its own. One owner holds
    ``at_once`` connections at most.
    """

    def __init__(self, url: str, app: Any, worker: Any, *, at_once: int = 1000, role: str = WORKER_ROLE) -> None:
        self._url, self._app, self._worker, self._role = url, app, worker, role
        self._shares = Shares(at_once, wait=limits.LINE_SEC, of="calls that use the database")
        self.full = ""  # what Postgres said when it could not write; empty while it has room, as far as is known
        self._lent = Lent()
        watch = HalfOpenWatch(self._connect, self._lent, self._close_idle)
        self._watching = asyncio.create_task(watch.run())

    @classmethod
    async def connect(cls, url: str, *, size: int = 12, at_once: int = 1000, role: str = WORKER_ROLE) -> "Database":
        """Open the pools; one owner holds ``at_once`` connections at most.

        ``role`` is that of ``worker()`` and ``session()``; where the login may not take it on, as in a database whose
        roles an earlier release created, or no migration has granted it its privileges yet, it is ``WORKER_ROLE``.
        Raises Unavailable when Postgres does not answer within 10 s.
        """
        try:
            role = role if role == WORKER_ROLE or await _may_take_on(url, role) else WORKER_ROLE
            pools = (_pool(url, APP_ROLE, size, least=0), _pool(url, role, max(2, size // 4), least=1))
            app, worker = await asyncio.gather(*pools)
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
        return cls(url, app, worker, at_once=at_once, role=role)

    @asynccontextmanager
    async def owner(self, owner_id: int, *, by_filter: bool = False, by_key: bool = False) -> AsyncIterator[Connection]:
        """A connection that sees rows of this owner only.

        ``by_filter``: each statement is planned for its own values. A plan that was kept for a common value would read
        the whole store for a rare one. ``by_key``: each statement knows the keys of its rows, keeps its plan, and looks
        rows up by index, as a command does; it may be a command that is one statement.
        """
        kind = "filter" if by_filter else "key" if by_key else ""
        name = f"{APP_ROLE}:{owner_id}{kind and ':' + kind}"
        async with self._shares.of(owner_id), self._lend(self._app) as conn:
            if conn.get_settings().application_name != name:
                await conn.execute(SHOW_OWNER, str(owner_id), name, *PLANS[kind])
            yield conn

    @asynccontextmanager
    async def owner_writing(self, owner_id: int) -> AsyncIterator[Connection]:
        """A transaction for a command of this owner: it sees and writes rows of this owner only."""
        async with self._shares.of(owner_id), self._lend(self._app) as conn, writing(conn, owner_id):
            yield conn

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[Connection]:
        """A connection that sees all rows, for what serves every owner."""
        async with self._lend(self._worker) as conn:
            yield conn

    @asynccontextmanager
    async def session(self, **settings: str) -> AsyncIterator[Connection]:
        """A connection of the role of ``worker()`` outside the pools, with these settings, that ends with the block.

        So do its locks, whatever happened.
        """
        try:
            conn = await asyncpg.connect(
                self._url, **_options(self._role, **settings), connection_class=_Session, timeout=10
            )
        except (*GONE, TimeoutError) as error:
            raise Unavailable(f"Postgres does not answer: {error}", hint="Try again in a moment.") from error
        try:
            await _prepare(conn)
            yield conn
        finally:
            conn.terminate()

    async def probe(self) -> None:
        """Write to a new file, as a table that grows does. Raises Unavailable; else ``full`` is empty afterwards."""
        async with self.worker() as conn:
            transaction = conn.transaction()
            await transaction.start()
            try:
                await conn.execute(PROBE)
            finally:
                await transaction.rollback()
        self.full = ""

    async def close(self) -> None:
        """Close both pools, waiting for calls under way, but not for long for those that nobody answers."""
        self._watching.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SEC):
                await asyncio.gather(self._app.close(), self._worker.close())

    async def _connect(self) -> Connection:
        return await asyncpg.connect(self._url, timeout=10, server_settings={"application_name": "storax_watch"})

    async def _close_idle(self) -> None:
        """Close what lies idle, without a word to an end that may be gone; the next callers open new connections."""
        for pool in (self._app, self._worker):
            for conn in [await pool.acquire(timeout=NEW_SEC) for _ in range(pool.get_idle_size())]:
                conn.terminate()
                await pool.release(conn)

    @asynccontextmanager
    async def _lend(self, pool: Any) -> AsyncIterator[Connection]:
        held = None
        try:
            # With a timeout asyncpg makes a task of it, so only where there may be something to wait for.
            async with pool.acquire(timeout=None if pool.get_idle_size() else 10) as conn:
                held = conn._con
                self._lent.add(held)
                if not held.storax_epoch:
                    await _check_epoch(held)
                yield conn
        except (*GONE, asyncpg.InternalServerError, TimeoutError) as error:
            if is_disk_full(error):
                self.full = str(error)
                raise Unavailable(
                    "Postgres cannot write: its disk is full", hint="Try again with the same key once there is room."
                ) from error
            if isinstance(error, asyncpg.InternalServerError):
                raise
            raise Unavailable("Postgres does not answer", hint="Try again in a moment, with the same key.") from error
        finally:
            self._lent.discard(held)


# The planner knows nothing of the rows in a command's text, nor of tables that grew a minute ago; every join of a
# command goes by a key, so it has to look rows up by their index, and to keep the plan: planning a command anew
# costs as much as running it. One round trip, with the BEGIN.
BEGIN = (
    "BEGIN; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off;"
    " SET LOCAL plan_cache_mode = force_generic_plan"
)


OWNER_OF_TRANSACTION = "; SELECT set_config('storax.owner', '%d', true)"


@asynccontextmanager
async def writing(conn: Connection, owner_id: int | None = None) -> AsyncIterator[Connection]:
    """A transaction for a command, of an owner where one is named: commits at the end, rolls back on any error."""
    try:
        await conn.execute(BEGIN if owner_id is None else BEGIN + OWNER_OF_TRANSACTION % owner_id)
        yield conn
    except BaseException:
        if not conn.is_closed():
            await conn.execute("ROLLBACK")
        raise
    await conn.execute("COMMIT")


class _Session(asyncpg.Connection):  # type: ignore[misc]
    """A connection that remembers whether the epoch was checked, and measures the JSON that it reads."""

    __slots__ = ("json_meter", "storax_epoch")


def _options(role: str, **settings: str) -> dict[str, Any]:
    """Return what every connection of a role is opened with."""
    return {
        "statement_cache_size": 512,
        "command_timeout": ANSWER_SEC,
        "server_settings": {
            "role": role,
            "application_name": role,
            "statement_timeout": str(STATEMENT_TIMEOUT_MS),
            "idle_in_transaction_session_timeout": "10000",
            "jit": "off",
            "timezone": "UTC",
            **SERVER_TCP,
            **settings,
        },
    }


async def _may_take_on(url: str, role: str) -> bool:
    conn = await asyncpg.connect(url, timeout=10)
    try:
        return bool(await conn.fetchval(MAY_TAKE_ON, role, WORKER_ROLE))
    finally:
        await conn.close(timeout=CLOSE_SEC)


async def _pool(url: str, role: str, size: int, *, least: int) -> Any:
    return await asyncio.wait_for(
        asyncpg.create_pool(
            url,
            min_size=least,  # none where a login may not take on the role: of workers on ``storax_app``
            max_size=size,
            init=_prepare,
            connection_class=_Session,
            reset=_keep_settings,
            max_inactive_connection_lifetime=0,
            **_options(role),
        ),
        timeout=10,
    )


async def _prepare(conn: Connection) -> None:
    """jsonb and uuid travel as text both ways: what Postgres stored goes into an answer without being parsed."""
    set_tcp_deadlines(conn)
    conn.json_meter = JsonMeter()
    await conn.set_type_codec("jsonb", encoder=str, decoder=conn.json_meter.decode, schema="pg_catalog")
    await conn.set_type_codec("uuid", encoder=str, decoder=str, schema="pg_catalog")
    conn.storax_epoch = False


async def _check_epoch(conn: Connection) -> None:
    """Have a database that was restored since the last connection begin a new epoch (``epochs.py``).

    One without the function is not migrated yet, as `readyz` says, or is being restored: it is asked again.
    """
    with suppress(asyncpg.UndefinedFunctionError):
        await conn.execute("SELECT storax_check_epoch()")
        conn.storax_epoch = True


async def _keep_settings(_: Connection) -> None:
    """Instead of RESET ALL, which would drop the role with a round trip per call."""
