"""One process at a time in a site folder: a locked file that holds the pid of its owner."""

import fcntl
import os
import time
from pathlib import Path

from storax._runtime.locks import lock
from storax.errors import Conflict

PROBED_SEC = 0.005
PID_CHARS = 32


class AlreadyRunningError(Conflict):
    """Another process holds the lock; ``pid`` is its pid."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"an agent of this site runs already, as process {pid}")
        self.pid = pid


class PidLock:
    """A lock that ends with the process, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def take(self) -> None:
        """Take it.

        Raises:
            AlreadyRunningError: another process has it.
        """
        while (handle := lock(self._path)) is None:
            if (pid := holder(self._path)) is not None:
                raise AlreadyRunningError(pid)
            time.sleep(PROBED_SEC)  # somebody only looked whether it is held, or has not written its pid yet
        self._fd = handle
        write_pid(self._fd)

    def release(self) -> None:
        """Give it back. The file keeps its size, so that the next pid can be written on a full disk."""
        os.pwrite(self._fd, b" " * PID_CHARS, 0)
        os.close(self._fd)


def write_pid(handle: int) -> None:
    """Write the pid of this process into its locked file."""
    os.pwrite(handle, f"{os.getpid()}\n".ljust(PID_CHARS).encode(), 0)


def holder(path: Path) -> int | None:
    """The pid of the process that holds the lock, or None."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(handle, PID_CHARS, 0).strip()
        return int(text) if text.isdigit() else None
    else:
        return None
    finally:
        os.close(handle)
