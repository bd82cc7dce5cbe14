"""Live parts: one stream a page says which kinds of things changed; the page then asks for its parts anew.

A part is a query, so whatever happened while the stream was broken is in the next answer: nothing is lost, and a viewer
who is slow or far away costs no more than one who is not. At most one message a second goes to each viewer.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import asyncpg
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from storax_api.events.broadcast import Batch, Broadcast, Subscriber
from storax_api.requests.parameters import only, position, service_of
from storax_api.waits import Waits
from storax_api.web.frame.viewer import SignedIn, viewer_of
from storax_core.errors import Invalid, Unauthorized, Unavailable
from storax_core.queries import select
from storax_core.resources import BY_ENTITY, EVENTS

router = APIRouter()
PAUSE_SEC = 1.0  # between two messages to one viewer
BEAT_SEC = 15.0  # between comments that keep an idle connection open
RETRY_MS = 1_000
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}


@dataclass
class Changes:
    """The kinds of things of one owner that change. ``entities`` and ``ids`` narrow it; empty: all.

    The page shows what happened up to position ``after``.
    """

    broadcast: Broadcast
    owner_id: int
    token_id: int
    waits: Waits
    is_allowed: Callable[[], Awaitable[bool]]
    entities: frozenset[str] = frozenset()
    ids: frozenset[int] = frozenset()
    missed: bool = False
    after: int = 0
    _changed: set[str] = field(default_factory=set)

    async def messages(self) -> AsyncIterator[bytes]:
        """Yield one event for each kind of thing that changed, as ``job-changed``, and comments in between."""
        yield b"retry: %d\n\n" % RETRY_MS
        with self.broadcast.subscribe(self.owner_id) as subscriber:
            if self.missed:
                self._changed |= self.entities or BY_ENTITY.keys()
            while not self.waits.stopping:
                for entity in sorted(self._changed):
                    yield b"id: %d\nevent: %s-changed\ndata: \n\n" % (subscriber.cursor, entity.encode())
                self._changed.clear()
                if not await self._wait_for_change(subscriber):
                    return
                if not self._changed:
                    yield b": beat\n\n"

    async def _wait_for_change(self, subscriber: Subscriber) -> bool:
        """Collect what changes until there is something to say. Returns False where the stream is to end."""
        try:
            await self.waits.sleep(self._collect(subscriber), self.token_id)
        except Unauthorized:
            return False
        return await self.is_allowed()

    async def _collect(self, subscriber: Subscriber) -> None:
        end = time.monotonic() + BEAT_SEC
        while not self._changed and time.monotonic() < end:
            await self._take(subscriber, end - time.monotonic())
        if self._changed:  # more of the same comes at once, so it is said once
            await asyncio.sleep(PAUSE_SEC)
            while not subscriber.inbox.empty():
                self._note(await subscriber.take())

    async def _take(self, subscriber: Subscriber, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                self._note(await subscriber.take())
        except TimeoutError:
            return

    def _note(self, batch: Batch | None) -> None:
        if batch is None:  # some were dropped
            self._changed |= self.entities or BY_ENTITY.keys()
            return
        for event in batch:
            fits = not self.entities or event["entity"] in self.entities
            if fits and event["position"] > self.after and (not self.ids or event["entity_id"] in self.ids):
                self._changed.add(str(event["entity"]))


@router.get("/live")
async def live(request: Request, viewer: SignedIn) -> StreamingResponse:
    """Say what changes from now on, and at once that something did since ``after``, where that is so."""
    only(request, "after", "entity", "entity_id")
    service, caller = service_of(request), viewer.caller
    entities = frozenset(request.query_params.getlist("entity"))
    ids = frozenset(number for text in request.query_params.getlist("entity_id") if (number := position(text)))
    if unknown := entities - BY_ENTITY.keys():
        raise Invalid(f"there is no kind of thing called {min(unknown)!r}")

    async def is_allowed() -> bool:
        try:
            await viewer_of(request)
        except Unauthorized:
            return False
        except (Unavailable, TimeoutError, asyncpg.PostgresError):
            return True  # Postgres cannot say so now; nothing of it is shown either
        return True

    after = position(request.query_params.get("after", ""))
    missed = await _is_behind(request, viewer, after)
    feed, owner, token = request.app.state.broadcast, caller.owner_id, caller.token_id
    changes = Changes(feed, owner, token, service.waits, is_allowed, entities, ids, missed, after or 0)
    return StreamingResponse(changes.messages(), media_type="text/event-stream", headers=HEADERS)


async def _is_behind(request: Request, viewer: SignedIn, after: int | None) -> bool:
    """Whether anything of the viewer happened since the page was made; always after a break."""
    if after is None or "last-event-id" in request.headers:
        return True
    query = select.Query(filter={"position__gt": after}, ordering=["position"], limit=1, fields=["position"])
    async with service_of(request).db.owner(viewer.caller.owner_id) as conn:
        return bool((await select.fetch_page(conn, EVENTS, viewer.caller.owner_id, query)).rows)


async def published(request: Request) -> int:
    """Return the position up to which a page that is made now shows everything."""
    return int(await request.app.state.broadcast.published())
