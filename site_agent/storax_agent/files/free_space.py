"""Whether the folders of a site have room. On a full disk every job fails, and none of them by its own fault."""

import errno
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from storax.errors import StoraxError

SQLITE_FULL = 13  # not from sqlite3, which the spawner does not load
FULL = (errno.ENOSPC, errno.EDQUOT)
CHECK_SEC = 1.0  # between checks while all is well, and while a folder is full
PROBE_SEC = 0.1  # between two files that are written because jobs failed
PROBE_BYTES = 1 << 16


class FullError(StoraxError):
    """A folder of the site has no room; the message names it."""


class FreeSpace:
    """Checks ``folders``; one is full when fewer than ``least_bytes`` are free, or when nothing can be written to it,
    as with a quota. ``reason`` names the one that was full at the last check; ``changed`` is called when there is one
    and when there is none any more."""

    def __init__(
        self, folders: Sequence[Path], least_bytes: int = 0, *, changed: Callable[[], None] = lambda: None
    ) -> None:
        self.least_bytes, self._changed = least_bytes, changed
        self.reason = ""
        self.free_mb: int | None = None  # of the folder with the least room, at the last check
        self._folders = folders
        self._probed_at = self._next = 0.0

    def require(self, least_bytes: int) -> None:
        """Count a folder as full from another number of free bytes on."""
        self.least_bytes, self._next = least_bytes, 0.0

    @property
    def next_check(self) -> float:
        """When ``is_full`` checks again, by the monotonic clock."""
        return self._next

    def is_full(self) -> bool:
        """Whether one of the folders is full, by a check that is not older than ``CHECK_SEC``."""
        if time.monotonic() >= self._next:
            self.check()
        return bool(self.reason)

    def reason_at_end(self, *, failed: bool) -> str:
        """Why a process that has ended may have failed without a fault of its own, perhaps by a quota; else empty."""
        return self.check(write=time.monotonic() - self._probed_at >= PROBE_SEC) if failed else self.reason

    def check(self, *, write: bool = False) -> str:
        """Check now. With ``write``, and after a check that found a folder full, a small file is written to each.
        Returns the reason; empty where none is full."""
        was, now, write = self.reason, time.monotonic(), write or bool(self.reason)
        self._next, self._probed_at = now + CHECK_SEC, now if write else self._probed_at
        sizes = _sizes(self._folders)
        reasons = (_shortage(folder, size, self.least_bytes, write=write) for folder, size in sizes)
        self.reason = next((reason for reason in reasons if reason), "")
        self.free_mb = min((size.f_bavail * size.f_frsize >> 20 for _, size in sizes), default=None)
        if bool(was) != bool(self.reason):
            self._changed()
        return self.reason


def is_full_error(error: BaseException) -> bool:
    """Whether an error says that a disk has no room."""
    full = getattr(error, "sqlite_errorcode", None) == SQLITE_FULL
    return full or (isinstance(error, OSError) and error.errno in FULL)


def _sizes(folders: Sequence[Path]) -> list[tuple[Path, os.statvfs_result]]:
    """Return the folders that can be read, with their file systems; what is wrong with others says so in use."""
    sizes = []
    for folder in folders:
        with suppress(OSError):
            sizes.append((folder, os.statvfs(folder)))
    return sizes


def _shortage(folder: Path, size: os.statvfs_result, least_bytes: int, *, write: bool) -> str:
    """Why a folder is full; empty where it is not."""
    free = (size.f_bavail if os.geteuid() else size.f_bfree) * size.f_frsize
    if free < size.f_frsize:
        return f"{folder} is full: nothing is free"
    if free < least_bytes:
        least = f"the site needs {least_bytes >> 20} (min_free_mb in site.toml)"
        return f"{folder} is full: {free >> 20} MiB are free, and {least}"
    return _refusal(folder) if write else ""


def _refusal(folder: Path) -> str:
    """Why a small file cannot be written to a folder, where that is for lack of room."""
    probe = folder / f".space.{os.getpid()}.{os.urandom(4).hex()}"
    try:
        handle = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        return f"{folder} is full: {error.strerror}" if error.errno in FULL else ""
    try:
        os.posix_fallocate(handle, 0, PROBE_BYTES)
    except OSError as error:
        return f"{folder} is full: {error.strerror}" if error.errno in FULL else ""
    finally:
        os.close(handle)
        with suppress(OSError):
            probe.unlink()
    return ""
