"""The preemption filter: why a job of an allocation failed, when the allocation may be about to end.

A scheduler that ends an allocation signals every process in it at once: the runner, and its jobs. A job that ended of
it is to run again elsewhere; one that failed by itself has failed. Its exit code does not tell which: a shell dies of
the signal, a Python program may exit with 1, an ``mpiexec`` with 15 or 255. It shows within moments, by whether the
runner is told to end as well.
"""

import time
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from storax_agent.launch.work import Ended


class PreemptionFilter:
    """Keeps the ends that may be the allocation's for ``hold_sec`` seconds; 0 keeps none."""

    def __init__(self, hold_sec: float = 0.0, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.hold_sec, self._clock = hold_sec, clock
        self._held: list[tuple[float, Ended]] = []

    def __len__(self) -> int:
        return len(self._held)

    def certain(self, ended: Sequence[Ended], *, ending: bool) -> list[Ended]:
        """What is certain by now. When the allocation is ``ending``, all that was in doubt was stopped with it."""
        if not self.hold_sec or not (ended or self._held):
            return list(ended)
        now = self._clock()
        certain = [one for one in ended if not _doubtful(one)]
        self._held += [(now + self.hold_sec, one) for one in ended if _doubtful(one)]
        if ending:
            certain += [replace(one, cause="stopped") for _, one in self._held]
            self._held = []
        due = [one for until, one in self._held if until <= now]
        self._held = [(until, one) for until, one in self._held if until > now]
        return certain + due


def _doubtful(ended: Ended) -> bool:
    return ended.cause == "exit" and ended.code not in (0, None)
