"""A share for each owner of what all callers use: nobody's calls wait for another's hundred."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from storax_core.errors import TooMany


@dataclass
class _Line:
    """The calls of one owner: how many are under way, and those that wait, in order."""

    under_way: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class Shares:
    """At most ``most`` at once for each owner; further ones wait their turn for ``wait`` seconds. ``of`` names them."""

    def __init__(self, most: int, *, wait: float, of: str) -> None:
        self._most, self._wait, self._name = most, wait, of
        self._lines: dict[int, _Line] = {}

    @asynccontextmanager
    async def of(self, owner_id: int) -> AsyncIterator[None]:
        """Take a place in this block. Raises TooMany where none became free in time."""
        await self.enter(owner_id)
        try:
            yield
        finally:
            self.leave(owner_id)

    async def enter(self, owner_id: int) -> None:
        """Take a place; ``leave`` must follow. Raises TooMany where none became free in time."""
        line = self._lines.setdefault(owner_id, _Line())
        if line.under_way < self._most:
            line.under_way += 1
            return
        turn = asyncio.get_running_loop().create_future()
        line.waiting.append(turn)
        try:
            async with asyncio.timeout(self._wait):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self.leave(owner_id)  # the place came at the same moment
            else:
                with suppress(ValueError):  # whoever left has passed over it
                    line.waiting.remove(turn)
            if isinstance(error, TimeoutError):
                raise TooMany(f"more than {self._most} {self._name} of yours at once, for {self._wait:g} s") from None
            raise

    def leave(self, owner_id: int) -> None:
        """Give the place back: to the first that waits."""
        line = self._lines[owner_id]
        while line.waiting:
            turn = line.waiting.popleft()
            if not turn.done():
                turn.set_result(None)  # the place changes hands
                return
        line.under_way -= 1
        if not line.under_way:
            del self._lines[owner_id]
