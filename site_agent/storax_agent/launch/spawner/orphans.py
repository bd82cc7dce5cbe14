"""Orphans: what a job leaves behind outside its process group, as daemons that made a session of their own.

The spawner is the subreaper of all that it starts, so a process whose parents have ended becomes its child and is seen
at once, without a look at every process of the machine. The environment of a process says which job it belongs to. One
that wiped its environment as well is ended when no job runs any more, for until then it may belong to any of them.
"""

import ctypes
import os
import signal
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from storax_agent.launch.process_identity import start_time_of
from storax_agent.launch.spawner.processes import LAUNCHER_VARIABLE, RESULT_VARIABLE
from storax_agent.launch.work import Lease

PR_SET_CHILD_SUBREAPER = 36
MOST_BYTES = 1 << 20
_RESULT = f"{RESULT_VARIABLE}=".encode()


def become_subreaper() -> None:
    """Orphans below this process become its children, not those of process 1."""
    # A kernel without it leaves orphans to process 1; those that keep their environment are still found when stopped.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class OrphanReaper:
    """Finds and ends orphans. ``runs`` tells whether a lease's process is still under watch. ``left`` are those of jobs
    that still run."""

    def __init__(self, launcher: str, runs: Callable[[Lease], bool]) -> None:
        self._launcher = launcher
        self._mark = mark_of(launcher)
        self._runs = runs
        self._children = _open_children()
        self._stopped: set[Lease] = set()
        self.left: set[int] = set()

    def stopped(self, lease: Lease) -> None:
        """This job was ended by force: look for all of it, wherever its parents are."""
        self._stopped.add(lease)

    def sweep(self, watched: Collection[int], *, spared: Collection[int] = ()) -> None:
        """Reap orphans that ended, kill those whose job has ended. Called after ends, and while any are ``left``.

        ``spared`` are workers that wait for their next call.
        """
        if self._stopped:
            self._end_marked()
        if self._children is None:
            return
        orphans = {int(pid) for pid in os.pread(self._children, MOST_BYTES, 0).split()}
        orphans.difference_update(watched, spared)
        if orphans or self.left:
            self._reap(orphans, alone=not watched)

    def _end_marked(self) -> None:
        for lease, pid in marked(self._launcher):
            if lease in self._stopped and not self._runs(lease):
                _kill(pid)
        self._stopped.clear()

    def _reap(self, orphans: set[int], *, alone: bool) -> None:
        self.left = {pid for pid in orphans if not _reaped(pid)}
        for pid in self.left:
            lease = lease_of(pid, self._mark)
            if alone if lease is None else not self._runs(lease):
                _kill(pid)


def _open_children() -> int | None:
    """The kernel's list of this thread's children, kept open: it is read at every end. None where there is none."""
    with suppress(OSError):
        return os.open(f"/proc/self/task/{threading.get_native_id()}/children", os.O_RDONLY | os.O_CLOEXEC)
    return None


def _reaped(pid: int) -> bool:
    with suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    return True


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def mark_of(launcher: str) -> bytes:
    """The variable in the environment of all that the spawner of this state folder starts."""
    return f"{LAUNCHER_VARIABLE}={launcher}".encode()


def unrecorded(launcher: str) -> list[tuple[Lease, int, float]]:
    """Session leaders that the spawner of this state folder started, by their environment: lease, pid, start time.

    Finds the few that a spawner started and was killed before it could write them down.
    """
    leaders = [(lease, pid) for lease, pid in marked(launcher) if _leads(pid)]
    return [(lease, pid, at) for lease, pid in leaders if (at := start_time_of(pid, zombies=True)) is not None]


def marked(launcher: str) -> list[tuple[Lease, int]]:
    """All processes that carry this spawner's mark, with the lease they belong to."""
    mark = mark_of(launcher)
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [(lease, pid) for pid in pids if (lease := lease_of(pid, mark)) is not None]


def lease_of(pid: int, mark: bytes) -> Lease | None:
    """The lease in whose name the spawner of that ``mark`` started a process; None for a stranger."""
    try:
        lines = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        if mark not in lines:
            return None
        result = next(line for line in lines if line.startswith(_RESULT))
        job, epoch, attempt = (int(part) for part in result.rpartition(b"/")[2].removesuffix(b".json").split(b"."))
    except (OSError, StopIteration, ValueError):
        return None
    return Lease(job, epoch, attempt)


def _leads(pid: int) -> bool:
    with suppress(OSError):
        return os.getsid(pid) == pid
    return False
