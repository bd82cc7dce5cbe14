"""Requests that wait for something to happen, so that a server that stops can answer them instead of breaking off,
and that those whose token is refused by now do not wait on."""

import asyncio
from collections.abc import Collection, Coroutine
from typing import Any, TypeVar

from storax_core.errors import Unauthorized

Value = TypeVar("Value")


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

    async def sleep(self, until: Coroutine[Any, Any, Value], token_id: int | None = None) -> Value | None:
        """Await ``until`` and return its result; None where the server stops, which breaks it off or never begins it.

        A request that is about to sleep when the server stops must not: nobody would wake it any more.

        Raises:
            Unauthorized: the caller's token ``token_id`` was revoked meanwhile, or has expired.
        """
        if self.stopping:
            until.close()
            return None
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (only coroutines sleep)
        self._tasks[task] = token_id
        try:
            return await until
        except asyncio.CancelledError:
            if task in self._refused:
                task.uncancel()
                raise Unauthorized("the token was revoked or has expired", hint="Run `storax login`.") from None
            if not self.stopping:
                raise
            task.uncancel()
            return None
        finally:
            self._tasks.pop(task, None)
            self._refused.discard(task)
