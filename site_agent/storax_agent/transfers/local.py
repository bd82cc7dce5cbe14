"""Copies between the site's data folder and folders of the same machine, each declared as ``alias = "file:///path"``.

Every path is opened step by step and no symlink is followed. A file is copied beside its place, compared by SHA-256
with what was read, and renamed: whoever reads sees the old file or the whole new one.
"""

import hashlib
import os
import secrets
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from storax_agent.inside import PathError, open_folder, open_parent
from storax_agent.transfers.base import Item, Moved

BLOCK = 1 << 20
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
WRITE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
ROOT = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
MAX_DEPTH = 64


class TransferError(Exception):
    """One item cannot be moved; the message says why."""


class LocalTransfer:
    """The local transfer service. ``locations`` maps aliases to file URLs, ``data`` is the site's data folder."""

    def __init__(self, locations: Mapping[str, str], *, data: Path) -> None:
        self._locations = dict(locations)
        self._data = data

    def submit(self, items: Sequence[Item]) -> Sequence[Moved]:
        """Copy each; one that fails does not hold up the others."""
        return [self._move(item) for item in items]

    def statuses(self, items: Sequence[Item]) -> Sequence[Moved]:
        """An item left active by a killed agent is copied again."""
        return self.submit(items)

    def cancel(self, items: Sequence[Item]) -> None:
        """Copies are over before anybody could cancel them."""

    def _move(self, item: Item) -> Moved:
        try:
            return Moved(item.id, "done", self._copy(item))
        except (TransferError, PathError) as error:
            return Moved(item.id, "error", {"error": str(error)})
        except OSError as error:
            what = f"{item.alias}:{item.remote_path} {'to' if item.direction == 'in' else 'from'} {item.local_path}"
            return Moved(item.id, "error", {"error": f"{what}: {error.strerror}"})

    def _copy(self, item: Item) -> dict[str, Any]:
        remote = self._root(item.alias)
        local = open_folder(data := os.open(self._data, ROOT), item.workdir, create=True)
        os.close(data)
        try:
            inner = item.remote_path.lstrip("/")
            if item.direction == "in":
                return _copy_item(remote, inner, local, item.local_path, recursive=item.recursive)
            return _copy_item(local, item.local_path, remote, inner, recursive=item.recursive)
        finally:
            os.close(remote)
            os.close(local)

    def _root(self, alias: str) -> int:
        url = self._locations.get(alias)
        if url is None:
            known = ", ".join(sorted(self._locations)) or "none"
            raise TransferError(
                f"location {alias!r} is not in [transfer_locations] of this site's site.toml (there: {known})"
            )
        parts = urlsplit(url)
        if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
            raise TransferError(f"location {alias!r} is {url!r}; this service copies file:///folder locations only")
        return os.open(unquote(parts.path), ROOT)


def _copy_item(source: int, source_path: str, target: int, target_path: str, *, recursive: bool) -> dict[str, Any]:
    from_folder, from_name = open_parent(source, source_path)
    try:
        to_folder, to_name = open_parent(target, target_path, create=True)
        try:
            tally = _Tally()
            _copy_entry(from_folder, from_name, to_folder, to_name, tally, depth=0 if recursive else None)
            return tally.told()
        finally:
            os.close(to_folder)
    finally:
        os.close(from_folder)


class _Tally:
    """What was copied: files, bytes, and one checksum over all."""

    def __init__(self) -> None:
        self.files, self.bytes = 0, 0
        self._digest = hashlib.sha256()
        self._first = ""

    def add(self, size: int, digest: str) -> None:
        self.files, self.bytes = self.files + 1, self.bytes + size
        self._first = self._first or digest
        self._digest.update(digest.encode())

    def told(self) -> dict[str, Any]:
        digest = self._first if self.files == 1 else self._digest.hexdigest()
        return {"files": self.files, "bytes": self.bytes, "sha256": digest}


def _copy_entry(source: int, name: str, target: int, new_name: str, tally: _Tally, *, depth: int | None) -> None:
    """Copy one file; a folder only where ``depth`` is a number."""
    kind = os.stat(name, dir_fd=source, follow_symlinks=False).st_mode
    if stat.S_ISREG(kind):
        _copy_file(source, name, target, new_name, tally)
    elif not stat.S_ISDIR(kind):
        raise TransferError(f"{name!r} is a symlink or a special file; only files and folders are copied")
    elif depth is None:
        raise TransferError(f"{name!r} is a folder; its transfer slot is not recursive")
    elif depth > MAX_DEPTH:
        raise TransferError(f"{name!r} is more than {MAX_DEPTH} folders deep")
    else:
        _copy_folder(source, name, target, new_name, tally, depth=depth + 1)


def _copy_folder(source: int, name: str, target: int, new_name: str, tally: _Tally, *, depth: int) -> None:
    inner = open_folder(source, name)
    try:
        outer = open_folder(target, new_name, create=True)
        try:
            for entry in sorted(os.listdir(inner)):  # noqa: PTH208 - of a descriptor, which has no Path
                _copy_entry(inner, entry, outer, entry, tally, depth=depth)
        finally:
            os.close(outer)
    finally:
        os.close(inner)


def _copy_file(source: int, name: str, target: int, new_name: str, tally: _Tally) -> None:
    scratch = f".{secrets.token_hex(8)}.part"
    with os.fdopen(os.open(name, READ, dir_fd=source), "rb") as reader:
        mode = stat.S_IMODE(os.fstat(reader.fileno()).st_mode) & 0o755 | 0o200
        handle = os.open(scratch, WRITE, mode, dir_fd=target)
        try:
            with os.fdopen(handle, "r+b") as writer:
                size, digest = _pour(reader, writer)
            os.rename(scratch, new_name, src_dir_fd=target, dst_dir_fd=target)
        except BaseException:
            os.unlink(scratch, dir_fd=target)
            raise
    tally.add(size, digest)


def _pour(reader: Any, writer: Any) -> tuple[int, str]:
    """Copy, then read back what was written and compare."""
    digest, size = hashlib.sha256(), 0
    while block := reader.read(BLOCK):
        digest.update(block)
        writer.write(block)
        size += len(block)
    writer.flush()
    os.fsync(writer.fileno())
    writer.seek(0)
    if hashlib.file_digest(writer, "sha256").digest() != digest.digest():
        raise TransferError("what was written differs from what was read; the disk or its file system is faulty")
    return size, digest.hexdigest()
