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
    """Handed to every command. ``part`` (0 to 1) and ``words`` are told to the caller; ``interrupt`` ends it early."""

    part: float = 0.0
    words: str = ""
    meter: Callable[[], float] | None = None  # per cent of the query that runs, below 0 while nobody knows
    cancelled: threading.Event = field(default_factory=threading.Event)
    _interrupts: list[Callable[[], None]] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def progress(self, part: float, words: str = "") -> None:
        """Say how far it is."""
        self.part, self.words = part, words or self.words

    def part_done(self) -> float:
        """How far it is, from 0 to 1."""
        meter = self.meter
        return max(self.part, meter() / 100 if meter else 0.0)

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
