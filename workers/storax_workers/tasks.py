"""The tasks that RQ runs. Each is idempotent and finds its work in Postgres, so a lost or doubled run is harmless."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from storax_core.commands import idempotency, leases
from storax_core.database.connections import Connection, Database, writing
from storax_core.log import sealing
from storax_core.log.sealing import Sealing
from storax_core.settings import Settings


def _with_database(work: Callable[[Connection], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        db = await Database.connect(Settings().database_url, size=2)
        try:
            async with db.worker() as conn, writing(conn):
                return await work(conn)
        finally:
            await db.close()

    return asyncio.run(run())


def sweep_sessions() -> int:
    """End the sessions of all owners whose heartbeat timed out; their jobs run again elsewhere."""
    total = 0
    while True:
        ended = int(_with_database(leases.expire))
        total += ended
        if ended < leases.AT_ONCE:
            return total


def forget_commands() -> None:
    """Drop idempotency keys that no client can still be repeating."""
    _with_database(idempotency.forget_old)


def seal_log() -> None:
    """Seal the events that are final, and export the seals."""
    settings = Settings()
    how = Sealing.of(settings.seal_export, settings.seal_key_file)

    async def run() -> None:
        db = await Database.connect(settings.database_url, size=2)
        try:
            async with db.worker() as conn:
                await sealing.run(conn, how)
        finally:
            await db.close()

    asyncio.run(run())
