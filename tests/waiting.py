"""Wait in tests for something that must happen."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

LIMIT = 180.0
"""Seconds after which a condition counts as never met. The limit ends a hang; a test that passes never waits for it."""

LONGEST_PAUSE_SEC = 0.1

HANG_SEC = 500.0
"""Seconds after which a program that a test runs to its end counts as hung, whatever else the machine does."""


def when_open(gate: Path, code: int) -> str:
    """Return a shell command that exits with this code as soon as the file ``gate`` exists."""
    return f"while [ ! -e {gate} ]; do sleep 0.02; done; exit {code}"


def eventually(fact: Callable[[], T], *, seconds: float = LIMIT, step: float = 0.01) -> T:
    """Call ``fact`` until it returns a true value, and return that value. Fail the test after ``seconds``.

    The pauses between the calls grow from ``step`` seconds by an eighth each: a wait costs the machine little.
    """
    end = time.monotonic() + seconds
    while not (answer := fact()):
        assert time.monotonic() < end, f"not within {seconds} s: {answer!r}"
        time.sleep(step)
        step = max(step, min(1.125 * step, LONGEST_PAUSE_SEC))
    return answer


def in_one_of(attempt: Callable[[int], None], *, tries: int = 3) -> None:
    """Call ``attempt`` with its number until one passes; the last one's failure counts.

    For a product that gives itself seconds for something: a machine that stands still then uses them up.
    """
    for number in range(tries - 1):
        try:
            attempt(number)
        except AssertionError:
            continue
        return
    attempt(tries - 1)


def in_time(seconds: float, attempt: Callable[[], float], *, tries: int = 3) -> None:
    """Fail unless an attempt, which returns the seconds that it took, took less than ``seconds``.

    A promised time is measured on a machine that may stand still for some seconds: the fastest of the tries counts.
    """
    took: list[float] = []
    while len(took) < tries:
        took.append(attempt())
        if took[-1] < seconds:
            return
    raise AssertionError(f"not within {seconds} s, but after {', '.join(f'{one:.1f} s' for one in took)}")
