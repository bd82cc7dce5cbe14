"""Killing, freezing and finding processes, and what they held at most."""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from fakes.processes import alive
from waiting import eventually

SAMPLE_SEC = 0.5


def kill(pid: int) -> None:
    """kill -9, and wait until the process is gone; one that is gone already is no error."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not alive(pid))


@contextmanager
def frozen(pids: Iterable[int]) -> Iterator[None]:
    """Stop processes for the length of the block, as a machine that hangs."""
    stopped = list(pids)
    for pid in stopped:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    with suppress(psutil.NoSuchProcess):
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    return []


def processes_of(folder: Path) -> list[int]:
    """Living processes that name a folder in their command or work in it."""
    return [pid for entry in Path("/proc").iterdir() if entry.name.isdigit() and _of(folder, pid := int(entry.name))]


def _of(folder: Path, pid: int) -> bool:
    with suppress(OSError):
        place = Path(f"/proc/{pid}")
        inside = (place / "cwd").readlink().is_relative_to(folder)
        return alive(pid) and (inside or str(folder).encode() in (place / "cmdline").read_bytes())
    return False


def peak_mib(pid: int) -> float:
    """The highest memory that a living process ever had, in MiB, what it shares with others included."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) / 1024


def own_mib(pid: int) -> float:
    """The memory of a process that no other shares, in MiB; 0 if it is gone."""
    with suppress(OSError):
        _, resident, shared = Path(f"/proc/{pid}/statm").read_text().split()[:3]
        return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return 0.0


def held_mib(pid: int) -> float:
    """The most that a process, or one that it started, holds by itself, in MiB; 0 if all are gone."""
    return max((own_mib(one) for one in family(pid)), default=0.0)


class MemoryWatch:
    """Samples processes in a thread. ``peaks``: the most that one process of each name held by itself, in MiB.

    Args:
        pids: Returns the pids to look at, by name.
    """

    def __init__(self, pids: Callable[[], dict[str, int]]) -> None:
        self._pids = pids
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.peaks: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._ended.wait(SAMPLE_SEC):
            for name, pid in self._pids().items():
                self.peaks[name] = max(self.peaks.get(name, 0.0), held_mib(pid))
