"""The leases that this agent holds, and the one session they belong to."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from storax.errors import NotFound
from storax_agent.launch.work import Cause, Lease, Started, Work

MEMORY = 4096  # ended leases kept in mind
T = TypeVar("T")


@dataclass
class LeaseEntry:
    """One lease of the agent. ``work`` is kept until the process started, to give it to the launcher again;
    ``stopping`` is why it was asked to end, ``started_at`` is Unix time, 0 before the start."""

    session: int
    cores: int
    work: Work | None = None
    stopping: Cause | None = None
    started_at: float = 0.0


class LeaseTable:
    """All held leases, and which ended a moment ago. Used by one thread."""

    def __init__(self) -> None:
        self._entries: dict[Lease, LeaseEntry] = {}
        self._by_job: dict[tuple[int, int], Lease] = {}
        self._ended: dict[Lease, None] = {}
        self.cores = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, lease: Lease) -> bool:
        return lease in self._entries

    def add(self, lease: Lease, entry: LeaseEntry) -> None:
        """A lease was taken."""
        self._entries[lease] = entry
        self._by_job[lease.job_id, lease.epoch] = lease
        self.cores += entry.cores

    def started(self, started: Iterable[Started]) -> None:
        """Their processes run: no need to start them again."""
        for start in started:
            entry = self._entries.get(start.lease)
            if entry is not None:
                entry.work, entry.started_at = None, start.at

    def started_at(self, lease: Lease, *, ended_at: float) -> float:
        """When its process started; ``ended_at`` where nobody knows."""
        entry = self._entries.get(lease)
        return (entry.started_at if entry else 0.0) or ended_at

    def drop(self, lease: Lease, *, remember: bool = True) -> None:
        """A lease ended; with ``remember``, ``ended_recently`` knows it for a while."""
        entry = self._entries.pop(lease, None)
        if entry is not None:
            self.cores -= entry.cores
            del self._by_job[lease.job_id, lease.epoch]
        if remember:
            if len(self._ended) == MEMORY:
                del self._ended[next(iter(self._ended))]
            self._ended[lease] = None

    def forget(self, lease: Lease) -> None:
        """Remember no end of it."""
        self._ended.pop(lease, None)

    def ended_recently(self, lease: Lease) -> bool:
        """Whether it was dropped, and a late answer brings it again."""
        return lease in self._ended

    def find(self, job_id: int, epoch: int) -> Lease | None:
        """The held lease of a job under that epoch."""
        return self._by_job.get((job_id, epoch))

    def find_all(self, pairs: Iterable[tuple[int, int]]) -> list[Lease]:
        """The held leases of these jobs under those epochs."""
        return [lease for pair in pairs if (lease := self.find(*pair)) is not None]

    def of_session(self, session: int) -> list[Lease]:
        """The leases that came with one session."""
        return [lease for lease, entry in self._entries.items() if entry.session == session]

    def not_started(self) -> list[Work]:
        """Work whose process has not been seen to start."""
        return [entry.work for entry in self._entries.values() if entry.work is not None]

    def stop(self, leases: Iterable[Lease], cause: Cause) -> None:
        """These were asked to end; the first cause stays."""
        for lease in leases:
            if (entry := self._entries.get(lease)) is not None:
                entry.stopping = entry.stopping or cause

    def stopping(self) -> dict[Cause, list[Lease]]:
        """Leases that were asked to end, by cause."""
        by_cause: dict[Cause, list[Lease]] = {}
        for lease, entry in self._entries.items():
            if entry.stopping is not None:
                by_cause.setdefault(entry.stopping, []).append(lease)
        return by_cause

    def all(self) -> list[Lease]:
        """Every lease."""
        return list(self._entries)


class SessionKeeper:
    """The current session, opened when first needed and again after it was lost. Safe for threads."""

    def __init__(
        self, open_session: Callable[[], int], *, on_open: Callable[[int], None], on_lost: Callable[[int], None]
    ) -> None:
        self._open = open_session
        self._on_open = on_open
        self._on_lost = on_lost
        self._lock = threading.Lock()
        self._current: int | None = None

    def resume(self, session: int) -> None:
        """Take up the session of an earlier run; it may turn out to be lost."""
        self._current = session

    @property
    def current(self) -> int | None:
        """The session, if there is one."""
        return self._current

    def ensure(self) -> int:
        """The session; opens one where there is none."""
        with self._lock:
            if self._current is None:
                self._current = self._open()
                self._on_open(self._current)
            return self._current

    def use(self, call: Callable[[int], T]) -> T:
        """``call`` with the session; when the server does not know it any more, its leases are lost.

        Raises:
            NotFound: the session was lost; the next call opens another.
        """
        session = self.ensure()
        try:
            return call(session)
        except NotFound:
            self.end_session(session)
            raise

    def end_session(self, session: int) -> None:
        """The server has ended ``session``."""
        with self._lock:
            if self._current != session:
                return
            self._current = None
        self._on_lost(session)
