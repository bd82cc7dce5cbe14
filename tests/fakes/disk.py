"""A small file system that can be filled and emptied, as root."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class SmallDisk:
    """A tmpfs of a few MiB, mounted at ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    def fill(self) -> None:
        """Leave no byte free."""
        with self._filler.open("ab", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                with _until_full():
                    while True:
                        file.write(b"x" * size)

    def empty(self) -> None:
        """Give the room back."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def _until_full() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        assert "No space left" in str(error)  # noqa: PT017 - every other error is one of the test


@contextmanager
def small_disk(path: Path, *, mib: int, uid: int = 0) -> Iterator[SmallDisk]:
    """Mount a file system of so many MiB at a folder, which is made; ``uid`` owns it."""
    path.mkdir(parents=True, exist_ok=True)
    options = f"size={mib}m,mode=700,uid={uid}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], check=True)
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def free_bytes(path: Path) -> int:
    """What an ordinary user could still write there."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize
