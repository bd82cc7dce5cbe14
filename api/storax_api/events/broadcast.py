"""The event feed as server-sent events: the past from Postgres, the present from the Redis stream, no gap between.

One follower per process reads the stream and hands each batch to the open connections. A connection first subscribes,
then reads Postgres at least up to what had been handed out before it came, then goes on with what is handed to it.
Whenever the stream may have lost something, and while Redis is away, connections go back to Postgres.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.datastructures import QueryParams

from storax_api.documents import problems, stream_parameters
from storax_api.requests.parameters import Who, choice, position, query_of, service_of
from storax_api.service import Service
from storax_core.database.connections import Database
from storax_core.errors import Invalid, Unauthorized, Unavailable
from storax_core.log import watermark
from storax_core.queries import filters, select
from storax_core.queues import QueueDown, Queues
from storax_core.resources import EVENTS, JOBS

log = logging.getLogger("storax.api")
router = APIRouter(prefix="/api/v1/events", tags=["events"], responses=problems(401, 422, 503))
WORDS = ("after", "carry")  # parameters that filter nothing
BEAT_SEC = 15.0
POLL_SEC = 0.25  # between looks at Postgres while Redis is away
QUIET_SEC = 2.0  # without a batch, after which Postgres is asked whether there was none
PATIENCE_SEC, SOON_SEC = 2.0, 0.01  # how long, how often the published position is asked for once more
BACKLOG = 1000  # batches a slow reader may lag behind before it is sent back to Postgres
LIVE_FILTERS = {"entity", "entity_id", "type", "actor", "from_state", "to_state", "job_id", "site_id", "command_id"}
Batch = list[dict[str, Any]]


@dataclass(eq=False)
class Reader:
    """One open connection's inbox; what it holds follows position ``behind`` without a gap. None: read Postgres."""

    owner_id: int
    behind: int
    inbox: asyncio.Queue[Batch | None] = field(default_factory=lambda: asyncio.Queue(BACKLOG))

    def give(self, events: Batch, last: int) -> None:
        """Hand over a batch of the stream that ends at ``last``; who is too slow is sent to Postgres."""
        if self.inbox.full():
            self.lose(last)
        else:
            self.inbox.put_nowait(events)

    def lose(self, upto: int) -> None:
        """Something up to here may be missing."""
        while not self.inbox.empty():
            self.inbox.get_nowait()
        self.behind = max(self.behind, upto)
        self.inbox.put_nowait(None)


