"""Retries: which calls are repeated, and after which pause.

Repeated are 408, 425, 429, every 5xx, and connections that could not be made or broke. Nothing else: the server would
refuse it again. A mutating call keeps its Idempotency-Key, so that a repetition has no second effect; the key names its
events in the log too.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import random
from uuid import UUID

CONNECT_WITHIN = 10.0
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
# Time hardly cures a fault inside the server; it does cure a restart.
TRIES_AFTER_FAULT = 4


def new_command_id() -> UUID:
    """Return a UUID of version 7 (RFC 9562, section 5.7): 48 bits of Unix time in milliseconds, then 74 random bits.

    The log's index by command grows at its end, as the log does; a random id would touch a page of its own.
    """
    milliseconds, bits = time.time_ns() // 1_000_000, int.from_bytes(os.urandom(10), "big")
    high, low = bits >> 68, bits & (1 << 62) - 1
    return UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low)


def doubling_pause(first: float, failures: int, longest: float) -> float:
    """Return the pause in seconds after the last of ``failures`` failures in a row, however many there were.

    It is ``first`` after the first failure, doubles with each further one, and is at most ``longest``.
    """
    return min(longest, first * 2.0 ** max(0, min(failures - 1, 64)))


def is_transient(status: int) -> bool:
    """Return whether the same call may succeed a little later."""
    return status >= 500 or status in (408, 425, 429)


@dataclass
class Patience:
    """The retries of one call until its deadline.

    Attributes:
        deadline: Seconds for the call with all its retries.
        connect_within: Seconds within which a first connection must be made.
        now: The monotonic clock.
        noise: Returns a random number from 0 to 1, which spreads the pauses.
    """

    deadline: float
    connect_within: float = CONNECT_WITHIN
    now: Callable[[], float] = time.monotonic
    noise: Callable[[], float] = random
    started: float = field(init=False)
    tries: int = 0
    unreached_since: float | None = None

    def __post_init__(self) -> None:
        self.started = self.now()

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - (self.now() - self.started)

    def next_pause(self, *, reached: bool, status: int = 0, retry_after: float | None = None) -> float | None:
        """Return the seconds to wait before the next try; None ends the tries.

        Args:
            reached: Whether there was a connection; without one, ``connect_within`` seconds are the limit.
            status: HTTP status of the reply; 0, the default, where there was none.
            retry_after: Seconds of the reply's Retry-After header; None where there is none.
        """
        self.tries += 1
        if status == 500 and self.tries >= TRIES_AFTER_FAULT:
            return None
        pause = doubling_pause(FIRST_PAUSE, self.tries, LONGEST_PAUSE) * (0.5 + self.noise() / 2)
        pause = max(pause, retry_after or 0.0)
        return pause if pause <= min(self.left, self._unreached_left(reached=reached)) else None

    def _unreached_left(self, *, reached: bool) -> float:
        now = self.now()
        if reached:
            self.unreached_since = None
            return self.left
        if self.unreached_since is None:
            self.unreached_since = now
        return self.connect_within - (now - self.unreached_since)


def seconds_of(text: str | None, *, wall: Callable[[], float] = time.time) -> float | None:
    """Parse a Retry-After header, a number or a date, as seconds."""
    if not text:
        return None
    if text.strip().replace(".", "", 1).isdigit():
        return float(text)
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - wall())
    except ValueError:
        return None
