"""Looking at processes from outside, as an operator would."""

import os
from pathlib import Path


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def gone(pid: int) -> bool:
    """Whether even its zombie is gone."""
    return not Path(f"/proc/{pid}").exists()


def watches(watcher: int | None, pid: int) -> bool:
    """Whether a process holds a pidfd of another, as a launcher does of each that it has started or taken over."""
    try:
        return any(f"\nPid:\t{pid}\n" in path.read_text() for path in Path(f"/proc/{watcher}/fdinfo").iterdir())
    except OSError:
        return False


def in_group(group: int) -> list[int]:
    """The living processes of a process group."""
    pids = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.getpgid(int(entry.name)) == group and alive(int(entry.name)):
                    pids.append(int(entry.name))
            except OSError:
                continue
    return pids


def saying(word: str) -> list[int]:
    """The living processes with this word in their command line."""
    pids = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and alive(int(entry.name)):
            try:
                if word.encode() in (entry / "cmdline").read_bytes():
                    pids.append(int(entry.name))
            except OSError:
                continue
    return pids


def named(program: str, pids: list[int]) -> list[int]:
    """Those of ``pids`` that run this program."""
    matches = []
    for pid in pids:
        try:
            if Path(f"/proc/{pid}/comm").read_text() == f"{program}\n":
                matches.append(pid)
        except OSError:
            continue
    return matches