class Broadcast:
    """Follows the Redis stream once and hands each owner's events to that owner's readers."""

    def __init__(self, queues_: Queues, db: Database) -> None:
        self._queues, self._db = queues_, db
        self._readers: set[Reader] = set()
        self._task: asyncio.Task[None] | None = None
        self._last = 0  # position up to which everything was handed out

    def start(self) -> None:
        """Begin to follow."""
        self._task = asyncio.create_task(self._follow_for_ever())

    async def stop(self) -> None:
        """End."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @contextlib.contextmanager
    def reader(self, owner_id: int) -> Iterator[Reader]:
        """An inbox that receives from now on."""
        made = Reader(owner_id, self._last)
        self._readers.add(made)
        try:
            yield made
        finally:
            self._readers.discard(made)

    async def _follow_for_ever(self) -> None:
        while True:
            try:
                await self._follow()
            except QueueDown:
                self._lost(self._last)
            except Unavailable as error:
                log.warning("the feed waits for Postgres: %s", error)
            await asyncio.sleep(POLL_SEC)

    async def _follow(self) -> None:
        at = await self._queues.feed_end()
        self._last = _position(at)
        self._lost(self._last)  # whatever was published while nobody followed
        while True:
            entries = await self._queues.follow(at, QUIET_SEC)
            for entry, body in entries:
                at = entry
                self._hand_out(_position(entry), body)
            if not entries:
                await self._look()
                if _position(await self._queues.feed_end()) < _position(at):
                    return  # a new stream, behind the place where we wait

    async def _look(self) -> None:
        """Nothing came for a while: make sure that there was nothing. A flushed Redis forgets what it was given."""
        async with self._db.worker() as conn:
            end = await watermark.published(conn)
        if end > self._last:
            self._last = end
            self._lost(end)

    def _hand_out(self, last: int, body: bytes) -> None:
        if self._readers:
            batch = orjson.loads(body)
            if batch["after"] != self._last:
                self._lost(batch["after"])  # the feeder could not publish something, or Redis lost it
            by_owner: dict[int, Batch] = {}
            for event in batch["events"]:
                by_owner.setdefault(event.pop("owner_id"), []).append(event)
            for reader in self._readers:
                if reader.owner_id in by_owner:
                    reader.give(by_owner[reader.owner_id], last)
        self._last = last

    def _lost(self, upto: int) -> None:
        for reader in self._readers:
            reader.lose(upto)


def _position(entry: str) -> int:
    return int(entry.partition("-")[0])


def _wanted(query: select.Query) -> dict[str, set[Any]]:
    """The filters that live events can be tested by, as sets of text."""
    out = {}
    for name, raw in query.filter.items():
        if name not in LIVE_FILTERS:
            raise Invalid(
                f"the stream cannot be filtered by {name!r}", hint=f"It takes: {', '.join(sorted(LIVE_FILTERS))}."
            )
        values = filters.value_of(EVENTS, EVENTS.filters[name], raw if isinstance(raw, list) else [raw])
        out[name] = {str(v) for v in values}
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
    query: select.Query
    wanted: dict[str, set[Any]]
    at: int
    carry: bool
    allowed: Callable[[], Awaitable[bool]]

    async def frames(self) -> AsyncIterator[bytes]:
        """Every matching event behind ``at``, in order, each once; comments keep the line open."""
        with self.broadcast.reader(self.owner_id) as reader:
            yield b": ready\n\n"
            async for frame in self._past(reader):
                yield frame
            async for frame in self._present(reader):
                yield frame

    async def _present(self, reader: Reader) -> AsyncIterator[bytes]:
        while True:
            try:
                async with asyncio.timeout(BEAT_SEC):
                    batch = await reader.inbox.get()
            except TimeoutError:
                batch = []
                yield b": beat\n\n"
            if not await self.allowed():
                return
            if batch is None:
                await asyncio.sleep(POLL_SEC)
                async for frame in self._past(reader):
                    yield frame
            for event in await self._carried([e for e in batch or () if e["position"] > self.at]):
                self.at = event["position"]
                if _matches(event, self.wanted):
                    yield _frame(event)

    async def _carried(self, events: Batch) -> Batch:
        """With ``carry``: the job itself goes with an event that comes alone, so that nobody need ask for it."""
        told = [e for e in events if e["entity"] == "job" and _matches(e, self.wanted)] if self.carry else []
        if len(told) != 1:
            return events
        async with self.db.owner(self.owner_id) as conn:
            row = await select.fetch_one(conn, JOBS, self.owner_id, told[0]["entity_id"])
        # A copy: other connections hold the same events.
        return [{**e, "job": row} if row and e is told[0] else e for e in events]

    async def _past(self, reader: Reader) -> AsyncIterator[bytes]:
        """What Postgres has, up to the published position. The stream may be a moment ahead of that: wait for it."""
        patience = time.monotonic() + PATIENCE_SEC
        while True:
            end, found = await self._page()
            events = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
            for event in await self._carried(events):
                self.at = event["position"]
                yield _frame(event)
            if found.next is None:
                self.at = max(self.at, end)
                if end >= reader.behind or time.monotonic() > patience:
                    return
                await asyncio.sleep(SOON_SEC)

    async def _page(self) -> tuple[int, select.Page]:
        async with self.db.owner(self.owner_id) as conn:
            end = await watermark.published(conn)
            filters = {**self.query.filter, "position__gt": self.at, "position__lte": end}
            ask = select.Query(filter=filters, ordering=["position"], limit=1000)
            return end, await select.fetch_page(conn, EVENTS, self.owner_id, ask)


@router.get(
    "/stream",
    operation_id="event_stream",
    response_class=StreamingResponse,
    openapi_extra={"parameters": stream_parameters(EVENTS, LIVE_FILTERS)},
    responses={200: {"description": "Server-sent events, without end.", "content": {"text/event-stream": {}}}},
)
async def stream(request: Request, who: Who) -> StreamingResponse:
    """Events as they are published, behind ``Last-Event-ID`` or ``after``: the last position you have; or from now.

    With ``carry=job`` an event of a job that comes alone brings the job as it is then, under ``job``.
    """
    service = service_of(request)
    after = request.headers.get("last-event-id") or request.query_params.get("after")
    pairs = [(n, v) for n, v in request.query_params.multi_items() if n not in WORDS]
    query = query_of(EVENTS, QueryParams(pairs), WORDS)
    wanted, carry = _wanted(query), choice(request, "carry", "", "job") == "job"
    at = position(after) if after is not None else await _published(service.db)
    if at is None:
        raise Invalid(f"after={str(after)[:40]!r} is no position", hint="Give the id of the last event you have.")
    flow = Stream(
        service.db,
        request.app.state.broadcast,
        who.owner_id,
        query,
        wanted,
        at,
        carry,
        lambda: _allowed(service, request),
    )
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(flow.frames(), media_type="text/event-stream", headers=headers)


async def _published(db: Database) -> int:
    async with db.worker() as conn:
        return await watermark.published(conn)


async def _allowed(service: Service, request: Request) -> bool:
    """Whether the token is still good: a stream outlives the look at its first request."""
    try:
        await service.caller(request)
    except Unauthorized:
        return False
    return True
