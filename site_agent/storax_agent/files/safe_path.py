"""Paths that stay inside a folder: every step is opened by itself and no symlink is followed.

Checking a path and opening it later leaves time to swap a link in between; opening step by step does not.
"""

import errno
import os
from contextlib import suppress

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
MAX_PATH = 4096


class PathError(ValueError):
    """The path leaves its folder, or goes through a symlink or a file."""


def split(relative: str) -> list[str]:
    """The steps of a relative path.

    Raises:
        PathError: it is absolute, has a ``..`` step, a NUL, or is longer than 4096 characters.
    """
    if relative.startswith("/"):
        raise PathError(f"path {relative[:200]!r} is absolute; give one relative to the data folder")
    if "\0" in relative or len(relative) > MAX_PATH:
        raise PathError(f"path {relative[:60]!r}... holds a NUL or is longer than {MAX_PATH} characters")
    steps = [step for step in relative.split("/") if step not in ("", ".")]
    if ".." in steps:
        raise PathError(f"path {relative[:200]!r} goes up by '..'; it must stay inside its folder")
    return steps


def open_folder(root: int, relative: str, *, create: bool = False) -> int:
    """Open the folder ``relative`` below the open folder ``root``; the caller closes it. Mode of new folders: 0755.

    Raises:
        PathError: the path would leave ``root``, or a step is a symlink or a file.
        OSError: anything else, as a missing folder when ``create`` is false.
    """
    steps = split(relative)
    here = os.dup(root)
    try:
        for place, step in enumerate(steps):
            inner = _enter(here, step, create=create, last=place == len(steps) - 1)
            os.close(here)
            here = inner
    except OSError as error:
        os.close(here)
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise PathError(f"path {relative[:200]!r} goes through a symlink or a file") from error
        raise
    return here


def open_parent(root: int, relative: str, *, create: bool = False) -> tuple[int, str]:
    """Open the folder that holds ``relative``, and give its last step by name; the caller closes the folder.

    Raises:
        PathError: as ``open_folder``; also when the path names the root itself.
    """
    steps = split(relative)
    if not steps:
        raise PathError(f"path {relative!r} names the folder itself, not something inside it")
    return open_folder(root, "/".join(steps[:-1]), create=create), steps[-1]


def holds(folder: int, name: str) -> bool:
    """Whether the open folder has an entry of that name."""
    with suppress(OSError):
        os.stat(name, dir_fd=folder, follow_symlinks=False)
        return True
    return False


def _enter(folder: int, step: str, *, create: bool, last: bool) -> int:
    # The last step is most often new, the others most often there: try what will succeed first.
    if create and last:
        _make(folder, step)
        return os.open(step, FOLDER, dir_fd=folder)
    try:
        return os.open(step, FOLDER, dir_fd=folder)
    except FileNotFoundError:
        if not create:
            raise
    _make(folder, step)
    return os.open(step, FOLDER, dir_fd=folder)


def _make(folder: int, step: str) -> None:
    try:  # noqa: SIM105 - once per job, and a context manager takes longer than the call
        os.mkdir(step, 0o755, dir_fd=folder)
    except FileExistsError:
        pass
