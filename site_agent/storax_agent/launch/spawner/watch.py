"""The processes under watch: their ends, their wall times, and stopping them."""

import heapq
import os
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from storax_agent.launch.process_identity import foreign_exit, now_since_boot
from storax_agent.launch.work import Cause, Ended, Lease, Started

KILL_GRACE_SEC = 5.0  # from SIGTERM to SIGKILL at the end of the wall time


class Process:
    """One process under watch; ``cause`` is why it was asked to end, None while nobody asked."""

    __slots__ = ("adopted", "cause", "message", "started")

    def __init__(self, started: Started, *, adopted: bool) -> None:
        self.started = started
        self.adopted = adopted
        self.cause: Cause | None = None
        self.message = ""


class Watch:
    """All processes by pidfd; it calls ``on_end`` for each end."""

    def __init__(self, epoll: select.epoll, on_end: Callable[[Started, Ended], None]) -> None:
        self._epoll = epoll
        self._on_end = on_end
        self._processes: dict[int, Process] = {}
        self._handles: dict[Lease, int] = {}
        self._timers: list[tuple[float, Lease, Cause]] = []

    def __len__(self) -> int:
        return len(self._processes)

    def __contains__(self, lease: Lease) -> bool:
        return lease in self._handles

    def add(self, started: Started, handle: int, *, adopted: bool = False, worker: bool = False) -> None:
        """Wait for the end of a process and of its wall time; the pool of workers calls ``reap`` for a ``worker``."""
        # Once only: the copies that children hold for a moment would otherwise keep a closed pidfd reporting.
        if not worker:
            self._epoll.register(handle, select.EPOLLIN | select.EPOLLONESHOT)
        self._processes[handle] = Process(started, adopted=adopted)
        self._handles[started.lease] = handle
        if started.wall_sec:
            spent = time.time() - started.at if started.stage else now_since_boot() - started.start_time
            left = started.wall_sec - spent
            self._later(left, started.lease, "wall_time")

    @property
    def running(self) -> list[Started]:
        """What is under watch."""
        return [process.started for process in self._processes.values()]

    @property
    def pids(self) -> set[int]:
        """Their pids."""
        return {process.started.pid for process in self._processes.values()}

    def release(self, lease: Lease) -> tuple[Started, Cause | None, str]:
        """A call has ended and its worker lives on; returns the call, why it was asked to end, and a message."""
        process = self._processes.pop(self._handles.pop(lease))
        return process.started, process.cause, process.message

    def owns(self, handle: int) -> bool:
        """Whether this ready descriptor is a process that ended."""
        return handle in self._processes

    def reap(self, handle: int) -> None:
        """A process ended: end what it left in its group, learn its exit code."""
        process = self._processes.pop(handle)
        started = process.started
        # Before the zombie is reaped its pid cannot be reused, so the group is certainly this job's.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(started.pid, signal.SIGKILL)
        code = _exit_code(process, handle)
        os.close(handle)
        del self._handles[started.lease]
        cause = process.cause or ("exit" if code is not None else "lost")
        ended = Ended(started.lease, time.time(), code, cause, process.message, started.workdir, True, started.stage)
        self._on_end(started, ended)

    def stop(self, lease: Lease, *, cause: Cause, grace: float, message: str = "") -> None:
        """Ask a process to end, kill it ``grace`` seconds later; a second call changes nothing."""
        handle = self._handles.get(lease)
        if handle is None or self._processes[handle].cause is not None:
            return
        self._processes[handle].cause = cause
        self._processes[handle].message = message
        _signal(self._processes[handle], signal.SIGTERM)
        self._later(grace, lease, cause)

    def next_due(self) -> float | None:
        """When ``expire`` has something to do, by the monotonic clock."""
        return self._timers[0][0] if self._timers else None

    def expire(self) -> None:
        """Act on the timers that are due: the wall time asks, every other one kills."""
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            _, lease, cause = heapq.heappop(self._timers)
            handle = self._handles.get(lease)
            if handle is None:
                continue
            if self._processes[handle].cause is None:
                minutes = self._processes[handle].started.wall_sec / 60
                self.stop(lease, cause=cause, grace=KILL_GRACE_SEC, message=f"it reached its limit of {minutes:g} min")
            elif self._processes[handle].cause == cause:
                _signal(self._processes[handle], signal.SIGKILL)

    def _later(self, seconds: float, lease: Lease, cause: Cause) -> None:
        if len(self._timers) > 2 * len(self._handles) + 64:  # those of ended processes
            self._timers = [timer for timer in self._timers if timer[1] in self._handles]
            heapq.heapify(self._timers)
        heapq.heappush(self._timers, (time.monotonic() + seconds, lease, cause))


def _exit_code(process: Process, handle: int) -> int | None:
    if process.adopted:
        return foreign_exit(process.started.pid, handle)
    return os.waitstatus_to_exitcode(os.waitpid(process.started.pid, 0)[1])


def _signal(process: Process, number: signal.Signals) -> None:
    """Signal the whole process group; a stopped one is continued, or it could not end."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.started.pid, number)
        if number == signal.SIGTERM:
            os.killpg(process.started.pid, signal.SIGCONT)
