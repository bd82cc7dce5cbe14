"""The present of the event feed: one task per process reads each published event once and hands it to subscribers.

The Redis stream only says when to look. What it says is not believed: the position up to which the log is published,
the events and their owners come from Postgres, so nobody who can write to Redis can show an event to anyone.

A connection first subscribes, then reads Postgres at least up to its cursor: the position handed out before it
subscribed. The task has a deadline for each round, and starts over from Postgres whatever it meets.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

from storax_api.background import Background
from storax_core import limits
from storax_core.database.connections import Database
from storax_core.database.heartbeats import FOLLOWER, Heartbeat
from storax_core.database.json_meter import meter_of
from storax_core.log import watermark
from storax_core.queues import QueueDown, Queues

log = logging.getLogger("storax.api")
POLL_SEC = 0.25  # between reads of Postgres while Redis is away
NOBODY_SEC = 0.25  # and while nobody listens
QUIET_SEC = 2.0  # without a batch, after which Postgres is asked whether there was none
ROUND_SEC, LIMIT_SEC = 10.0, 15.0  # for one round, and between two that succeed
CHUNK = 2000  # events read at once
FAR_BEHIND = 50_000  # positions; who is further behind than this reads the log alone
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
        self.cursor = upto
        self.inbox.put_nowait(None)


class Broadcast(Background):
    """Reads what is published once and hands each owner's events to that owner's subscribers."""

    def __init__(self, queues: Queues, db: Database) -> None:
        self._queues, self._db = queues, db
        self._subscribers: set[Subscriber] = set()
        self._last = 0  # position up to which everything was handed out
        self._succeeded = time.monotonic()
        self._reading: asyncio.Task[int] | None = None
        self._arrival = asyncio.Event()
        self.restarts = 0

    @contextlib.contextmanager
    def subscribe(self, owner_id: int) -> Iterator[Subscriber]:
        """Yield an inbox that receives the owner's events from now on."""
        subscriber = Subscriber(owner_id, self._last)
        self._subscribers.add(subscriber)
        self._arrival.set()
        try:
            yield subscriber
        finally:
            self._subscribers.discard(subscriber)

    async def _run(self) -> None:
        while True:
            try:
                await self._follow_or_poll()
            except Exception as error:
                self.restarts += 1
                log.warning("the event feed starts over: %s: %s", type(error).__name__, error)
            await asyncio.sleep(POLL_SEC)

    async def _follow_or_poll(self) -> None:
        """Follow the stream; go by Postgres alone while Redis is away."""
        try:
            await self._follow()
        except QueueDown:
            async with self._round():
                await self._advance()

    async def _follow(self) -> None:
        async with self._round():
            at = await self._queues.feed_end()
            await self._advance()  # events may have been published while nobody followed
        while True:
            async with self._round():
                entries = await self._queues.follow(at, QUIET_SEC)
                at = entries[-1] if entries else at
                await self._wait_for_subscriber()
                await self._advance()
                if not entries and _position(await self._queues.feed_end()) < _position(at):
                    return  # a new stream, behind the position that this one waits for

    async def _wait_for_subscriber(self) -> None:
        """Let events gather for a moment while there is nobody to hand them to."""
        if self._subscribers:
            return
        self._arrival.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(NOBODY_SEC):
                await self._arrival.wait()

    @contextlib.asynccontextmanager
    async def _round(self) -> AsyncIterator[None]:
        async with asyncio.timeout(ROUND_SEC):
            yield
        self._succeeded = time.monotonic()

    def heartbeat(self) -> Heartbeat:
        """Return when the task last completed a round."""
        age = time.monotonic() - self._succeeded
        return Heartbeat(FOLLOWER, age, LIMIT_SEC, age)

    async def published(self) -> int:
        """Read the published position; callers at the same time share one read, and one connection."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._published())
        return await asyncio.shield(self._reading)

    async def _published(self) -> int:
        async with self._db.worker() as conn:
            return await watermark.published(conn)

    async def _advance(self) -> None:
        """Read what was published since, for those who listen, and hand it out: one statement for each ``CHUNK``."""
        async with self._db.worker() as conn:
            while True:
                owners = {subscriber.owner_id for subscriber in self._subscribers}
                with meter_of(conn).limited(limits.BACKLOG_BYTES) as meter:
                    new = await watermark.read_published(conn, owners, self._last, CHUNK)
                    size = limits.BACKLOG_BYTES - meter.left
                if new.position != self._last:
                    self._take(new, owners, size)
                if len(new.events) < CHUNK:
                    return

    def _take(self, new: watermark.Published, owners: set[int], size: int) -> None:
        """Hand out what was read for these owners; have those read by themselves for whom something may be missing."""
        within_reach = self._last and 0 < new.position - self._last <= FAR_BEHIND
        if not within_reach or (owners and new.horizon > self._last):  # what is archived is missing in these events
            self._resync_all(new.position)
            self._last = new.position
            return
        last = new.events[-1]["position"] if len(new.events) == CHUNK else new.position
        self._hand_out(new.events, last, size)
        for subscriber in self._subscribers:
            if subscriber.owner_id not in owners:  # it came while the events were read
                subscriber.resync(last)

    def _hand_out(self, rows: Batch, last: int, size: int = 0) -> None:
        """Hand events of Postgres to their owners' subscribers; they are all that were published up to ``last``.

        Of more bytes than a subscriber may hold some were dropped: then all of them read the log by themselves.
        """
        by_owner: dict[int, Batch] = {}
        for row in rows:
            event = watermark.event(row)
            by_owner.setdefault(event.pop("owner_id"), []).append(event)
        for subscriber in self._subscribers:
            if subscriber.owner_id in by_owner:
                own = by_owner[subscriber.owner_id]
                share = size if size > limits.BACKLOG_BYTES else size * len(own) // len(rows)
                subscriber.push(own, last, share)
        self._last = last

    def _resync_all(self, upto: int) -> None:
        for subscriber in self._subscribers:
            subscriber.resync(upto)


def _position(entry: str) -> int:
    return int(entry.partition("-")[0])
