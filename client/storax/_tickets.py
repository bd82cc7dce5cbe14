"""What passes between the thread that reads the event stream and a thread that waits."""

from collections.abc import Iterable
from queue import Empty, SimpleQueue

LOOK = 0  # no job has this id: it tells a waiter to look for itself


class Ticket:
    """One wait: which jobs it is for, and the ids of those that ended, as they come."""

    def __init__(self, ids: Iterable[int]) -> None:
        self.ids = frozenset(ids)
        self.covered = False
        self._ended: SimpleQueue[int] = SimpleQueue()

    def tell(self, job_id: int) -> None:
        """Called by the feed's thread: this job ended (``LOOK``: find out yourself)."""
        self._ended.put(job_id)

    def take(self, timeout: float) -> set[int]:
        """Everything told until now; waits up to ``timeout`` seconds for the first."""
        found: set[int] = set()
        try:
            found.add(self._ended.get(timeout=max(0.0, timeout)))
            while True:
                found.add(self._ended.get_nowait())
        except Empty:
            return found
