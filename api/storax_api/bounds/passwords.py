"""Passwords are hashed in few threads, a few at a time: whoever guesses them takes half of the processors at most."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from storax_core import limits
from storax_core.errors import TooMany

T = TypeVar("T")
SECONDS_OF_ONE = 0.2  # about what a hash takes on a busy machine


class Passwords:
    """Runs what hashes a password; at most ``PASSWORDS_WAITING`` of them wait."""

    def __init__(self) -> None:
        self._threads = min(2, max(1, (os.cpu_count() or 1) // 2))
        self._pool = ThreadPoolExecutor(self._threads, "storax-password")
        self._under_way = 0

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Run a function in one of the threads and return its result. Raises TooMany where too many wait."""
        if self._under_way >= self._threads + limits.PASSWORDS_WAITING:
            seconds = self._under_way * SECONDS_OF_ONE / self._threads
            raise TooMany("too many passwords are being checked", retry_after=max(1, round(seconds)))
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, function, *args)
        finally:
            self._under_way -= 1

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)
