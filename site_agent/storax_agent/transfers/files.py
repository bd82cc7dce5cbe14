"""Files and folders copied, moved or linked between open folders: no path is followed through a symlink.

A file is made beside its place and renamed into it: whoever reads sees the old file or the whole new one; see
``copies.py``.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from storax_agent.files.safe_path import open_folder, open_parent
from storax_agent.transfers.base import TransferError
from storax_agent.transfers.copies import READ, Way, copy

ROOT = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
MAX_DEPTH = 64
How = Literal["copy", "move", "link"]
# No rename or hard link here: another file system, or a kernel that forbids links to files of others.
ELSEWHERE = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP)


class Load:
    """How it is carried, and what was: files, bytes, and one checksum over all."""

    def __init__(self, how: How, way: Way) -> None:
        self.how, self.way = how, way
        self.files, self.bytes = 0, 0
        self._digest = hashlib.sha256()
        self._first = ""

    def add(self, size: int, digest: str) -> None:
        """One more file."""
        self.files, self.bytes = self.files + 1, self.bytes + size
        self._first = self._first or digest
        self._digest.update(digest.encode())

    def info(self) -> dict[str, Any]:
        """As an item's ``transfer_info``; the checksum of many files is that over the list of theirs."""
        digest = self._first if self.files == 1 else self._digest.hexdigest()
        return {"files": self.files, "bytes": self.bytes, "sha256": digest}


def open_workdir(data: Path, workdir: str, *, create: bool = False) -> int:
    """Open a job's workdir below the data folder; the caller closes it. Raises PathError or OSError."""
    root = os.open(data, ROOT)
    try:
        return open_folder(root, workdir, create=create)
    finally:
        os.close(root)


def transfer(
    source: int, source_path: str, target: int, target_path: str, *, recursive: bool, how: How, way: Way | None = None
) -> dict[str, Any]:  # fmt: skip
    """Carry one file, or with ``recursive`` one folder, from below one open folder to below another. Folders on the
    way are made; files that are there are replaced. ``move`` and ``link`` copy where the file system cannot do them.
    ``way`` is the way of copies.

    Raises:
        TransferError: a symlink, a special file, or a folder where none may be.
        PathError: a path leaves its folder.
        OSError: anything else.
    """
    from_folder, from_name = open_parent(source, source_path)
    try:
        os.stat(from_name, dir_fd=from_folder, follow_symlinks=False)  # a missing source makes no folder
        to_folder, to_name = open_parent(target, target_path, create=True)
        try:
            load = Load(how, way or Way())
            _entry(from_folder, from_name, to_folder, to_name, load, depth=0 if recursive else None)
            return load.info()
        finally:
            os.close(to_folder)
    finally:
        os.close(from_folder)


def _entry(source: int, name: str, target: int, new_name: str, load: Load, *, depth: int | None) -> None:
    """Carry one file; a folder only where ``depth`` is a number."""
    kind = os.stat(name, dir_fd=source, follow_symlinks=False).st_mode
    if stat.S_ISREG(kind):
        load.add(*_HOW[load.how](source, name, target, new_name, load.way))
    elif not stat.S_ISDIR(kind):
        raise TransferError(f"{name!r} is a symlink or a special file; only files and folders are copied")
    elif depth is None:
        raise TransferError(f"{name!r} is a folder; its transfer slot is not recursive")
    elif depth > MAX_DEPTH:
        raise TransferError(f"{name!r} is more than {MAX_DEPTH} folders deep")
    else:
        _folder(source, name, target, new_name, load, depth=depth + 1)


def _folder(source: int, name: str, target: int, new_name: str, load: Load, *, depth: int) -> None:
    inner = open_folder(source, name)
    try:
        outer = open_folder(target, new_name, create=True)
        try:
            for entry in sorted(os.listdir(inner)):  # noqa: PTH208 - of a descriptor, which has no Path
                _entry(inner, entry, outer, entry, load, depth=depth)
        finally:
            os.close(outer)
    finally:
        os.close(inner)


def _move(source: int, name: str, target: int, new_name: str, way: Way) -> tuple[int, str]:
    info = digest_of(source, name)
    try:
        os.rename(name, new_name, src_dir_fd=source, dst_dir_fd=target)
    except OSError as error:
        if error.errno not in ELSEWHERE:
            raise
        info = copy(source, name, target, new_name, way)
        os.unlink(name, dir_fd=source)
    return info


def _link(source: int, name: str, target: int, new_name: str, way: Way) -> tuple[int, str]:
    with suppress(FileNotFoundError):
        os.unlink(new_name, dir_fd=target)
    try:
        os.link(name, new_name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in ELSEWHERE:
            raise
        return copy(source, name, target, new_name, way)
    return digest_of(target, new_name)


def digest_of(folder: int, name: str) -> tuple[int, str]:
    """Bytes and SHA-256 of a regular file in an open folder.

    Raises:
        TransferError: it became something else meanwhile.
    """
    with os.fdopen(os.open(name, READ, dir_fd=folder), "rb") as file:
        if not stat.S_ISREG((kept := os.fstat(file.fileno())).st_mode):
            raise TransferError(f"{name!r} is a symlink or a special file; only files and folders are copied")
        return kept.st_size, hashlib.file_digest(file, "sha256").hexdigest()


_HOW: dict[How, Callable[[int, str, int, str, Way], tuple[int, str]]] = {"copy": copy, "move": _move, "link": _link}
