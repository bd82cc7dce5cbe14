"""The loop of a process that speaks to one system: a line of JSON asks for a measurement, a line of JSON answers.

Runs in the other systems' own virtual environment, so it knows nothing of Storax. It ends with its standard input.
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TextIO

LOOK_SEC = 0.005  # between looks at whether all are done, where a system cannot tell by itself
LONGEST_SEC = 60.0
GAP_SEC = 0.03  # rest before each single task, so that the system is idle
WARM = 2
Check = Callable[[], bool]  # whether all of them did what they should; asked after the clock has stopped


class System(Protocol):
    """One system that runs processes and functions. What it cannot do raises NotImplementedError."""

    def processes(self, count: int) -> Check:
        """Run ``/bin/true`` so many times; returns when all have ended."""

    def functions(self, count: int) -> Check:
        """Run a no-op function so many times, each with its own argument; returns when all have ended."""

    def one_process(self) -> float:
        """Run one process; returns when its result is seen, with the time at which it started."""

    def one_function(self) -> float:
        """Run one function; returns when its result is seen, with the time at which it started."""


def answer(system: System) -> None:
    """Say that all is ready, and answer until the input ends."""
    _say("ready")
    for line in iter(sys.stdin.readline, ""):
        _say(_answer(system, **json.loads(line)))


def until(done: Callable[[], bool]) -> None:
    """Look until it is done.

    Raises:
        TimeoutError: it was not within a minute.
    """
    deadline = time.monotonic() + LONGEST_SEC
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not done within {LONGEST_SEC:.0f} s")
        time.sleep(LOOK_SEC)


def folder() -> Path:
    """The folder for files of this system."""
    return Path(os.environ["STORAX_BENCH_FOLDER"])


def valkey() -> str:
    """Path of the broker's socket."""
    return os.environ["STORAX_BENCH_VALKEY"]


def _own_output() -> TextIO:
    """The way to who asks; what the system and its processes print goes to stderr from now on."""
    ours = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return ours


_ASKER = _own_output()


def _say(answer: object) -> None:
    _ASKER.write(json.dumps(answer) + "\n")


def _answer(system: System, what: str, count: int) -> object:
    try:
        if what.startswith("one_"):
            return _latency(getattr(system, what), count)
        return _seconds(getattr(system, what), count)
    except NotImplementedError:
        return None
    except Exception as error:
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}


def _seconds(work: Callable[[int], Check], count: int) -> float:
    begun = time.perf_counter()
    check = work(count)
    seconds = time.perf_counter() - begun
    if not check():
        raise ValueError("not all of them did what they should")
    return seconds


def _latency(one: Callable[[], float], count: int) -> list[tuple[float, float]]:
    """Milliseconds to start and to result of each."""
    seen = []
    for _ in range(WARM + count):
        time.sleep(GAP_SEC)
        begun = time.time()
        started = one()
        seen.append(((started - begun) * 1e3, (time.time() - begun) * 1e3))
    return seen[WARM:]
