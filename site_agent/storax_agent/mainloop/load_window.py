"""How much to ask for, and when to report: at once while little happens, in batches while much does."""

import threading
import time
from collections import deque

WINDOW_SEC = 0.5
BURST_JOBS = 50  # more ends than this within the window are a burst
BURST_REPORT_SEC = 0.15
BURST_REPORT_ENTRIES = 500
SETTLE_SEC = 0.004  # a start waits this long for the end of a short job, to travel with it


class LoadWindow:
    """Ends within the last half second. Noted by one thread, read by any."""

    def __init__(self) -> None:
        self._ends: deque[tuple[float, int]] = deque()
        self._count = 0

    def note(self, ends: int) -> None:
        """So many jobs ended now."""
        if ends:
            self._ends.append((time.monotonic(), ends))
            self._count += ends

    def recent(self) -> int:
        """Ends within the window."""
        horizon = time.monotonic() - WINDOW_SEC
        while self._ends and self._ends[0][0] < horizon:
            self._count -= self._ends.popleft()[1]
        return self._count


class Demand:
    """How many more jobs the agent wants. Set by the main loop, waited for by the pull loop."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._want = 0
        self._coming = 0

    def set(self, want: int) -> None:
        """So many jobs are wanted now."""
        if want == self._want:
            return
        with self._changed:
            self._want = want
            if want > 0:
                self._changed.notify_all()

    def wait(self, seconds: float) -> int:
        """Wait until a job is wanted, or for so long; returns how many."""
        with self._changed:
            self._changed.wait_for(lambda: self._want > self._coming, seconds)
            return max(0, self._want - self._coming)

    def coming(self, jobs: int) -> None:
        """So many jobs are on their way to the main loop, which does not count them yet."""
        with self._changed:
            self._coming += jobs

    def arrived(self, jobs: int) -> None:
        """The main loop has them."""
        self.coming(-jobs)


class ReportTrigger:
    """When the report loop should send. Filled by the main loop, waited for by the report loop."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._entries = 0
        self._first_at = 0.0
        self._final = False
        self._burst = False
        self._sent_at = 0.0
        self._flush = False

    def add(self, entries: int, *, final: bool) -> None:
        """So many entries were stored; ``final`` when one ends a job."""
        with self._changed:
            if not self._entries:
                self._first_at = time.monotonic()
            self._entries += entries
            self._final = self._final or final
            self._changed.notify_all()

    def burst(self, *, on: bool) -> None:
        """Whether many jobs end and more are at work; the end of a burst sends what is left."""
        if on == self._burst:
            return
        with self._changed:
            self._burst = on
            self._changed.notify_all()

    def flush(self) -> None:
        """Send all from now on, without waiting for company."""
        with self._changed:
            self._flush = True
            self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Wait until it is time to send, or for so long; returns whether it is time."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while (now := time.monotonic()) < deadline:
                due = self._due()
                if due <= now:
                    return True
                self._changed.wait(min(due, deadline) - now)
            return False

    def taken(self) -> None:
        """What there was is on its way."""
        with self._changed:
            self._entries, self._final, self._sent_at = 0, False, time.monotonic()

    def _due(self) -> float:
        if not self._entries:
            return float("inf")
        if self._flush:
            return 0.0
        if self._burst:
            return 0.0 if self._entries >= BURST_REPORT_ENTRIES else self._sent_at + BURST_REPORT_SEC
        return 0.0 if self._final else self._first_at + SETTLE_SEC


def wanted(cores: int, *, recent: int, prefetch: int, busy: int, leased_cores: int) -> int:
    """How many jobs to ask for, with ``busy`` of ``cores`` at work and ``recent`` ends within the window."""
    ahead = min(recent, prefetch)
    want = cores + ahead - busy
    # In a burst, one answer with half of what is wanted ahead is cheaper than many with a few.
    if ahead > BURST_JOBS and want < ahead // 2 and leased_cores >= 2 * cores:
        return 0
    return max(0, want)
