"""Waiting in tests for what must happen."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

LIMIT = 60.0
"""Seconds after which what must happen counts as never happening. It ends a hang, and costs a test that passes nothing."""

HANG_SEC = 500.0
"""Seconds after which a program that a test runs to its end counts as hung, whatever else the machine does."""


def when_open(gate: Path, code: int) -> str:
    """A shell command that ends with this code once the file ``gate`` is there."""
    return f"while [ ! -e {gate} ]; do sleep 0.02; done; exit {code}"


def eventually(fact: Callable[[], T], *, seconds: float = LIMIT, step: float = 0.01) -> T:
    """Ask until the answer is true; the last answer when the time is over fails the test."""
    end = time.monotonic() + seconds
    while not (found := fact()):
        assert time.monotonic() < end, f"not within {seconds} s: {found!r}"
        time.sleep(step)
    return found
