"""Doubts: who killed a job of an allocation, when the allocation may be about to end.

A scheduler that ends an allocation signals every process in it at once: the runner, and its jobs. A job that died so is
to run again elsewhere; a job that was killed by itself has failed. Which of the two it was shows within moments, by
whether the runner is told to end as well.
"""

import time
from collections.abc import Callable, Sequence

from storax_agent.launchers.base import Ended

SIGNALS = (-15, -9, 128 + 15, 128 + 9)


class Doubts:
    """Keeps the ends that may be the allocation's for ``hold_sec`` seconds; 0 keeps none."""

    def __init__(self, hold_sec: float = 0.0, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.hold_sec, self._clock = hold_sec, clock
        self._held: list[tuple[float, Ended]] = []

    def __len__(self) -> int:
        return len(self._held)

    def sift(self, ended: Sequence[Ended], *, ending: bool) -> list[Ended]:
        """What is certain by now. When the allocation is ``ending``, all that was in doubt was stopped with it."""
        if not self.hold_sec:
            return list(ended)
        doubtful = [one for one in ended if one.cause == "exit" and one.code in SIGNALS]
        certain = [one for one in ended if one not in doubtful]
        now = self._clock()
        self._held += [(now + self.hold_sec, one) for one in doubtful]
        if ending:
            certain += [one._replace(cause="stopped") for _, one in self._held]
            self._held = []
        due = [one for until, one in self._held if until <= now]
        self._held = [(until, one) for until, one in self._held if until > now]
        return certain + due
