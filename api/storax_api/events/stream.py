"""One connection's stream of events: the past from Postgres, then the present from the broadcast, no gap between."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson

from storax_api.events.broadcast import POLL_SEC, Batch, Broadcast, Subscriber
from storax_api.waits import Waits
from storax_core import limits
from storax_core.database.connections import Database
from storax_core.errors import Conflict, LostPosition, Unauthorized, Unavailable
from storax_core.log import positions
from storax_core.log.cloud_events import cloud_event
from storax_core.queries import select
from storax_core.resources import EVENTS, JOBS

log = logging.getLogger("storax.api")
BEAT_SEC = 15.0  # between comments that keep an idle connection open
SOON_SEC, LATER_SEC = 0.01, 0.5  # between reads of Postgres for what is not published yet: at first, and at most
CHUNK_BYTES = 64 << 10  # frames that are sent in one piece
NOT_NOW = (Unavailable, TimeoutError, asyncpg.PostgresError)  # Postgres could not be read; it will be


@dataclass
class EventStream:
    """The events of one owner behind position ``at``.

    ``query`` filters the past, ``wanted`` the present: sets of text by field. Without ``wanted`` the filters need
    Postgres, which is then read for the present too, whenever something comes in. With ``include_job`` an event of a
    job that comes alone brings the job as it is then. ``allowed`` says whether the caller's token is still good;
    ``waits`` ends the stream when the server stops. With ``as_cloud_events`` each event is sent as
    one of CloudEvents 1.0.
    """

    db: Database
    broadcast: Broadcast
    owner_id: int
    query: select.Query
    wanted: dict[str, set[Any]] | None
    at: int
    include_job: bool
    allowed: Callable[[], Awaitable[bool]]
    waits: Waits = field(default_factory=Waits)
    token_id: int | None = None
    as_cloud_events: bool = False

    async def frames(self) -> AsyncIterator[bytes]:
        """Yield every matching event, in order, each once; comments keep the connection open.

        A comment has the position up to which the log was searched, so that a reader whose filters match nothing for
        long can go on from there.
        """
        # A place that a restore lost, or a file of an archive that is gone, ends the stream; the reader learns of it
        # when it opens the next.
        with self.broadcast.subscribe(self.owner_id) as subscriber, contextlib.suppress(LostPosition, Conflict):
            yield self._comment(b"ready")
            while await self._goes_on():
                async for frame in self._past(subscriber):
                    yield frame
                async for frame in self._present(subscriber):
                    yield frame

    async def _present(self, subscriber: Subscriber) -> AsyncIterator[bytes]:
        """Yield what comes in, until something before it may be missing."""
        while True:
            try:
                batch = await self.waits.sleep(self._next_batch(subscriber), self.token_id)
            except TimeoutError:
                yield self._comment(b"beat")
                batch = []
            except Unauthorized:
                return
            if not await self._goes_on():
                return
            if batch is None:
                await asyncio.sleep(POLL_SEC)
                return
            new = [event for event in batch if event["position"] > self.at]
            if new and self.wanted is None:
                return
            async for frames in self._frames([event for event in new if self._matches(event)]):
                yield frames
            if new:
                self.at = new[-1]["position"]

    async def _next_batch(self, subscriber: Subscriber) -> Batch | None:
        async with asyncio.timeout(BEAT_SEC):
            return await subscriber.take()

    async def _frames(self, events: Batch) -> AsyncIterator[bytes]:
        """Yield the frames of events, many small ones in one piece."""
        piece = bytearray()
        for event in await self._with_job(events):
            piece += _frame(event, cloud_event(event) if self.as_cloud_events else event)
            self.at = event["position"]
            if len(piece) >= CHUNK_BYTES:
                yield bytes(piece)
                piece.clear()
        if piece:
            yield bytes(piece)

    def _comment(self, text: bytes) -> bytes:
        return b"id: %d\n: %s\n\n" % (self.at, text)

    async def _goes_on(self) -> bool:
        """Whether the caller may read on. While Postgres cannot say so, nothing is sent."""
        while not self.waits.stopping:
            try:
                return await self.allowed()
            except NOT_NOW:
                await asyncio.sleep(POLL_SEC)
        return False

    def _matches(self, event: dict[str, Any]) -> bool:
        return all(str(event[name]) in values for name, values in (self.wanted or {}).items())

    async def _with_job(self, events: Batch) -> Batch:
        """Add its job to an event that comes alone, so that the reader needs no request for it."""
        of_jobs = [e for e in events if e["entity"] == "job"] if self.include_job else []
        if len(of_jobs) != 1:
            return events
        row = await self._job(of_jobs[0]["entity_id"])
        # A copy: other connections hold the same events.
        return [{**e, "job": row} if row and e is of_jobs[0] else e for e in events]

    async def _job(self, job_id: int) -> dict[str, Any] | None:
        try:
            async with self.db.owner(self.owner_id, by_key=True) as conn:
                return await select.fetch_one(conn, JOBS, self.owner_id, job_id)
        except NOT_NOW:
            return None  # the event does not wait for it

    async def _past(self, subscriber: Subscriber) -> AsyncIterator[bytes]:
        """Yield what Postgres has, up to the subscriber's cursor at least: what is behind it comes to the inbox alone.

        The published position may be behind the cursor for a moment, or for long; until then Postgres is read again.
        """
        pause, next_beat = SOON_SEC, time.monotonic() + BEAT_SEC
        while await self._goes_on():
            end, page = await self._next_page()
            async for frames in self._frames(_events(page)):
                yield frames
            if page is not None and page.next is not None:
                continue
            self.at = max(self.at, end)
            if end >= subscriber.cursor:
                return
            if time.monotonic() > next_beat:
                next_beat = time.monotonic() + BEAT_SEC
                yield self._comment(b"beat")
            await self.waits.sleep(asyncio.sleep(pause))
            pause = min(2 * pause, LATER_SEC)

    async def _next_page(self) -> tuple[int, select.Page | None]:
        """Return the published position and a page of what is before it; -1 and None while Postgres cannot be read."""
        try:
            return await self._page()
        except NOT_NOW as error:
            log.warning("an event stream waits for Postgres: %s: %s", type(error).__name__, error)
            return -1, None

    async def _page(self) -> tuple[int, select.Page]:
        end = await self.broadcast.published()
        filters = {**self.query.filter, "position__gt": self.at, "position__lte": end}
        query = select.Query(filter=filters, exclude=self.query.exclude, ordering=["position"], limit=1000)
        async with self.db.owner(self.owner_id, by_filter=True) as conn:
            await positions.check(conn, self.at)
            return end, await select.fetch_page(conn, EVENTS, self.owner_id, query, size=limits.STREAM_PAGE_BYTES)


def _events(page: select.Page | None) -> Batch:
    return [dict(zip(page.columns, row, strict=True)) for row in page.rows] if page else []


def _frame(event: dict[str, Any], sent: dict[str, Any]) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event["position"], event["type"].encode(), orjson.dumps(sent))
