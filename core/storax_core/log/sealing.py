"""One round of sealing: seal what is final, then copy the new seals to where they are kept outside the database."""

import time
from dataclasses import dataclass
from pathlib import Path

from storax_core.database import epochs
from storax_core.database.connections import Connection
from storax_core.errors import Conflict, Invalid
from storax_core.log import seals, watermark
from storax_core.log.seal_store import SealStore, open_store
from storax_core.log.seals import Seal

PAGE = 1000  # seals copied at once
LONGEST_SEC = 40.0  # of one round; the next goes on


@dataclass(frozen=True)
class Sealing:
    """How this server seals: ``place`` takes the seals (a path or s3://bucket/prefix; empty: none), ``key`` signs."""

    place: str = ""
    key: bytes = b""

    @classmethod
    def of(cls, place: str, key_file: str) -> "Sealing":
        """Read the key from its file. Raises Invalid where there is none."""
        try:
            return cls(place, Path(key_file).read_bytes().strip() if key_file else b"")
        except OSError as error:
            raise Invalid(f"the sealing key {key_file} cannot be read: {error.strerror}") from error

    @property
    def store(self) -> SealStore | None:
        """Where seals are kept; None: in the database alone."""
        return open_store(self.place) if self.place else None


async def run(conn: Connection, sealing: Sealing, *, seconds: float = LONGEST_SEC) -> tuple[int, int]:
    """Seal and export for at most ``seconds``. Returns the numbers of new seals and of exported ones.

    A log that ends before its exported seals was restored: that raises the epoch. Raises Conflict where the exported
    seals are not those of the database.
    """
    store, until = sealing.store, time.monotonic() + seconds
    if store:
        await _check_restored(conn, store)
    upto, number = await watermark.final(conn), 0
    while time.monotonic() < until:
        async with conn.transaction():
            added = await seals.add(conn, upto, key=sealing.key)
        number += len(added)
        if len(added) < seals.SEALS_AT_ONCE:
            break
    return number, await export(conn, store) if store else 0


async def _check_restored(conn: Connection, store: SealStore) -> None:
    known, epoch = store.last(), await epochs.current(conn)
    if known is None or known.epoch != epoch.number or known.high <= await epochs.last_event(conn):
        return
    why = f"the seals in {store.name} reach position {known.high}, and the log does not"
    await epochs.raise_epoch(conn, why, beyond=known.high)


async def export(conn: Connection, store: SealStore) -> int:
    """Copy the seals that the store does not have. Returns how many. Raises Conflict where the chains differ."""
    number, total = await _first_missing(conn, store.last(), store.name) - 1, 0
    while page := await seals.after(conn, number, PAGE):
        store.add(page)
        number, total = page[-1].number, total + len(page)
    return total


async def _first_missing(conn: Connection, known: Seal | None, name: str) -> int:
    """The number of the first seal to copy, behind the last one that was."""
    if known is None:
        return 1
    digest = known.previous if known.kind == seals.RESTORE else known.digest
    same = await seals.after(conn, known.number - 1, 1) if known.number else []
    if not digest or (same and (same[0].number, same[0].digest) == (known.number, digest)):
        return known.number + 1
    if (epoch := await epochs.current(conn)).number > known.epoch:
        return await seals.first_of_epoch(conn, known.epoch + 1)
    raise Conflict(
        f"the last seal in {name}, number {known.number}, is not in the database, which is in epoch {epoch.number}",
        hint="Run `storax admin verify`: seals were removed or replaced.",
    )
