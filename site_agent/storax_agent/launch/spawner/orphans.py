"""What a job leaves behind outside its process group: daemons that made a session of their own.

The launcher is the subreaper of all it starts, so a process whose parents have ended becomes its child and can be
found at once, without a look at every process of the machine. Whose it is, its environment tells. One that wiped its
environment as well is ended when no job runs any more, for until then it may belong to any of them.
"""

import ctypes
import os
import signal
import threading
from collections.abc import Callable, Collection
from contextlib import suppress

from storax_agent.launch.base import Lease
from storax_agent.launch.spawner import processes

PR_SET_CHILD_SUBREAPER = 36
MOST_BYTES = 1 << 20


def become_subreaper() -> None:
    """Orphans below this process become its children, not those of process 1."""
    # A kernel without it leaves orphans to process 1; those that keep their environment are still found when stopped.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Escapes:
    """Finds and ends them. ``runs`` tells whether a lease's process is still under watch."""

    def __init__(self, launcher: str, runs: Callable[[Lease], bool]) -> None:
        self._launcher = launcher
        self._mark = f"{processes.LAUNCHER_VARIABLE}={launcher}".encode()
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
        found = {int(pid) for pid in os.pread(self._children, MOST_BYTES, 0).split()}
        found.difference_update(watched, spared)
        if found or self.left:
            self._sort_out(found, alone=not watched)

    def _end_marked(self) -> None:
        for lease, pid in processes.marked(self._launcher):
            if lease in self._stopped and not self._runs(lease):
                _kill(pid)
        self._stopped.clear()

    def _sort_out(self, orphans: set[int], *, alone: bool) -> None:
        self.left = {pid for pid in orphans if not _reaped(pid)}
        for pid in self.left:
            lease = processes.lease_of(pid, self._mark)
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
