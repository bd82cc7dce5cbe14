"""Check the seals: their chain, their copy outside the database, and the events that they are of.

Events are read once, in order, and hashed here, not by the database. Nothing is kept but one range at a time.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import Any

from storax_core.database import epochs
from storax_core.database.connections import Connection
from storax_core.log import seals
from storax_core.log.seal_store import SealStore
from storax_core.log.seals import Seal

NO_EVENTS = sha256(b"").hexdigest()
FIRST = -(2**63)  # below the first position: what was inserted there counts to the first range
PREFETCH = 500
MOST_PROBLEMS = 100
EVENTS_BEHIND = f"""SELECT position, {seals.TEXT_OF_EVENT} AS text FROM event_log
WHERE position > $1 ORDER BY position"""  # noqa: S608


@dataclass
class SealReport:
    """``seals`` of the database and ``exported`` ones, ``unsealed`` events behind the last, ``archived`` ranges whose
    events were not read, seals ``lost`` in confirmed restores, and ``problems``, each a sentence; ``violations`` counts
    them all."""

    seals: int = 0
    exported: int = 0
    unsealed: int = 0
    archived: int = 0
    lost: int = 0
    violations: int = 0
    problems: list[str] = field(default_factory=list)

    def problem(self, sentence: str) -> None:
        """Note a violation."""
        self.violations += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(sentence)


class Ranges:
    """The events behind a position, in order, range by range."""

    def __init__(self, conn: Connection, after: int) -> None:
        self._rows: AsyncIterator[Any] = aiter(conn.cursor(EVENTS_BEHIND, after, prefetch=PREFETCH))
        self._next: Any = None

    async def take(self, high: int) -> tuple[int, str]:
        """The number of events up to ``high`` that were not taken yet, and their root."""
        number, root = 0, sha256()
        while (row := await self._peek()) is not None and row["position"] <= high:
            number, self._next = number + 1, None
            root.update(sha256(row["text"].encode()).digest())
        return number, root.hexdigest()

    async def _peek(self) -> Any:
        self._next = self._next or await anext(self._rows, None)
        return self._next


class Exported:
    """The exported chain of now, in order, and the restores that an operator has confirmed in it.

    What a running server adds later is left out: a snapshot of the database that begins after this does not have it.
    """

    def __init__(self, store: SealStore, key: bytes) -> None:
        self._first: dict[int, int] = {}  # epoch -> the number of its first seal
        self._restores: list[Seal] = []
        total = 0
        for line in store.read():
            total += 1
            if line.kind == seals.RESTORE:
                self._restores += [line] if _is_genuine(line, key) else []
            else:
                self._first.setdefault(line.epoch, line.number)
        self._lines: Iterator[Seal] = (line for line in islice(store.read(), total) if line.kind != seals.RESTORE)
        self._next: Seal | None = next(self._lines, None)
        self.number = 0

    def up_to(self, number: int) -> Iterator[tuple[Seal, bool]]:
        """The lines up to a seal's number, each with whether a later epoch replaced it."""
        while self._next is not None and (self._is_replaced(self._next) or self._next.number <= number):
            self.number += 1
            yield self._next, self._is_replaced(self._next)
            self._next = next(self._lines, None)

    def explains(self, line: Seal) -> bool:
        """Whether a confirmed restore lost this seal, or events of it."""
        return any(restore.epoch > line.epoch and _is_behind(line, restore) for restore in self._restores)

    def _is_replaced(self, line: Seal) -> bool:
        return any(epoch > line.epoch and first <= line.number for epoch, first in self._first.items())


def _is_behind(line: Seal, restore: Seal) -> bool:
    """Whether a restore did not keep a seal. An archive is of old events, so its own place in the chain counts."""
    return line.number > restore.number if line.kind == seals.ARCHIVE else line.high > restore.high


