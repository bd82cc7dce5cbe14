"""Seal the log, and mark a restored database, as an operator."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from storax_core.database import epochs
from storax_core.database.connections import Connection, Database
from storax_core.database.epochs import Epoch
from storax_core.log import sealing, seals
from storax_core.log.sealing import Sealing

FOREVER_SEC = 1e9


async def seal(url: str, place: str, key_file: str) -> tuple[int, int]:
    """Seal everything that is final. Returns the numbers of new seals and of exported ones."""
    how = Sealing.of(place, key_file)
    async with _opened(url) as conn:
        return await sealing.run(conn, how, seconds=FOREVER_SEC)


async def mark_restored(url: str, reason: str, place: str, key_file: str) -> Epoch:
    """Begin a new epoch; confirm in the exported seals that those of the time after the backup are lost."""
    how = Sealing.of(place, key_file)
    async with _opened(url) as conn:
        epoch = await epochs.raise_epoch(conn, reason)
        if store := how.store:
            await sealing.export(conn, store)
            kept = await seals.last(conn)
            line = seals.confirmed_restore(kept, epoch.number, epoch.kept_position, epoch.raised_at, key=how.key)
            store.add([line])
    return epoch


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Connection]:
    """A connection that serves all users."""
    db = await Database.connect(url, size=2)
    try:
        async with db.worker() as conn:
            yield conn
    finally:
        await db.close()
