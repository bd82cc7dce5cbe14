"""A lock on a file that ends with its holder, however the holder ends: flock(2). Why no library: docs/decisions.md."""

import fcntl
import os
from pathlib import Path


def lock(path: Path, *, wait: bool = False) -> int | None:
    """Lock a file, which is made where it is missing.

    Args:
        path: The file to lock; its content is left alone.
        wait: Block until another holder releases it.

    Returns:
        A file descriptor, or None when another process holds the lock. The lock lasts until the descriptor is closed in
        this process and in every child that was forked from it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(handle)
        return None
    return handle
