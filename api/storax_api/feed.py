"""The event feed as server-sent events: the past from Postgres, the present from the Redis stream, no gap between.

One reader per process follows the stream and hands each batch to the open connections; a connection first subscribes, then
reads Postgres up to the published position, then goes on with what was handed to it. Without Redis it polls Postgres.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from storax_api.documents import problems
from storax_api.routes import Who, query_of, service_of
from storax_core import queries
from storax_core.errors import Invalid
from storax_core.queues import QueueDown, Queues
from storax_core.resources import EVENTS
from storax_core.resources.types import MAX_ID
from storax_core.store import feed
from storax_core.store.database import Database

router = APIRouter(prefix="/api/v1/events", tags=["events"], responses=problems(401, 422, 503))
BEAT_SEC = 15.0
POLL_SEC = 0.25
BACKLOG = 1000  # batches a slow reader may lag behind before it is sent back to Postgres
LIVE_FILTERS = {"entity", "entity_id", "type", "actor", "from_state", "to_state", "job_id", "site_id", "command_id"}
Batch = list[dict[str, Any]]


@dataclass(eq=False)
class Reader:
    """One open connection's inbox."""

    owner_id: int
    inbox: asyncio.Queue[Batch | None] = field(default_factory=lambda: asyncio.Queue(BACKLOG))

    def give(self, events: Batch) -> None:
        """Hand over a batch; a full inbox is emptied and marked, its reader returns to Postgres."""
        if self.inbox.full():
            while not self.inbox.empty():
                self.inbox.get_nowait()
            self.inbox.put_nowait(None)
        else:
            self.inbox.put_nowait(events)


class Broadcast:
    """Follows the Redis stream once and hands each owner's events to that owner's readers."""

    def __init__(self, queues_: Queues) -> None:
        self._queues = queues_
        self._readers: set[Reader] = set()
        self._task: asyncio.Task[None] | None = None
        self._last: int | None = None  # last position handed out

    def start(self) -> None:
        """Begin to follow."""
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """End."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @contextlib.contextmanager
    def reader(self, owner_id: int) -> Any:
        """An inbox that receives from now on."""
        made = Reader(owner_id)
        self._readers.add(made)
        try:
            yield made
        finally:
            self._readers.discard(made)

    async def _follow(self) -> None:
        at = ""
        while True:
            try:
                at = at or await self._queues.feed_end()
                for entry, body in await self._queues.follow(at, 5.0):
                    at = entry
                    self._hand_out(body)
            except QueueDown:
                at = ""
                self._lost()
                await asyncio.sleep(POLL_SEC)

    def _hand_out(self, body: bytes) -> None:
        batch = orjson.loads(body)
        if self._last is not None and batch["after"] != self._last:
            self._lost()  # the feeder could not publish something; Postgres has it
        events = batch["events"]
        self._last = events[-1]["position"]
        by_owner: dict[int, Batch] = {}
        for event in events:
            by_owner.setdefault(event.pop("owner_id"), []).append(event)
        for reader in self._readers:
            if reader.owner_id in by_owner:
                reader.give(by_owner[reader.owner_id])

    def _lost(self) -> None:
        for reader in self._readers:
            with contextlib.suppress(asyncio.QueueFull):
                reader.inbox.put_nowait(None)


def _wanted(query: queries.Query) -> dict[str, set[Any]]:
    """The filters that live events can be tested by, as sets of text."""
    out = {}
    for name, raw in query.filter.items():
        if name not in LIVE_FILTERS:
            raise Invalid(
                f"the stream cannot be filtered by {name!r}", hint=f"It takes: {', '.join(sorted(LIVE_FILTERS))}."
            )
        out[name] = {str(v) for v in (raw if isinstance(raw, list) else [raw])}
    return out


def _matches(event: dict[str, Any], wanted: dict[str, set[Any]]) -> bool:
    return all(str(event[name]) in values for name, values in wanted.items())


def _frame(event: dict[str, Any]) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event["position"], event["type"].encode(), orjson.dumps(event))


@dataclass
class Stream:
    """One connection's way through the log."""

    db: Database
    broadcast: Broadcast
    owner_id: int
    query: queries.Query
    wanted: dict[str, set[Any]]
    at: int

    async def frames(self) -> AsyncIterator[bytes]:
        """Every matching event behind ``at``, in order, each once; comments keep the line open."""
        with self.broadcast.reader(self.owner_id) as reader:
            yield b": ready\n\n"
            async for frame in self._past():
                yield frame
            while True:
                try:
                    batch = await asyncio.wait_for(reader.inbox.get(), BEAT_SEC)
                except TimeoutError:
                    yield b": beat\n\n"
                    continue
                if batch is None:  # Redis is away or we were too slow: Postgres knows
                    await asyncio.sleep(POLL_SEC)
                    async for frame in self._past():
                        yield frame
                    continue
                for event in batch:
                    if event["position"] > self.at:
                        self.at = event["position"]
                        if _matches(event, self.wanted):
                            yield _frame(event)

    async def _past(self) -> AsyncIterator[bytes]:
        while True:
            async with self.db.owner(self.owner_id) as conn:
                end = await feed.published(conn)
                filters = {**self.query.filter, "position__gt": self.at, "position__lte": end}
                ask = queries.Query(filter=filters, ordering=["position"], limit=1000)
                found = await queries.fetch_page(conn, EVENTS, self.owner_id, ask)
            for row in found.rows:
                event = dict(zip(found.columns, row, strict=True))
                self.at = event["position"]
                yield _frame(event)
            if found.next is None:
                self.at = max(self.at, end)
                return


@router.get("/stream", operation_id="event_stream")
async def stream(request: Request, who: Who) -> StreamingResponse:
    """Events as they are published. ``after`` or ``Last-Event-ID`` is the last position you have; without, from now on."""
    service = service_of(request)
    after = request.headers.get("last-event-id") or request.query_params.get("after")
    query = _stream_query(request)
    wanted = _wanted(query)
    if after is None:
        async with service.db.owner(who.owner_id) as conn:
            at = await feed.published(conn)
    elif after.isdigit() and int(after) <= MAX_ID:
        at = int(after)
    else:
        raise Invalid(f"after={after[:40]!r} is no position", hint="Give the id of the last event you have.")
    flow = Stream(service.db, request.app.state.broadcast, who.owner_id, query, wanted, at)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(flow.frames(), media_type="text/event-stream", headers=headers)


def _stream_query(request: Request) -> queries.Query:
    scope = dict(request.scope)
    pairs = [(k, v) for k, v in request.query_params.multi_items() if k != "after"]
    scope["query_string"] = urlencode(pairs).encode()
    return query_of(EVENTS, Request(scope))
