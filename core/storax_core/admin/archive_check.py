"""Check archives: their files against their rows, and the events in them against the seals of the log."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from storax_core.database.connections import Connection
from storax_core.errors import Conflict
from storax_core.log import seals
from storax_core.log.archive import archives, baseline
from storax_core.log.archive.archives import Archive
from storax_core.log.seals import Seal

SEALS_OF = f"""SELECT {", ".join(seals.COLUMNS)} FROM seal WHERE kind = 'events' AND low >= $1 AND high <= $2
ORDER BY number"""  # noqa: S608
RECORDED = "SELECT low, high, root FROM seal WHERE kind = 'archive' ORDER BY number"


def event_problems(rows: Iterable[Sequence[Mapping[str, Any]]], ranges: Sequence[Seal]) -> Iterator[str]:
    """What differs between events, in order, and the seals of their range; nothing where all is as it was sealed."""
    events = (row for batch in rows for row in batch)
    event = next(events, None)
    for seal in ranges:
        number, root = 0, sha256()
        while event is not None and event["position"] <= seal.high:
            root.update(sha256(archives.files().text(event).encode()).digest())
            number, event = number + 1, next(events, None)
        if (number, root.hexdigest()) != (seal.events, seal.root):
            yield f"its events up to position {seal.high} are not those of seal {seal.number}"
    if event is not None:
        yield f"it has events behind position {ranges[-1].high if ranges else 0}"


async def check(conn: Connection) -> tuple[int, list[str]]:
    """Check all archives in this transaction. Returns how many there are, and a sentence for each problem."""
    known = await archives.all_of(conn)
    problems = [*_chain_problems(known, await conn.fetch(RECORDED))]
    for archive in known:
        of_range = [seals.of_row(row) for row in await conn.fetch(SEALS_OF, archive.low, archive.high)]
        problems += [f"{archive.name}: {sentence}" for sentence in _file_problems(archive, of_range)]
    if await baseline.root(conn) != (known[-1].baseline_root if known else sha256().hexdigest()):
        problems.append("the baseline in the database is not that of the last archive")
    return len(known), problems


def _chain_problems(known: Sequence[Archive], recorded: Sequence[Any]) -> Iterator[str]:
    """Whether each archive has its seal, and each seal its archive, without a gap from the beginning."""
    rows = {(archive.low, archive.high, archive.root): archive for archive in known}
    sealed = {(row["low"], row["high"], row["root"]) for row in recorded}
    yield from (f"{archive.name} was changed, or has no seal" for key, archive in rows.items() if key not in sealed)
    for low, high, _ in sorted(sealed - rows.keys()):
        yield f"the archive of positions {low + 1} to {high} was sealed, and is not in the database so"
    before = 0
    for archive in known:
        if archive.low != before:
            yield f"{archive.name} does not begin where the one before it ends, at {before}"
        before = archive.high


def _file_problems(archive: Archive, of_range: Sequence[Seal]) -> Iterator[str]:
    files = archives.files()
    try:
        yield from event_problems(files.rows(archive.events_path()), of_range)
        root = files.root(row for rows in files.rows(archive.baseline_path()) for row in rows)
        if root != archive.baseline_root:
            yield f"{archive.baseline_file} does not hold the baseline that was archived"
    except Conflict as error:
        yield error.detail
