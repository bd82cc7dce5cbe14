"""One connection's stream of events: the past from Postgres, then the present from the broadcast, no gap between."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from storax_api.events.broadcast import POLL_SEC, Batch, Broadcast, Subscriber
from storax_api.waits import Waits
from storax_core import limits
from storax_core.database.connections import Database
from storax_core.log import watermark
from storax_core.queries import select
from storax_core.resources import EVENTS, JOBS

BEAT_SEC = 15.0  # between comments that keep an idle connection open
PATIENCE_SEC, SOON_SEC = 2.0, 0.01  # how long, and how often, the published position is read again


@dataclass
class EventStream:
    """The events of one owner behind position ``at``.

    ``query`` filters the past, ``wanted`` the present: sets of text by field. With ``include_job`` an event of a job
    that comes alone brings the job as it is then. ``allowed`` says whether the caller's token is still good; ``waits``
    ends the stream when the server stops.
    """

    db: Database
    broadcast: Broadcast
    owner_id: int
    query: select.Query
    wanted: dict[str, set[Any]]
    at: int
    include_job: bool
    allowed: Callable[[], Awaitable[bool]]
    waits: Waits = field(default_factory=Waits)

    async def frames(self) -> AsyncIterator[bytes]:
        """Yield every matching event, in order, each once; comments keep the connection open."""
        with self.broadcast.subscribe(self.owner_id) as subscriber:
            yield b": ready\n\n"
            async for frame in self._past(subscriber):
                yield frame
            async for frame in self._present(subscriber):
                yield frame

    async def _present(self, subscriber: Subscriber) -> AsyncIterator[bytes]:
        while True:
            batch: Batch | None = []
            try:
                with self.waits.interruptible():
                    async with asyncio.timeout(BEAT_SEC):
                        batch = await subscriber.take()
            except TimeoutError:
                yield b": beat\n\n"
            if self.waits.stopping or not await self.allowed():
                return
            if batch is None:
                await asyncio.sleep(POLL_SEC)
                async for frame in self._past(subscriber):
                    yield frame
            for event in await self._with_job([e for e in batch or () if e["position"] > self.at]):
                self.at = event["position"]
                if self._matches(event):
                    yield _frame(event)

    def _matches(self, event: dict[str, Any]) -> bool:
        return all(str(event[name]) in values for name, values in self.wanted.items())

    async def _with_job(self, events: Batch) -> Batch:
        """Add its job to an event that comes alone, so that the reader needs no request for it."""
        of_jobs = [e for e in events if e["entity"] == "job" and self._matches(e)] if self.include_job else []
        if len(of_jobs) != 1:
            return events
        async with self.db.owner(self.owner_id) as conn:
            row = await select.fetch_one(conn, JOBS, self.owner_id, of_jobs[0]["entity_id"])
        # A copy: other connections hold the same events.
        return [{**e, "job": row} if row and e is of_jobs[0] else e for e in events]

    async def _past(self, subscriber: Subscriber) -> AsyncIterator[bytes]:
        """Yield what Postgres has, up to the published position; it may be a moment behind the subscriber's cursor."""
        patience = time.monotonic() + PATIENCE_SEC
        while True:
            end, page = await self._page()
            events = [dict(zip(page.columns, row, strict=True)) for row in page.rows]
            for event in await self._with_job(events):
                self.at = event["position"]
                yield _frame(event)
            if page.next is None:
                self.at = max(self.at, end)
                if end >= subscriber.cursor or time.monotonic() > patience:
                    return
                await asyncio.sleep(SOON_SEC)

    async def _page(self) -> tuple[int, select.Page]:
        async with self.db.owner(self.owner_id) as conn:
            end = await watermark.published(conn)
            filters = {**self.query.filter, "position__gt": self.at, "position__lte": end}
            query = select.Query(filter=filters, ordering=["position"], limit=1000)
            return end, await select.fetch_page(conn, EVENTS, self.owner_id, query, size=limits.STREAM_PAGE_BYTES)


def _frame(event: dict[str, Any]) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event["position"], event["type"].encode(), orjson.dumps(event))
