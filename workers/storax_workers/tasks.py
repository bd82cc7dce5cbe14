"""The tasks that RQ runs. Each is idempotent and finds its work in Postgres, so a lost or doubled run is harmless."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from storax_core.commands import idempotency, leases
from storax_core.database import heartbeats, login_failures, roles, upkeep
from storax_core.database.connections import UPKEEP_ROLE, Connection, Database, writing
from storax_core.log import sealing
from storax_core.log.sealing import Sealing
from storax_core.settings import Settings
from storax_workers.webhooks import shift

TASK_SEC = 45.0  # for one run
LEAST_LIMIT_SEC = 60  # between two heartbeats of the sweep, which RQ may start late


def _with_database(work: Callable[[Database], Awaitable[Any]], *, size: int = 2) -> Any:
    async def run() -> Any:
        db = await Database.connect(Settings().database_url, size=size, role=UPKEEP_ROLE)
        try:
            async with asyncio.timeout(TASK_SEC):
                return await work(db)
        finally:
            await db.close()

    return asyncio.run(run())


def _in_transaction(work: Callable[[Connection], Awaitable[Any]]) -> Any:
    async def run(db: Database) -> Any:
        async with db.worker() as conn, writing(conn):
            return await work(conn)

    return _with_database(run)


def check_login() -> None:
    """Warn of a login that may more than tasks need. Raises Unavailable without Postgres."""
    _with_database(roles.excess)


def sweep_sessions() -> int:
    """End the sessions of all owners whose heartbeat timed out; their jobs run again elsewhere."""
    total = 0
    while True:
        ended = int(_in_transaction(_sweep))
        total += ended
        if ended < leases.AT_ONCE:
            return total


async def _sweep(conn: Connection) -> int:
    ended = await leases.expire(conn)
    await heartbeats.beat(conn, heartbeats.SWEEPER, max(LEAST_LIMIT_SEC, 3 * Settings().sweep_sec))
    return ended


def forget_commands() -> None:
    """Drop idempotency keys that no client can still be repeating, and counts of old failed logins and deleted Apps."""
    _in_transaction(idempotency.forget_old)
    _in_transaction(upkeep.forget_deleted_apps)
    _in_transaction(login_failures.forget_old)


def deliver_events() -> None:
    """Post events to webhooks for a while, or where there is none that is enabled, not at all."""
    _with_database(lambda db: shift.run(db, Settings(), seconds=shift.SHIFT_SEC), size=16)


def seal_log() -> None:
    """Seal the events that are final, and export the seals."""
    settings = Settings()
    how = Sealing.of(settings.seal_export, settings.seal_key_file)

    async def run(db: Database) -> None:
        async with db.worker() as conn:
            await sealing.run(conn, how)

    _with_database(run)
