"""What the thread that reads the event stream passes to a thread that waits for jobs."""

from collections.abc import Iterable
from queue import Empty, SimpleQueue
from typing import Any

Row = dict[str, Any]
POLL = 0  # no job has this id: it asks the waiter to poll the server


class Subscription:
    """One wait: the ids of its jobs, and those of the jobs that ended, as the events come.

    ``gapless``: no end of its jobs can have been missed before it began.
    """

    def __init__(self, ids: Iterable[int]) -> None:
        self.ids = frozenset(ids)
        self.gapless = False
        self._ended: SimpleQueue[tuple[int, Row | None]] = SimpleQueue()

    def put(self, job_id: int, row: Row | None = None) -> None:
        """Record that a job ended, with its row where the event had it; ``POLL`` asks the waiter to poll."""
        self._ended.put((job_id, row))

    def take(self, timeout: float) -> dict[int, Row | None]:
        """Return what was recorded until now, by job id; wait up to ``timeout`` seconds for the first."""
        ends: dict[int, Row | None] = {}
        try:
            ends.update([self._ended.get(timeout=max(0.0, timeout))])
            while True:
                ends.update([self._ended.get_nowait()])
        except Empty:
            return ends
