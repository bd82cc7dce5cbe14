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


def in_group(group: int) -> list[int]:
    """The living processes of a process group."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.getpgid(int(entry.name)) == group and alive(int(entry.name)):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def saying(word: str) -> list[int]:
    """The living processes with this word in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and alive(int(entry.name)):
            try:
                if word.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def named(program: str, pids: list[int]) -> list[int]:
    """Those of ``pids`` that run this program."""
    found = []
    for pid in pids:
        try:
            if Path(f"/proc/{pid}/comm").read_text() == f"{program}\n":
                found.append(pid)
        except OSError:
            continue
    return found
