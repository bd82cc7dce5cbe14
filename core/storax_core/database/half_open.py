"""Half-open connections: the other end is gone, and nothing says so.

A failover, a firewall or a proxy may leave a connection open that carries nothing any more; whoever waits for an answer
on it would wait for ever, while new connections work. TCP finds an end whose machine does not answer. What only looks
alive is found by asking Postgres, over a new connection, what it does for the ones that have been lent for long.
"""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

log = logging.getLogger("storax.database")
Connection = Any  # asyncpg ships no types
LOOK_SEC = 2.0  # between looks at what is lent
SILENT_SEC = 6.0  # lent for so long, and idle at the server: nobody will answer on it
NEW_SEC = 3.0  # for a new connection and its answer
# In seconds: from the last byte to the first probe, between probes; probes unanswered; milliseconds for sent bytes.
_TCP = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 10_000}
# The same for the server's end, so that the locks and transactions of a client that is gone end as soon.
SERVER_TCP = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
BACKENDS = """SELECT pid, state IS DISTINCT FROM 'active' AND state IS NOT NULL
AND clock_timestamp() - state_change > $2 * interval '1 second' AS idle FROM pg_stat_activity WHERE pid = ANY($1)"""


def set_tcp_deadlines(conn: Connection) -> None:
    """Have the kernel end a connection whose other machine has not answered for about ten seconds."""
    wire = conn._transport.get_extra_info("socket")
    if wire.family not in (socket.AF_INET, socket.AF_INET6):
        return
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _TCP.items():
        if hasattr(socket, name):  # macOS lacks some
            wire.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


class Lent:
    """The connections that callers hold at this moment, and since when."""

    def __init__(self) -> None:
        self._since: dict[Connection, float] = {}

    def add(self, conn: Connection) -> None:
        """Note that a connection was lent now."""
        self._since[conn] = time.monotonic()

    def discard(self, conn: Connection) -> None:
        """Note that it was given back."""
        self._since.pop(conn, None)

    def long(self) -> list[Connection]:
        """Return those that have been lent for ``SILENT_SEC``."""
        before = time.monotonic() - SILENT_SEC
        return [conn for conn, since in self._since.items() if since < before and not conn.is_closed()]


class HalfOpenWatch:
    """Ends lent connections whose backend is gone or idle while its client waits.

    Args:
        connect: Opens a new connection, without a pool.
        lent: What is lent.
        close_idle: Closes the connections that lie in the pools now; they are as old.
    """

    def __init__(
        self, connect: Callable[[], Awaitable[Connection]], lent: Lent, close_idle: Callable[[], Awaitable[None]]
    ) -> None:
        self._connect, self._lent, self._close_idle = connect, lent, close_idle

    async def run(self) -> None:
        """Check for ever. Postgres that does not answer a new connection either is no reason to end the old ones."""
        while True:
            await asyncio.sleep(LOOK_SEC)
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self.check()

    async def check(self) -> None:
        """End what is half-open; callers that wait on it get an error at once."""
        suspects = {conn.get_server_pid(): conn for conn in self._lent.long()}
        if not suspects:
            return
        async with asyncio.timeout(NEW_SEC):
            silent = await self._silent(list(suspects))
        for pid in silent:
            suspects[pid].terminate()
        if silent:
            log.warning("ended %d connections on which Postgres does nothing for their callers", len(silent))
            await self._close_idle()

    async def _silent(self, pids: list[int]) -> list[int]:
        """Return the backends that are idle or no more."""
        conn = await self._connect()
        try:
            idle = {row["pid"]: row["idle"] for row in await conn.fetch(BACKENDS, pids, SILENT_SEC)}
        finally:
            conn.terminate()
        return [pid for pid in pids if idle.get(pid, True)]
