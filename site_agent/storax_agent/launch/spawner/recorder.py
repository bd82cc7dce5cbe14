"""What happens in one round of the spawner: collected, written to the journal, sent to the agent."""

import time
from collections.abc import Callable

from storax_agent.launch.protocol.messages import Events
from storax_agent.launch.spawner.journal import Journal
from storax_agent.launch.work import Ended, Started

FLUSH_SEC = 0.004  # while work is queued, rounds closer together than this share one line


class Recorder:
    """``send`` gets each round's events and their line once the journal has them."""

    def __init__(self, journal: Journal, send: Callable[[Events, bytes], None]) -> None:
        self.journal, self._send = journal, send
        self._started: list[Started] = []
        self._ended: list[Ended] = []
        self._flushed_at = 0.0

    @property
    def pending(self) -> bool:
        """Whether something was not yet written down."""
        return bool(self._started or self._ended)

    @property
    def ends_pending(self) -> bool:
        """Whether processes have ended since the last round."""
        return bool(self._ended)

    def next_due(self) -> float | None:
        """When ``flush`` has something to do, by the monotonic clock."""
        return self._flushed_at + FLUSH_SEC if self.pending else None

    def starting(self, intended: Started) -> None:
        """A process is about to start."""
        self.journal.announce(intended)

    def started(self, started: Started) -> None:
        """A process runs."""
        self._started.append(started)

    def ended(self, ended: Ended) -> None:
        """A process has ended, or could not be started."""
        self._ended.append(ended)

    def flush(self, *, wait: bool = False) -> None:
        """Write down what happened and send it; with ``wait``, more may join it for a moment."""
        if not self.pending:
            return
        now = time.monotonic()
        if wait and now - self._flushed_at < FLUSH_SEC:
            return
        events, line = self.journal.append(self._started, self._ended)
        self._started, self._ended, self._flushed_at = [], [], now
        self._send(events, line)
