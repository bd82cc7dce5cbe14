"""Requests that wait for something to happen, so that a server that stops can answer them instead of breaking off,
and that those whose token is refused by now do not wait on."""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from storax_core.errors import Unauthorized


class Waits:
    """The sleeping requests of one process. ``stopping``: it ends, and nobody may sleep any more."""

    def __init__(self) -> None:
        self.stopping = False
        self._tasks: dict[asyncio.Task[Any], int | None] = {}
        self._refused: set[asyncio.Task[Any]] = set()

    def stop(self) -> None:
        """Wake all that sleep."""
        self.stopping = True
        for task in self._tasks:
            task.cancel()

    def tokens(self) -> set[int]:
        """Return the ids of the tokens of those that sleep."""
        return {token for token in self._tasks.values() if token is not None}

    def refuse(self, tokens: Collection[int]) -> None:
        """Wake those that sleep with one of these tokens; they end."""
        for task, token in self._tasks.items():
            if token in tokens and task not in self._refused:
                self._refused.add(task)
                task.cancel()

    @contextmanager
    def interruptible(self, token_id: int | None = None) -> Iterator[None]:
        """Sleep in this block; ``stop`` ends the block early and without an error.

        Raises:
            Unauthorized: the caller's token ``token_id`` was revoked meanwhile, or has expired.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (only coroutines sleep)
        self._tasks[task] = token_id
        try:
            yield
        except asyncio.CancelledError:
            if task in self._refused:
                task.uncancel()
                raise Unauthorized("the token was revoked or has expired", hint="Run `storax login`.") from None
            if not self.stopping:
                raise
            task.uncancel()
        finally:
            self._tasks.pop(task, None)
            self._refused.discard(task)
