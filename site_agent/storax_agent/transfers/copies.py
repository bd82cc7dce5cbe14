"""A file copied into an open folder: beside its place, read back and compared, then renamed into it.

A copy that stands for an item of a transfer can be broken off, by its stop as by a kill: what there is of it stays
beside its place under a name of that item, and the next try goes on behind what is still the same.
"""

import hashlib
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from storax_agent.files.safe_path import open_folder
from storax_agent.transfers.base import Moved, TryAgainError, Watch

BLOCK = 1 << 20
TELL_SEC = 1.0
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
WRITE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
AGAIN = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class StoppedError(TryAgainError):
    """Nobody waits for the copy any more; what there is of it stays for another try."""


@dataclass
class Way:
    """What a copy is for. With ``item``, the number of a transfer, its bytes are reported and it can be resumed;
    ``again``: an earlier try may have brought whole files already."""

    item: int | None = None
    watch: Watch = field(default_factory=Watch)
    again: bool = False
    _bytes: int = 0
    _reported_at: float = float("-inf")

    def passed(self, number: int) -> None:
        """So many bytes more are over there. Raises ``StoppedError``."""
        self.go_on()
        self._bytes += number
        if self.item is not None and time.monotonic() - self._reported_at > TELL_SEC:
            self._reported_at = time.monotonic()
            self.watch.tell([Moved(self.item, "active", {"bytes": self._bytes})])

    def go_on(self) -> None:
        """Raises ``StoppedError`` where nobody wants it any more."""
        if self.watch.stop.is_set():
            raise StoppedError("stopped")


def copy(source: int, name: str, target: int, new_name: str, way: Way) -> tuple[int, str]:
    """Copy a regular file between open folders, with its times; returns bytes and SHA-256.

    Raises:
        StoppedError: the way's stop was set.
        TryAgainError: what was written reads back as something else.
        OSError: anything else.
    """
    scratch = f".{secrets.token_hex(8)}.part" if way.item is None else part_name(way.item, new_name)
    with os.fdopen(os.open(name, READ, dir_fd=source), "rb") as reader:
        mode = stat.S_IMODE(os.fstat(reader.fileno()).st_mode) & 0o755 | 0o200
        times = _times(reader)
        if way.again and (there := _there(reader, target, new_name, way)):
            with suppress(OSError):
                os.utime(new_name, ns=times, dir_fd=target, follow_symlinks=False)
            return there
        try:
            with os.fdopen(_scratch(scratch, target, mode), "r+b") as writer:
                digest = _pour(reader, writer, way)
                with suppress(OSError):  # a file system without times has the file all the same
                    os.utime(writer.fileno(), ns=times)
            os.rename(scratch, new_name, src_dir_fd=target, dst_dir_fd=target)
        except BaseException as error:
            if way.item is None or not isinstance(error, StoppedError):
                with suppress(FileNotFoundError):  # a failed file must not fill the disk for the others
                    os.unlink(scratch, dir_fd=target)
            raise
    return digest


def part_name(item: int, new_name: str) -> str:
    """The name of what there is of a file on its way."""
    return f"{_prefix(item)}{hashlib.sha256(os.fsencode(new_name)).hexdigest()[:16]}.part"


def forget(item: int, folder: int, name: str, *, recursive: bool) -> None:
    """Remove what an item left of a file, or of the files of a folder, that nobody wants any more."""
    with suppress(OSError):
        os.unlink(part_name(item, name), dir_fd=folder)
    if recursive:
        for place, entry in _below(folder, name):
            if entry.startswith(_prefix(item)) and entry.endswith(".part"):
                os.unlink(entry, dir_fd=place)


def _prefix(item: int) -> str:
    return f".storax-{item}-"


def _below(folder: int, name: str) -> Iterator[tuple[int, str]]:
    """Every file below, with its open folder."""
    with suppress(OSError, ValueError):
        top = open_folder(folder, name)
        try:
            for _, _, files, place in os.fwalk(dir_fd=top):
                yield from ((place, entry) for entry in files)
        finally:
            os.close(top)


def _times(file: Any) -> tuple[int, int]:
    kept = os.fstat(file.fileno())
    return kept.st_atime_ns, kept.st_mtime_ns


def _scratch(name: str, target: int, mode: int) -> int:
    """A new file, or that of an earlier try. One that is linked from elsewhere, or is no file, is not written to."""
    with suppress(OSError):
        handle = os.open(name, AGAIN, dir_fd=target)
        kept = os.fstat(handle)
        if stat.S_ISREG(kept.st_mode) and kept.st_nlink == 1 and kept.st_uid == os.geteuid():
            return handle
        os.close(handle)
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=target)
    return os.open(name, WRITE, mode, dir_fd=target)


def _there(reader: Any, target: int, name: str, way: Way) -> tuple[int, str] | None:
    """Bytes and SHA-256 of a file that is in its place already, whole and the same."""
    with suppress(OSError), os.fdopen(os.open(name, READ, dir_fd=target), "rb") as file:
        kept = os.fstat(file.fileno())
        if stat.S_ISREG(kept.st_mode) and kept.st_nlink == 1 and kept.st_size == os.fstat(reader.fileno()).st_size:
            digest = _digest(reader, way)
            if digest == _digest(file, way):
                way.passed(kept.st_size)
                return kept.st_size, digest.hex()
    reader.seek(0)
    return None


def _pour(reader: Any, writer: Any, way: Way) -> tuple[int, str]:
    """Copy, then read back what was written and compare."""
    digest, size, goes_on = hashlib.sha256(), 0, True
    while block := reader.read(BLOCK):
        digest.update(block)
        goes_on = goes_on and writer.read(len(block)) == block  # an earlier try brought it
        if not goes_on:
            writer.seek(size)
            writer.write(block)
        size += len(block)
        way.passed(len(block))
    writer.truncate(size)
    writer.flush()
    os.fsync(writer.fileno())
    if _digest(writer, way) != digest.digest():
        raise TryAgainError("what was written differs from what was read; the disk or its file system is faulty")
    return size, digest.hexdigest()


def _digest(file: Any, way: Way) -> bytes:
    sha256 = hashlib.sha256()
    file.seek(0)
    while block := file.read(BLOCK):
        sha256.update(block)
        way.go_on()
    return sha256.digest()
