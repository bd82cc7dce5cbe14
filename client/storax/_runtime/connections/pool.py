"""A pool that lends connections, at a cost that does not grow with their number."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

IDLE_SEC = 30.0


class Closable(Protocol):
    """What the pool lends: a connection, or what holds one."""

    def close(self) -> None:
        """Close the connection."""


C = TypeVar("C", bound=Closable)


class Pool(Generic[C]):
    """Lends every call a connection of its own, first the one that was used last. Safe for threads.

    There are as many connections as calls at once. Those that nobody used for ``idle_sec`` are closed by the next call.

    Args:
        open_one: Makes a connection, or what opens one at its first use.
        idle_sec: Seconds after which an idle connection is closed.
        now: The monotonic clock.
    """

    def __init__(
        self, open_one: Callable[[], C], *, idle_sec: float = IDLE_SEC, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._open_one, self._idle_sec, self._now = open_one, idle_sec, now
        self._lock = threading.Lock()
        self._idle: deque[tuple[C, float]] = deque()  # with the time of its last use, oldest first
        self._lent: set[C] = set()
        self._closed = False

    @contextmanager
    def lend(self) -> Iterator[C]:
        """Lend a connection for the block."""
        connection = self._take()
        try:
            yield connection
        finally:
            self._put_back(connection)

    def close(self) -> None:
        """Close all connections, those in use too. A call that goes on has one for itself, closed at its end."""
        with self._lock:
            self._closed = True
            connections = [*(connection for connection, _ in self._idle), *self._lent]
            self._idle.clear()
            self._lent.clear()
        for connection in connections:
            connection.close()

    def close_idle(self) -> None:
        """Close the connections that no call uses."""
        with self._lock:
            idle = [connection for connection, _ in self._idle]
            self._idle.clear()
        for connection in idle:
            connection.close()

    def _take(self) -> C:
        with self._lock:
            connection = self._idle.pop()[0] if self._idle else self._open_one()
            if not self._closed:
                self._lent.add(connection)
        return connection

    def _put_back(self, connection: C) -> None:
        with self._lock:
            is_ours = connection in self._lent
            if is_ours:  # else the pool was closed meanwhile
                self._lent.discard(connection)
                self._idle.append((connection, self._now()))
            expired = self._take_expired()
        for idle in expired if is_ours else [connection, *expired]:
            idle.close()

    def _take_expired(self) -> list[C]:
        before, expired = self._now() - self._idle_sec, []
        while self._idle and self._idle[0][1] < before:
            expired.append(self._idle.popleft()[0])
        return expired
