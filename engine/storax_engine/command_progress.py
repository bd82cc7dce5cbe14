"""Progress and cancellation of one command."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from storax.errors import JobCancelled, StoraxError


class Cancelled(StoraxError):
    """The command was cancelled, because its caller no longer waits."""

    code = "cancelled"


def cancelled_job(job_id: int) -> JobCancelled:
    """Return the error of a cancelled job; its ``reason`` is "cancelled"."""
    error = JobCancelled(f"Job {job_id} was cancelled; nothing was kept.")
    error.reason = "cancelled"
    return error


@dataclass
class Work:
    """The state of a running command, which every command gets: it reports progress here and checks for cancellation.

    Attributes:
        part: the part done, 0 to 1.
        text: the present step, for users.
        query_percent: returns the progress of the running query, 0 to 100, below 0 if unknown; None: no query runs.
        remote_progress: returns part and text of the job that the command waits for; None: it waits for no job.
        cancelled: set once the command is cancelled.
        reason: why it was cancelled; begins with "cancelled", as the message of every cancelled job does.
    """

    part: float = 0.0
    text: str = ""
    query_percent: Callable[[], float] | None = None
    remote_progress: Callable[[], tuple[float, str]] | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    reason: str = "cancelled"
    _interrupts: list[Callable[[], None]] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def progress(self, part: float, text: str = "") -> None:
        """Set the part done, 0 to 1, and the text unless it is empty."""
        self.part, self.text = part, text or self.text

    def state(self) -> tuple[float, str]:
        """Return the part done, 0 to 1, and the text. May read files."""
        percent, remote = self.query_percent, self.remote_progress  # another thread may set them to None
        if remote is not None:
            return remote()
        return max(self.part, percent() / 100 if percent else 0.0), self.text

    def cancel(self, reason: str = "cancelled") -> None:
        """Cancel the command, and interrupt its running query. The first reason is kept.

        Call repeatedly until the command has ended: a query that starts later is not interrupted by an earlier call.
        """
        if not self.cancelled.is_set():
            self.reason = reason
        self.cancelled.set()
        with self._guard:
            for interrupt in self._interrupts:
                with suppress(Exception):
                    interrupt()

    def raise_if_cancelled(self) -> None:
        """Raise ``Cancelled`` if the command was cancelled."""
        if self.cancelled.is_set():
            raise Cancelled("It was cancelled.")

    @contextmanager
    def interruptible(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """Call ``interrupt`` from another thread if the command is cancelled inside the block.

        Raises:
            Cancelled: the command was cancelled before the block.
        """
        with self._guard:
            self.raise_if_cancelled()
            self._interrupts.append(interrupt)
        try:
            yield
        finally:
            with self._guard:
                self._interrupts.remove(interrupt)
