"""``python keeper.py COMMAND ...`` runs a command and ends all that came of it, when it ends or its parent does.

Some of the other systems detach their workers and rename them, so neither their parents nor their environment lead to
them. Here none gets away: who loses its parent becomes a child of the keeper. Uses the standard library alone.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

SET_PDEATHSIG, SET_CHILD_SUBREAPER = 1, 36  # of prctl(2)
GRACE_SEC, KILL_SEC = 3.0, 5.0


def descendants(root: int) -> list[int]:
    """Return the ids of all descendants of a process, the nearest first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parent = int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    pids = [root]
    for pid in pids:
        pids += children.get(pid, [])
    return pids[1:]


def main(argv: list[str]) -> int:
    """Run the command and return its exit status."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    prctl(SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    signal.signal(signal.SIGTERM, _end)
    try:
        return subprocess.Popen(argv).wait()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _end_all()


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(143)


def _end_all() -> None:
    for number, seconds in ((signal.SIGTERM, GRACE_SEC), (signal.SIGKILL, KILL_SEC)):
        for pid in _alive():
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while _alive() and time.monotonic() < deadline:
            time.sleep(0.02)


def _alive() -> list[int]:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    return descendants(os.getpid())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
