"""Read a window of a regular file below the data folder, without following a symlink."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from storax_agent.files.safe_path import FOLDER, PathError, open_parent, split

LARGEST = 1 << 20  # bytes of one window
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe must not block


@dataclass(frozen=True)
class Window:
    """Bytes of a file from ``offset`` on; ``size`` is that of the whole file, ``inode`` tells it from another."""

    data: bytes
    offset: int
    size: int
    inode: int


def read_window(data: Path, workdir: str, path: str, *, offset: int, size: int) -> Window:
    """Read at most ``size`` bytes, 1 MiB at most, of the file ``path`` in a job's workdir below the folder ``data``.

    A negative ``offset`` counts from the end of the file.

    Raises:
        PathError: the path leaves the workdir, goes through a symlink, or names no regular file.
        OSError: it cannot be read, as a missing file.
    """
    split(path)  # each must stay inside by itself: "..", for one, could leave the workdir but not the data folder
    root = os.open(data, FOLDER)
    try:
        folder, name = open_parent(root, "/".join((*split(workdir), *split(path))))
    finally:
        os.close(root)
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
