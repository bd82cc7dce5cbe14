"""What passes between the thread that reads the event stream and a thread that waits."""

from collections.abc import Iterable
from queue import Empty, SimpleQueue
from typing import Any

Row = dict[str, Any]
LOOK = 0  # no job has this id: it tells a waiter to look for itself


class Ticket:
    """One wait: which jobs it is for, and the ids of those that ended, as they come."""

    def __init__(self, ids: Iterable[int]) -> None:
        self.ids = frozenset(ids)
        self.covered = False
        self._ended: SimpleQueue[tuple[int, Row | None]] = SimpleQueue()

    def tell(self, job_id: int, row: Row | None = None) -> None:
        """Called by the feed's thread: this job ended (``LOOK``: find out yourself); ``row`` where the event had it."""
        self._ended.put((job_id, row))

    def take(self, timeout: float) -> dict[int, Row | None]:
        """Everything told until now, by id; waits up to ``timeout`` seconds for the first."""
        found: dict[int, Row | None] = {}
        try:
            found.update([self._ended.get(timeout=max(0.0, timeout))])
            while True:
                found.update([self._ended.get_nowait()])
        except Empty:
            return found
