"""A loop that does not die: errors are logged, counted and followed by a growing pause."""

import logging
import random
import threading
from collections.abc import Callable

from storax.errors import NotFound, StoraxError

FIRST_PAUSE_SEC = 0.2
LONGEST_PAUSE_SEC = 30.0
LOG = logging.getLogger(__name__)


class Loop:
    """Calls ``step`` again and again; each call returns the seconds to wait before the next."""

    def __init__(self, name: str, step: Callable[[], float], stopping: threading.Event) -> None:
        self.name = name
        self.errors = 0  # in all
        self.failing = ""  # the words of the last error, until a round goes well
        self._step = step
        self._stopping = stopping
        self._pause = 0.0
        # A daemon: a long poll under way must not hold up the end of the agent.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, seconds: float) -> bool:
        """Wait for the end, so long at most; returns whether it came."""
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
        except NotFound as error:
            return self._after(error, logging.INFO)
        except StoraxError as error:
            return self._after(error, logging.WARNING)
        except Exception as error:
            LOG.exception("%s: unexpected error", self.name)
            self.failing = repr(error)[:500]
            return self._after(None, logging.ERROR)
        self._pause, self.failing = 0.0, ""
        return seconds

    def _after(self, error: StoraxError | None, level: int) -> float:
        self.errors += 1
        self._pause = min(LONGEST_PAUSE_SEC, self._pause * 2 or FIRST_PAUSE_SEC)
        if error is not None:
            self.failing = str(error)[:500]
            LOG.log(level, "%s: %s (error %d, next try in %.1f s)", self.name, error, self.errors, self._pause)
        return self._pause * random.uniform(0.75, 1.25)  # noqa: S311 - spreads retries, keeps no secret
