"""When a call is tried again, and how long to wait before.

Tried again: 408, 425, 429, every 5xx, and connections that could not be made or broke. Nothing else: what the server
has refused, it refuses again. A mutating call keeps its Idempotency-Key, so that trying again has no second effect.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import random

CONNECT_WITHIN = 10.0
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
# A fault inside the server is hardly cured by time; a server that restarts is.
TRIES_AFTER_FAULT = 4


def is_transient(status: int) -> bool:
    """Whether the same call may succeed a little later."""
    return status >= 500 or status in (408, 425, 429)


@dataclass
class Patience:
    """One call's deadline: ``next_pause`` says how long to wait before the next try, or None when it is over."""

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
        """The pause before the next try; None: give up.

        Args:
            reached: Whether there was a connection at all; without one, ``connect_within`` seconds are the limit.
            status: The status answered, if any.
            retry_after: What the server asked for, in seconds.
        """
        self.tries += 1
        if status == 500 and self.tries >= TRIES_AFTER_FAULT:
            return None
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self.tries - 1, 10)) * (0.5 + self.noise() / 2)
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
    """A Retry-After header as seconds: a number, or a date."""
    if not text:
        return None
    if text.strip().replace(".", "", 1).isdigit():
        return float(text)
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - wall())
    except ValueError:
        return None
