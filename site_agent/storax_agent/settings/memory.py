"""How much memory this machine has for jobs: all that is built in, or what a batch system or container leaves of it."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

ROOT = Path("/")
# Of control groups, version 2 and version 1: where their files are, and which of them holds the limit.
MOUNTS = {"": ("sys/fs/cgroup", "memory.max"), "memory": ("sys/fs/cgroup/memory", "memory.limit_in_bytes")}


def usable_mb(root: Path = ROOT) -> int:
    """MiB, rounded down; 0 where nothing tells. ``root`` is where ``proc`` and ``sys`` are."""
    known = [*_installed(root), *_limits(root)]
    return min(known, default=0) >> 20


def _installed(root: Path) -> Iterator[int]:
    with suppress(OSError, ValueError, IndexError):
        for line in (root / "proc/meminfo").read_text(encoding="ascii").splitlines():
            name, _, rest = line.partition(":")
            if name == "MemTotal":
                yield int(rest.split()[0]) << 10


def _limits(root: Path) -> Iterator[int]:
    """The limit of each control group that this process is in, and of those around it. Without one, v1 tells a number
    beyond all memory, and v2 the word ``max``."""
    with suppress(OSError, ValueError):
        for line in (root / "proc/self/cgroup").read_text(encoding="utf-8", errors="replace").splitlines():
            _, controllers, path = line.split(":", 2)
            for kind, (mount, file) in MOUNTS.items():
                if kind in controllers.split(","):
                    yield from _up(root / mount, path, file)


def _up(mount: Path, path: str, file: str) -> Iterator[int]:
    place = mount / path.strip("/")
    for folder in (place, *place.parents):
        with suppress(OSError, ValueError):
            yield int((folder / file).read_text(encoding="ascii"))
        if folder == mount:
            return
