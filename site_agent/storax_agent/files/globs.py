"""Removing what matches a glob inside a folder. No symlink is followed: a matching link goes, its target stays."""

import os
import shutil
import stat
from contextlib import suppress
from fnmatch import fnmatchcase

from storax_agent.files.safe_path import FOLDER, split

MAX_DEPTH = 64


def remove_matching(folder: int, pattern: str) -> int:
    """Remove the files and folders below the open ``folder`` that match; returns how many. ``*`` and ``?`` stay within
    one step and, as in a shell, skip names that begin with a dot; ``**`` stands for any number of folders.

    Raises:
        PathError: the pattern is absolute or goes up.
        OSError: something could not be removed.
    """
    steps = split(pattern)
    return _remove(folder, steps, depth=0) if steps else 0


def _remove(folder: int, steps: list[str], *, depth: int) -> int:
    if depth > MAX_DEPTH:
        return 0
    if steps[0] == "**" and len(steps) == 1:
        steps = ["**", "*"]
    removed = 0
    if steps[0] == "**":
        removed += _remove(folder, steps[1:], depth=depth)
    for name in os.listdir(folder):
        if steps[0] == "**":
            removed += _enter(folder, name, steps, depth=depth) if not name.startswith(".") else 0
        elif not _matches(name, steps[0]):
            continue
        elif len(steps) == 1:
            removed += _drop(folder, name)
        else:
            removed += _enter(folder, name, steps[1:], depth=depth)
    return removed


def _matches(name: str, step: str) -> bool:
    return fnmatchcase(name, step) and (not name.startswith(".") or step.startswith("."))


def _enter(folder: int, name: str, steps: list[str], *, depth: int) -> int:
    try:
        inner = os.open(name, FOLDER, dir_fd=folder)
    except OSError:
        return 0  # a file, a symlink, or gone meanwhile
    try:
        return _remove(inner, steps, depth=depth + 1)
    finally:
        os.close(inner)


def _drop(folder: int, name: str) -> int:
    with suppress(FileNotFoundError):
        if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            shutil.rmtree(name, dir_fd=folder)
        else:
            os.unlink(name, dir_fd=folder)
        return 1
    return 0
