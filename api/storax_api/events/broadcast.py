"""The present of the event feed: one task per process follows the Redis stream and hands its batches to subscribers.

A connection first subscribes, then reads Postgres at least up to its cursor: the position handed out before it
subscribed. Whenever the stream may have lost something, and while Redis is away, subscribers go back to Postgres.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from storax_core import limits
from storax_core.database.connections import Database
from storax_core.errors import Unavailable
from storax_core.log import watermark
from storax_core.queues import QueueDown, Queues

log = logging.getLogger("storax.api")
POLL_SEC = 0.25  # between reads of Postgres while Redis is away
QUIET_SEC = 2.0  # without a batch, after which Postgres is asked whether there was none
BACKLOG = 1000  # batches that a slow subscriber may lag behind before it goes back to Postgres; see also limits.py
Batch = list[dict[str, Any]]


@dataclass(eq=False)
class Subscriber:
    """One open connection's inbox; its batches follow position ``cursor`` without a gap. None in it: read Postgres.

    ``events`` and ``size`` are how many events wait in it, and their bytes; ``counts`` are both of each batch.
    """

    owner_id: int
    cursor: int
    inbox: asyncio.Queue[Batch | None] = field(default_factory=lambda: asyncio.Queue(BACKLOG))
    events: int = 0
    size: int = 0
    counts: deque[tuple[int, int]] = field(default_factory=deque)

    def push(self, events: Batch, last: int, size: int) -> None:
        """Add a batch of the stream that ends at ``last``; a subscriber that is too slow has to resync.

        ``size``: bytes of the batch.
        """
        self._count(len(events), size)
        too_many = self.events > limits.BACKLOG_EVENTS and len(self.counts) > 1
        if self.inbox.full() or too_many or self.size > limits.BACKLOG_BYTES:
            self.resync(last)
        else:
            self.inbox.put_nowait(events)

    async def take(self) -> Batch | None:
        """Wait for the next batch."""
        batch = await self.inbox.get()
        if batch is not None and self.counts:
            events, size = self.counts.popleft()
            self.events, self.size = self.events - events, self.size - size
        return batch

    def _count(self, events: int, size: int) -> None:
        self.counts.append((events, size))
        self.events, self.size = self.events + events, self.size + size

    def resync(self, upto: int) -> None:
        """Drop all batches and have Postgres read up to this position: something before it may be missing."""
        while not self.inbox.empty():
            self.inbox.get_nowait()
        self.counts.clear()
        self.events = self.size = 0
        self.cursor = max(self.cursor, upto)
        self.inbox.put_nowait(None)


class Broadcast:
    """Follows the Redis stream once and hands each owner's events to that owner's subscribers."""

    def __init__(self, queues: Queues, db: Database) -> None:
        self._queues, self._db = queues, db
        self._subscribers: set[Subscriber] = set()
        self._task: asyncio.Task[None] | None = None
        self._last = 0  # position up to which everything was handed out

    def start(self) -> None:
        """Start the task that follows the stream."""
        self._task = asyncio.create_task(self._follow_for_ever())

    async def stop(self) -> None:
        """Stop it."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @contextlib.contextmanager
    def subscribe(self, owner_id: int) -> Iterator[Subscriber]:
        """Yield an inbox that receives the owner's events from now on."""
        subscriber = Subscriber(owner_id, self._last)
        self._subscribers.add(subscriber)
        try:
            yield subscriber
        finally:
            self._subscribers.discard(subscriber)

    async def _follow_for_ever(self) -> None:
        while True:
            try:
                await self._follow()
            except QueueDown:
                self._resync_all(self._last)
            except Unavailable as error:
                log.warning("the feed waits for Postgres: %s", error)
            await asyncio.sleep(POLL_SEC)

    async def _follow(self) -> None:
        at = await self._queues.feed_end()
        self._last = _position(at)
        self._resync_all(self._last)  # events may have been published while nobody followed
        while True:
            entries = await self._queues.follow(at, QUIET_SEC)
            for entry, body in entries:
                at = entry
                self._hand_out(_position(entry), body)
            if not entries:
                await self._check_postgres()
                if _position(await self._queues.feed_end()) < _position(at):
                    return  # a new stream, behind the position that this one waits for

    async def _check_postgres(self) -> None:
        """Resync if events were published although no batch came: a flushed Redis forgets them."""
        async with self._db.worker() as conn:
            end = await watermark.published(conn)
        if end > self._last:
            self._last = end
            self._resync_all(end)

    def _hand_out(self, last: int, body: bytes) -> None:
        if self._subscribers:
            batch = orjson.loads(body)
            if batch["after"] != self._last:
                self._resync_all(batch["after"])  # the feeder could not publish something, or Redis lost it
            by_owner: dict[int, Batch] = {}
            for event in batch["events"]:
                by_owner.setdefault(event.pop("owner_id"), []).append(event)
            for subscriber in self._subscribers:
                if subscriber.owner_id in by_owner:
                    own = by_owner[subscriber.owner_id]
                    subscriber.push(own, last, len(body) * len(own) // len(batch["events"]))
        self._last = last

    def _resync_all(self, upto: int) -> None:
        for subscriber in self._subscribers:
            subscriber.resync(upto)


def _position(entry: str) -> int:
    return int(entry.partition("-")[0])
