"""The cores and GPUs of one machine, and the queue of work that waits for them."""

import time
from collections import deque
from collections.abc import Iterable
from itertools import islice

from storax_agent.launchers.base import Lease, Work

LOOK_AHEAD = 64
PASSED_OVER_SEC = 30.0


class Cores:
    """Free cores and GPUs; never more given than there are.

    Adopted processes may occupy more than there is after a change of settings; then nothing starts until they end.
    """

    def __init__(self, cores: int = 0, gpus: int = 0) -> None:
        self.total = cores
        self.total_gpus = gpus
        self.used = 0
        self.gpus = list(range(gpus))
        self._taken: set[int] = set()

    @property
    def free(self) -> int:
        """Cores that can be given now."""
        return self.total - self.used

    def resize(self, cores: int, gpus: int) -> None:
        """A new agent may come with new settings."""
        self.total, self.total_gpus = cores, gpus
        self.gpus = [gpu for gpu in range(gpus) if gpu not in self._taken]

    def fit(self, work: Work) -> bool:
        """Whether ``work`` could start now."""
        return work.cores <= self.free and work.gpus <= len(self.gpus)

    def take(self, cores: int, gpus: int) -> list[int]:
        """Give cores and the numbers of as many GPUs; the caller asked ``fit`` before."""
        self.used += cores
        given, self.gpus = self.gpus[:gpus], self.gpus[gpus:]
        self._taken.update(given)
        return given

    def occupy(self, cores: int, gpus: list[int]) -> None:
        """Count a process that runs already."""
        self.used += cores
        self._taken.update(gpus)
        self.gpus = [gpu for gpu in self.gpus if gpu not in self._taken]

    def give_back(self, cores: int, gpus: list[int]) -> None:
        """Take cores and GPUs back."""
        self.used -= cores
        self._taken.difference_update(gpus)
        self.gpus.extend(gpu for gpu in gpus if gpu < self.total_gpus)


class Queue:
    """Work in order of arrival. The first that fits goes first, but nobody is passed over for longer than 30 s."""

    def __init__(self) -> None:
        self._works: deque[Work] = deque()
        self._waiting: tuple[Lease, float] | None = None

    def __len__(self) -> int:
        return len(self._works)

    def extend(self, works: Iterable[Work]) -> None:
        """Add at the end."""
        self._works.extend(works)

    def clear(self) -> None:
        """Forget all."""
        self._works.clear()

    def remove(self, lease: Lease) -> Work | None:
        """Take out one by its lease."""
        for place, work in enumerate(self._works):
            if work.lease == lease:
                del self._works[place]
                return work
        return None

    def next_fit(self, cores: Cores) -> Work | None:
        """Take out the next work that fits, or None."""
        if not self._works or cores.free <= 0:
            return None
        if cores.fit(self._works[0]):
            self._waiting = None
            return self._works.popleft()
        if self._patience_over():
            return None
        for place, work in enumerate(islice(self._works, LOOK_AHEAD)):
            if cores.fit(work):
                del self._works[place]
                return work
        return None

    def _patience_over(self) -> bool:
        first, now = self._works[0].lease, time.monotonic()
        if self._waiting is None or self._waiting[0] != first:
            self._waiting = (first, now)
        return now - self._waiting[1] > PASSED_OVER_SEC
