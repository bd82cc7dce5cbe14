"""The leases that this agent holds, and the one session they belong to."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from storax.errors import NotFound
from storax_agent.launch.base import Cause, Lease, Started, Work

T = TypeVar("T")


@dataclass
class Held:
    """One lease in the agent's hands. ``work`` is kept until the process started, to give it to the launcher again;
    ``stopping`` is why it was asked to end."""

    session: int
    cores: int
    work: Work | None = None
    stopping: Cause | None = None


class Holdings:
    """All held leases. Used by one thread."""

    def __init__(self) -> None:
        self._held: dict[Lease, Held] = {}
        self._by_job: dict[tuple[int, int], Lease] = {}
        self.cores = 0

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, lease: Lease) -> bool:
        return lease in self._held

    def add(self, lease: Lease, held: Held) -> None:
        """A lease was taken."""
        self._held[lease] = held
        self._by_job[lease.job_id, lease.epoch] = lease
        self.cores += held.cores

    def started(self, started: Iterable[Started]) -> None:
        """Their processes run: no need to start them again."""
        for start in started:
            held = self._held.get(start.lease)
            if held is not None:
                held.work = None

    def drop(self, lease: Lease) -> None:
        """A lease ended."""
        held = self._held.pop(lease, None)
        if held is not None:
            self.cores -= held.cores
            del self._by_job[lease.job_id, lease.epoch]

    def find(self, job_id: int, epoch: int) -> Lease | None:
        """The held lease of a job under that epoch."""
        return self._by_job.get((job_id, epoch))

    def of_session(self, session: int) -> list[Lease]:
        """The leases that came with one session."""
        return [lease for lease, held in self._held.items() if held.session == session]

    def not_started(self) -> list[Work]:
        """Work whose process has not been seen to start."""
        return [held.work for held in self._held.values() if held.work is not None]

    def stop(self, leases: Iterable[Lease], cause: Cause) -> None:
        """These were asked to end; the first cause stays."""
        for lease in leases:
            if (held := self._held.get(lease)) is not None:
                held.stopping = held.stopping or cause

    def stopping(self) -> dict[Cause, list[Lease]]:
        """Leases that were asked to end, by cause."""
        found: dict[Cause, list[Lease]] = {}
        for lease, held in self._held.items():
            if held.stopping is not None:
                found.setdefault(held.stopping, []).append(lease)
        return found

    def all(self) -> list[Lease]:
        """Every lease."""
        return list(self._held)


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
            self.lose(session)
            raise

    def lose(self, session: int) -> None:
        """The server has ended ``session``."""
        with self._lock:
            if self._current != session:
                return
            self._current = None
        self._on_lost(session)
