"""A loop that does not die: errors are logged, counted and followed by a growing pause."""

import logging
import random
import threading
import time
from collections.abc import Callable

from storax.errors import NotFound, StoraxError, Unauthorized, Unavailable

FIRST_PAUSE_SEC = 0.2
LONGEST_PAUSE_SEC = 30.0
# While the token is refused: a new one must be seen in time to keep a session of the default length.
REFUSED_PAUSE_SEC = 2.0
LOG = logging.getLogger(__name__)


class LoopHealth:
    """Errors of one loop.

    Attributes:
        errors: number of errors in all.
        failing: message of the last error, empty after a successful round.
        since: when it began to fail (Unix time).
        server_away: whether it fails because the server does not answer, or refuses the token.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.errors = 0
        self.failing = ""
        self.since = 0.0
        self.server_away = False

    def failed(self, error: Exception) -> None:
        """Record a round that ended with this error."""
        self.errors += 1
        self.since = self.since if self.failing else time.time()
        self.server_away = isinstance(error, Unavailable | Unauthorized)
        self.failing = (str(error) if isinstance(error, StoraxError) else repr(error))[:500]

    def succeeded(self) -> None:
        """Record a successful round."""
        self.failing, self.server_away = "", False


class Loop(LoopHealth):
    """Calls ``step`` again and again; each call returns the seconds to wait before the next. After errors the pause
    grows up to ``longest_pause_sec``."""

    def __init__(
        self,
        name: str,
        step: Callable[[], float],
        stopping: threading.Event,
        *,
        longest_pause_sec: float = LONGEST_PAUSE_SEC,
    ) -> None:
        super().__init__(name)
        self._longest_pause_sec = longest_pause_sec
        self._step = step
        self._stopping = stopping
        self._pause = 0.0
        # A daemon: a long poll under way must not hold up the end of the agent.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, seconds: float) -> bool:
        """Wait at most ``seconds``; return whether the thread has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            seconds = self._once()
            if seconds > 0:
                self._stopping.wait(seconds)

    def _once(self) -> float:
        try:
            seconds = self._step()
        except Exception as error:
            return self._after(error)
        self._pause = 0.0
        self.succeeded()
        return seconds

    def _after(self, error: Exception) -> float:
        self.failed(error)
        longest = self._longest_pause_sec
        if isinstance(error, Unauthorized):
            longest = min(longest, REFUSED_PAUSE_SEC)
        self._pause = min(longest, self._pause * 2 or FIRST_PAUSE_SEC)
        if isinstance(error, StoraxError):
            level = logging.INFO if isinstance(error, NotFound) else logging.WARNING
            LOG.log(level, "%s: %s (error %d, next try in %.1f s)", self.name, error, self.errors, self._pause)
        else:
            LOG.error("%s: unexpected error %d", self.name, self.errors, exc_info=error)
        return self._pause * random.uniform(0.75, 1.25)  # noqa: S311 - spreads retries, keeps no secret
