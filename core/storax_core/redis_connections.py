"""Connections to Redis that fail soon: by deadline, and for all callers at once."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

log = logging.getLogger("storax.queues")
QUICK_SEC = 1.0  # a Redis that takes longer over a command that does not wait is as good as down
REST_SEC = 1.0  # and is left alone for so long


class QueueDown(Exception):
    """Redis does not answer; callers go on with Postgres alone."""


def _client(url: str, connections: int) -> Redis:
    """Its own pool, one immediate retry (the server may have closed an idle connection), no timeout of its own."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=QUICK_SEC,
        socket_connect_timeout=QUICK_SEC,
        socket_timeout=None,
        retry=Retry(NoBackoff(), 1),
    )
    return Redis.from_pool(pool)


class RedisConnections:
    """The connections of one process.

    Sleepers have connections of their own, so that however many wait, a hint can still be sent. A command that Redis
    leaves unanswered for ``QUICK_SEC`` raises QueueDown; then all fail at once for ``REST_SEC``: nobody queues up
    behind a Redis that hangs. Connections that lay idle meanwhile may be half-open, and are closed. A key of another
    type than ours is deleted. ``bad_entries`` counts what was deleted or skipped.
    """

    def __init__(self, url: str, *, sleepers: int) -> None:
        self._redis = _client(url, 64)
        self._sleeping = _client(url, sleepers)
        self._rest_until = 0.0
        self._closed = False
        self.bad_entries = 0

    @asynccontextmanager
    async def _guard(self, seconds: float | None, type_of_keys: str = "", *keys: str) -> AsyncIterator[None]:
        """Raise QueueDown after ``seconds``, or if Redis fails. ``keys`` are those that the block uses.

        A call that outlives its process' shutdown opens no connection, and leaves none open.
        """
        if self._closed:
            raise QueueDown("the connections to Redis are closed")
        try:
            async with asyncio.timeout(seconds):
                yield
        except (RedisError, OSError) as error:
            if isinstance(error, TimeoutError):
                await self._close_idle()
            if "WRONGTYPE" in str(error):
                await self._delete_foreign(type_of_keys, keys)
            raise QueueDown(str(error) or type(error).__name__) from error
        finally:
            if self._closed:
                await self.close()

    @asynccontextmanager
    async def _quick(self, type_of_keys: str = "", *keys: str) -> AsyncIterator[None]:
        if monotonic() < self._rest_until:
            raise QueueDown("Redis did not answer a moment ago")
        try:
            async with self._guard(QUICK_SEC, type_of_keys, *keys):
                yield
        except QueueDown as error:
            if not isinstance(error.__cause__, ResponseError):
                self._rest_until = monotonic() + REST_SEC
            raise

    async def _close_idle(self) -> None:
        """Close what lies idle: where one connection is half-open the others are as well."""
        with contextlib.suppress(RedisError, OSError):
            for client in (self._redis, self._sleeping):
                await client.connection_pool.disconnect(inuse_connections=False)

    async def _delete_foreign(self, type_of_keys: str, keys: Iterable[str]) -> None:
        """Delete those of the keys that are of another type than ours; they would fail every call."""
        with contextlib.suppress(RedisError, OSError):
            async with asyncio.timeout(QUICK_SEC):
                for key in keys:
                    stored: Any = await self._redis.type(key)
                    if stored.decode() not in (type_of_keys, "none"):
                        await self._redis.delete(key)
                        self.count_bad_entry(f"{key} is no {type_of_keys}")

    def count_bad_entry(self, what: str) -> None:
        """Count something in Redis that no Storax process writes."""
        self.bad_entries += 1
        log.warning("Redis held what is not ours, and it was skipped: %s", what)

    async def close(self) -> None:
        """Close all connections, for good."""
        self._closed = True
        await self._redis.aclose()
        await self._sleeping.aclose()
