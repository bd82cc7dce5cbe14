"""Replace a file in one step: write beside it, then rename.

A reader sees the old content or the new one, never a part of it, even if the writer is killed.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_file(path: Path, *, mode: int | None = None, durable: bool = False) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the place of ``path`` when the block ends; where it raises, ``path`` stays.

    Args:
        path: The file to make or replace; its folder exists.
        mode: Permission bits, such as ``0o600``, in force before the first byte; None: what the umask leaves of 0o666.
        durable: Return only once the content and the new name are on the disk.
    """
    scratch = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666 if mode is None else mode)
    try:
        with os.fdopen(handle, "wb") as file:
            if mode is not None:
                os.fchmod(handle, mode)  # the umask may have taken bits away
            yield file
            if durable:
                file.flush()
                os.fsync(handle)
        scratch.replace(path)
    except BaseException:
        with suppress(OSError):
            scratch.unlink()
        raise
    if durable:
        sync_folder(path.parent)


def atomic_write(path: Path, content: bytes | str, *, mode: int | None = None, durable: bool = False) -> None:
    """Replace the content of ``path`` in one step; text is written as UTF-8. The options are those of `atomic_file`."""
    with atomic_file(path, mode=mode, durable=durable) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk, so that a rename or removal outlasts a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