async def check(conn: Connection, *, exported: Exported | None = None, key: bytes = b"", first: int = 1) -> SealReport:
    """Check all seals in this transaction, which sees one snapshot. ``exported`` was read before it began.

    The events of seals before number ``first`` are not read.
    """
    report, chain = SealReport(), Chain(key)
    epoch = (await epochs.current(conn)).number
    archived = await conn.fetch("SELECT low, high FROM seal WHERE kind = 'archive' ORDER BY low")
    start = await conn.fetchval("SELECT max(high) FROM seal WHERE kind = 'events' AND number < $1", first)
    ranges = Ranges(conn, FIRST if start is None else start)
    async for row in conn.cursor(seals.ALL, prefetch=PREFETCH):
        seal = seals.of_row(row)
        for sentence in chain.faults(seal):
            report.problem(sentence)
        if exported:
            _compare(report, exported, seal, epoch)
        if seal.kind == seals.EVENTS and seal.number >= first:
            if any(low <= seal.low and seal.high <= high for low, high in archived):
                report.archived += 1
            else:
                _compare_events(report, seal, *await ranges.take(seal.high))
    report.seals = chain.number
    if exported:
        _compare_rest(report, exported, epoch)
        report.exported = exported.number
    report.unsealed = (await ranges.take(2**63 - 1))[0]
    return report


class Chain:
    """Follows the chain of the database's seals."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.number = self._high = self._epoch = 0
        self._digest = ""

    def faults(self, seal: Seal) -> Iterator[str]:
        """What is wrong with the next seal."""
        if seal.number != self.number + 1:
            yield f"seal {seal.number} follows seal {self.number}: those between were removed"
        elif seal.previous != self._digest or seal.epoch < self._epoch:
            yield f"{name_of(seal)} does not continue the seal before it"
        if seal.form != seals.FORM:
            yield f"{name_of(seal)} has form {seal.form}, which this program does not know"
        if seal.digest != seal.expected_digest():
            yield f"{name_of(seal)} was changed"
        elif not _is_genuine(seal, self._key):
            yield f"{name_of(seal)} is not signed with this key"
        if seal.kind == seals.EVENTS:
            if seal.low != self._high or seal.high <= seal.low:
                yield f"{name_of(seal)} does not begin where the one before it ends, at {self._high}"
            self._high = seal.high
        self.number, self._digest, self._epoch = seal.number, seal.digest, seal.epoch


def name_of(seal: Seal) -> str:
    """How sentences name a seal."""
    return f"seal {seal.number} (positions {seal.low + 1} to {seal.high})"


def _is_genuine(seal: Seal, key: bytes) -> bool:
    return not key or seal.mac == seals.mac_of(seal.expected_digest(), key)


def _compare_events(report: SealReport, seal: Seal, number: int, root: str) -> None:
    if number != seal.events:
        what = "events were removed" if number < seal.events else "events were inserted"
        report.problem(f"{name_of(seal)}: {what}: {seal.events} were sealed, {number} are there")
    elif root != seal.root:
        report.problem(
            f"{name_of(seal)}: an event was changed, replaced or moved: the {number} there were not sealed so"
        )


def _compare(report: SealReport, exported: Exported, seal: Seal, epoch: int) -> None:
    """Compare the exported lines up to a seal of the database with it."""
    for line, replaced in exported.up_to(seal.number):
        if replaced or line.number != seal.number or line.digest != seal.digest:
            _missing(report, exported, line, epoch)


def _compare_rest(report: SealReport, exported: Exported, epoch: int) -> None:
    """What was exported and is behind the last seal of the database."""
    for line, _ in exported.up_to(2**63):
        _missing(report, exported, line, epoch)


def _missing(report: SealReport, exported: Exported, line: Seal, epoch: int) -> None:
    """An exported seal that is not in the database: lost in a restore that was confirmed, or removed."""
    if exported.explains(line):
        report.lost += 1
        return
    hint = "; after a restore, confirm it with `storax admin mark-restored`" if line.epoch < epoch else ""
    gone = "its events, or it, were removed or replaced"
    report.problem(f"{name_of(line)} was exported and is not in the database: {gone}{hint}")


def read_export(store: SealStore | None, key: bytes) -> Exported | None:
    """Open the exported chain; None without a store. Raises CoreError where it cannot be read."""
    return Exported(store, key) if store else None
