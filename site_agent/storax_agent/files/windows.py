"""Read a window of a regular file below the data folder, without following a symlink."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from storax_agent.files.safe_path import FOLDER, PathError, open_folder, open_parent

LARGEST = 1 << 20  # bytes of one window
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe must not block


@dataclass(frozen=True)
class Window:
    """Bytes of a file from ``offset`` on; ``size`` is that of the whole file, ``inode`` tells it from another."""

    data: bytes
    offset: int
    size: int
    inode: int


@contextmanager
def workdir_of(data: Path, workdir: str) -> Iterator[int]:
    """Open the workdir of a job below the folder ``data``, for the block.

    Raises:
        PathError: it leaves the data folder, or goes through a symlink.
        OSError: it cannot be opened, as a missing folder.
    """
    root = os.open(data, FOLDER)
    try:
        folder = open_folder(root, workdir)
    finally:
        os.close(root)
    try:
        yield folder
    finally:
        os.close(folder)


def holds(folder: int, name: str) -> bool:
    """Return whether the open folder has a regular file of this name."""
    with suppress(OSError):
        return stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    return False


def read_window(workdir: int, path: str, *, offset: int, size: int) -> Window:
    """Read at most ``size`` bytes, 1 MiB at most, of a file in the open workdir of a job.

    A negative ``offset`` counts from the end of the file.

    Raises:
        PathError: the path leaves the workdir, goes through a symlink, or names no regular file.
        OSError: it cannot be read, as a missing file.
    """
    folder, name = open_parent(workdir, path)
    try:
        handle = _open(folder, name)
    finally:
        os.close(folder)
    try:
        return _read(handle, path, offset, min(size, LARGEST))
    finally:
        os.close(handle)


def _open(folder: int, name: str) -> int:
    try:
        return os.open(name, _READ, dir_fd=folder)
    except OSError as error:
        if Path(f"/proc/self/fd/{folder}/{name}").is_symlink():
            raise PathError(f"{name[:200]!r} is a symlink") from error
        raise


def _read(handle: int, path: str, offset: int, size: int) -> Window:
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        raise PathError(f"{path[:200]!r} is no regular file")
    begin = max(0, status.st_size + offset) if offset < 0 else offset
    return Window(os.pread(handle, size, begin), begin, status.st_size, status.st_ino)
