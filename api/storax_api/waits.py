"""Requests that wait for something to happen, so that a server that stops can answer them instead of breaking off."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Waits:
    """The sleeping requests of one process. ``stopping``: it ends, and nobody may sleep any more."""

    def __init__(self) -> None:
        self.stopping = False
        self._tasks: set[asyncio.Task[Any]] = set()

    def stop(self) -> None:
        """Wake all that sleep."""
        self.stopping = True
        for task in self._tasks:
            task.cancel()

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Sleep in this block; ``stop`` ends the block early and without an error."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (only coroutines sleep)
        self._tasks.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if not self.stopping:
                raise
            task.uncancel()
        finally:
            self._tasks.discard(task)
