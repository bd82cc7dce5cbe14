"""One command at work: how far it is, and whether anyone still waits for it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from storax.errors import JobFailed, StoraxError


class Cancelled(StoraxError):
    """Nobody waits for the command any more."""

    code = "cancelled"


def cancelled_job(job_id: int) -> JobFailed:
    """What is said of a job that somebody cancelled; its ``reason`` is that one word."""
    error = JobFailed(f"Job {job_id} was cancelled; nothing was kept.")
    error.reason = "cancelled"
    return error


@dataclass
class Work:
    """What every command gets: it reports progress here, and learns here that nobody waits any more.

    Attributes:
        part: how much is done, 0 to 1.
        text: what is being done.
        meter: per cent of the query that runs, below 0 while nobody knows; None while none runs.
        follow: where the progress of what the command waits for is read; None while it waits for nothing.
        cancelled: whether it was cancelled.
    """

    part: float = 0.0
    text: str = ""
    meter: Callable[[], float] | None = None
    follow: Callable[[], tuple[float, str]] | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    _interrupts: list[Callable[[], None]] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def progress(self, part: float, text: str = "") -> None:
        """Say how far it is."""
        self.part, self.text = part, text or self.text

    def state(self) -> tuple[float, str]:
        """The part done, 0 to 1, and what is being done. May read files."""
        meter, follow = self.meter, self.follow
        if follow is not None:
            return follow()
        return max(self.part, meter() / 100 if meter else 0.0), self.text

    def cancel(self) -> None:
        """Nobody waits any more. To be repeated until it has ended: what has not begun cannot be interrupted."""
        self.cancelled.set()
        with self._guard:
            for interrupt in self._interrupts:
                with suppress(Exception):
                    interrupt()

    def go_on(self) -> None:
        """Return where someone waits.

        Raises:
            Cancelled: nobody does any more.
        """
        if self.cancelled.is_set():
            raise Cancelled("It was cancelled.")

    @contextmanager
    def interruptible(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """Call ``interrupt`` from another thread should it be cancelled inside the block.

        Raises:
            Cancelled: it was cancelled before.
        """
        with self._guard:
            self.go_on()
            self._interrupts.append(interrupt)
        try:
            yield
        finally:
            with self._guard:
                self._interrupts.remove(interrupt)
