"""What a session does beyond being a row: acquire, heartbeat, report."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import Annotated, Any
from uuid import uuid4

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import TypeAdapter

from storax_api.body import parse, validate
from storax_api.documents import CANCEL, INTEGER, TEXT, TIME, answers, asks, problems, rows_of
from storax_api.routes import Who, only, row_id, service_of
from storax_api.service import Call, Caller, Repeated, Service, json
from storax_core.commands import acquire, idempotency, leases
from storax_core.database.connections import Connection, writing
from storax_core.log.append import Context
from storax_core.queries import select
from storax_core.queues import QueueDown
from storax_core.resources import APPS, BATCH_JOBS, JOBS, SESSIONS, Resource

router = APIRouter(prefix="/api/v1/sessions", tags=["sessions"], responses=problems(401, 404, 409, 422, 503))
ACQUIRE: TypeAdapter[acquire.Acquire] = TypeAdapter(acquire.Acquire)
ACQUIRE_BATCH: TypeAdapter[acquire.AcquireBatchJobs] = TypeAdapter(acquire.AcquireBatchJobs)
REPORTS: TypeAdapter[leases.Reports] = TypeAdapter(leases.Reports)
POLL_SEC = 0.25  # between looks at Postgres where Redis cannot wake us
PAUSE = 4  # times as long as a look took, at least: among very many jobs that do not fit, one can take half a second
LONGEST_SLEEP_SEC = 10.0  # between looks at Postgres where Redis can
MAX_WAIT_SEC = 60
Claim = Callable[..., Awaitable[list[Any]]]  # (conn, ctx, holder, ids or None for all, how many there are already)


REFUSED = {
    "type": "array",
    "items": {"type": "object", "properties": dict.fromkeys(("code", "detail"), TEXT) | {"id": INTEGER}},
}
ACCEPTED = {"type": "array", "items": INTEGER}


@router.post("/{id}/heartbeat", operation_id="session_heartbeat", **answers(expires_at=TIME, cancel=CANCEL))
async def heartbeat(request: Request, who: Who, id: str) -> Response:  # noqa: A002
    """Extend the session's life; answers which of its jobs are to be stopped."""
    only(request)
    async with service_of(request).db.owner(who.owner_id) as conn, writing(conn):
        return json(await leases.heartbeat(conn, who.owner_id, row_id(id, SESSIONS)))


@router.post(
    "/{id}/report",
    operation_id="session_report",
    openapi_extra=asks(leases.Reports),
    **answers(accepted=ACCEPTED, refused=REFUSED, cancel=CANCEL),
)
async def report(request: Request, who: Who, id: str) -> Response:  # noqa: A002
    """Take in state moves of leased jobs. Safe to repeat; each row is accepted or refused on its own."""
    only(request)
    service, session_id = service_of(request), row_id(id, SESSIONS)
    raw = await service.body(request)
    told = validate(REPORTS, parse(raw))

    async def command(conn: Connection, ctx: Context) -> Any:
        return await leases.report(conn, ctx, session_id, told.reports)

    return await service.run(request, who, raw, command, actor=f"session:{session_id}")


Wait = Annotated[float, Query(ge=0, le=MAX_WAIT_SEC, description="Seconds to wait for the first.")]


@router.post(
    "/{id}/acquire",
    operation_id="session_acquire",
    openapi_extra=asks(acquire.Acquire),
    **answers(jobs=rows_of(JOBS), apps=rows_of(APPS), cancel=CANCEL),
)
async def acquire_jobs(request: Request, who: Who, id: str, wait: Wait = 0) -> Response:  # noqa: A002
    """Lease runnable jobs, waiting up to ``wait`` seconds for the first. Repeated with its key it leases no others."""
    only(request, "wait")
    service, session_id = service_of(request), row_id(id, SESSIONS)
    raw = await service.body(request)
    ask = validate(ACQUIRE, parse(raw), acquire.Acquire.model_fields)

    apps = Apps(service, who)

    async def claim(
        conn: Connection, ctx: Context, holder: acquire.Holder, ids: list[int] | None, have: int = 0
    ) -> list[Any]:
        left = ask.model_copy(update={"max_num_jobs": ask.max_num_jobs - have}) if have else ask
        rows = await acquire.claim(conn, ctx, holder, left, ids)
        apps.read({r["app_id"] for r in rows})
        return rows

    call = Call.of(request, who, raw, actor=f"session:{session_id}")
    hunt = Hunt(service, call, session_id, JOBS, "ready", 0 if ask.constrained else ask.max_num_jobs, claim)
    found = await hunt.run(request, wait)
    of_jobs = await apps.of({r["app_id"] for r in found.rows})
    return found.answer({"jobs": acquire.plain(found.rows), "apps": of_jobs, "cancel": found.cancel})


@router.post(
    "/{id}/acquire-batch-jobs",
    operation_id="session_acquire_batch",
    openapi_extra=asks(acquire.AcquireBatchJobs),
    **answers(batch_jobs=rows_of(BATCH_JOBS)),
)
async def acquire_batch_jobs(request: Request, who: Who, id: str, wait: Wait = 0) -> Response:  # noqa: A002
    """Lease BatchJobs that wait for submission, waiting up to ``wait`` seconds for the first."""
    only(request, "wait")
    service, session_id = service_of(request), row_id(id, SESSIONS)
    raw = await service.body(request)
    ask = validate(ACQUIRE_BATCH, parse(raw), acquire.AcquireBatchJobs.model_fields)

    async def claim(
        conn: Connection, ctx: Context, holder: acquire.Holder, ids: list[int] | None, have: int = 0
    ) -> list[Any]:
        return await acquire.claim_batch_jobs(conn, ctx, holder, ask.max_num - have, ids)

    call = Call.of(request, who, raw, actor=f"session:{session_id}")
    found = await Hunt(service, call, session_id, BATCH_JOBS, "batch", ask.max_num, claim).run(request, wait)
    return found.answer({"batch_jobs": acquire.plain(found.rows)})


class Apps:
    """The Apps of the jobs that a call leases, read while the lease is being committed: a millisecond sooner."""

    def __init__(self, service: Service, who: Caller) -> None:
        self._service, self._who = service, who
        self._reading: dict[int, asyncio.Task[list[dict[str, Any]]]] = {}

    def read(self, ids: set[int]) -> None:
        """Begin to read those that are not being read yet."""
        if lacking := ids - self._reading.keys():
            task = asyncio.create_task(self._read(lacking))
            task.add_done_callback(_seen)
            self._reading.update(dict.fromkeys(lacking, task))

    async def of(self, ids: set[int]) -> list[dict[str, Any]]:
        """These, by id."""
        self.read(ids)
        found = await asyncio.gather(*{self._reading[i] for i in ids})
        return sorted((app for part in found for app in part if app["id"] in ids), key=itemgetter("id"))

    async def _read(self, ids: set[int]) -> list[dict[str, Any]]:
        query = select.Query(filter={"id": sorted(ids)}, limit=select.MAX_LIMIT)
        async with self._service.db.owner(self._who.owner_id) as conn:
            page = await select.fetch_page(conn, APPS, self._who.owner_id, query)
        return [dict(zip(page.columns, row, strict=True)) for row in page.rows]


def _seen(task: asyncio.Task[Any]) -> None:
    """Nobody waits for it where the claim itself failed; then its own error is no news."""
    if not task.cancelled():
        task.exception()


@dataclass
class Hunt:
    """One long poll: pop hints, claim, sleep until a hint comes, claim again.

    ``pop`` is how many ids to take from the queue's head at once; 0 where the head alone cannot answer: then Postgres
    is asked directly, and again after ``POLL_SEC``, or later where a look takes long. Cancels are heard by who asks for
    jobs, so that a session's other polls do not catch its wake-up. No connection to Postgres is held while it sleeps.

    A session that polls again and again has Postgres looked through every ``LONGEST_SLEEP_SEC``; in between, its polls
    begin by waiting for a hint.
    """

    service: Service
    call: Call
    session_id: int
    resource: Resource
    kind: str
    pop: int
    claim: Claim
    pause: float = POLL_SEC

    async def run(self, request: Request, wait: float) -> "Found":
        """Claimed rows and the session's cancels; both empty when the time is over."""
        end = time.monotonic() + wait
        hints, look_all, news, known = None, True, False, None
        if wait > 0 and (site_id := await self._looked_lately()) is not None:
            hints, look_all, news = await self.sleep(site_id, wait)
        while True:
            began = time.monotonic()
            try:
                found = await self.once(hints, look_all=look_all)
            except Repeated:
                hints = None  # the next attempt finds what the other try leased
                continue
            left = end - time.monotonic()
            asked = {c["id"] for c in found.cancel}
            fresh = known is not None and not asked <= known
            news = bool(asked) and (await self._untold() or news or fresh)
            known = asked
            if found.rows or found.repeat or news or left <= 0 or await request.is_disconnected():
                return found
            self.pause = max(POLL_SEC, PAUSE * (time.monotonic() - began))
            hints, look_all, news = await self.sleep(found.site_id, left)

    async def once(self, hints: list[int] | None, *, look_all: bool) -> "Found":
        """One attempt: by the queue's hints first, then (``look_all``) by a look at Postgres itself.

        ``hints`` are those that woke us; None: none were taken yet.
        """
        ctx = Context(self.call.owner_id, self.call.actor, self.call.key or uuid4())
        async with self.service.db.owner(self.call.owner_id) as conn, writing(conn):
            holder = self._known() if hints is not None else None
            if holder is None:
                holder = self.service.remember(await leases.touch(conn, self.call.owner_id, self.session_id))
            # Hints come to a call that looked before.
            earlier = await self._earlier(conn, ctx) if hints is None else None
            if earlier is None:
                rows = await self._claim(conn, ctx, holder, hints, look_all=look_all)
                if hints is not None and not rows:
                    await leases.touch(conn, holder.owner_id, holder.id)  # it may be gone
                await self._keep(conn, ctx, rows)
            else:
                rows = earlier
            # With work in hand the answer does not wait for this; the next call is woken by it at once.
            busy = (rows and earlier is None) or self.resource is not JOBS
            cancel = [] if busy else await leases.cancels(conn, self.session_id)
            return Found(rows, cancel, holder.site_id, ctx.position, repeat=earlier is not None)

    def _known(self) -> acquire.Holder | None:
        holder = self.service.holders.get(self.session_id)
        return holder if holder and holder.owner_id == self.call.owner_id else None

    async def _looked_lately(self) -> int | None:
        """The session's site, where only a hint is worth a look now: Postgres was looked through a moment ago."""
        holder = self._known()
        if holder is None or self.pop == 0:
            return None
        with contextlib.suppress(QueueDown):
            if not await self.service.queues.first(f"looked:{self.kind}:{self.session_id}", LONGEST_SLEEP_SEC):
                async with self.service.db.owner(self.call.owner_id) as conn:
                    fresh = await conn.fetchval(leases.FRESH, self.session_id, self.call.owner_id, self.call.key)
                return holder.site_id if fresh else None
        return None

    async def _earlier(self, conn: Connection, ctx: Context) -> list[Any] | None:
        """What an earlier try of this very call leased, as far as the session still holds it; None for a first try."""
        if self.call.key is None:
            return None
        row = await idempotency.seen(conn, self.call.owner_id, self.call.key, self.call.fingerprint)
        if row is None:
            return None
        ctx.saw(row["position"])
        query = select.Query(
            filter={"id": orjson.loads(row["answer"]), "session_id": self.session_id}, limit=select.MAX_LIMIT
        )
        found = await select.fetch_page(conn, self.resource, self.call.owner_id, query)
        return [dict(zip(found.columns, r, strict=True)) for r in found.rows]

    async def _keep(self, conn: Connection, ctx: Context, rows: list[Any]) -> None:
        """Remember under the call's key what was leased, so that a lost answer does not lose the jobs."""
        if rows and self.call.key is not None:
            ids = orjson.dumps([r["id"] for r in rows])
            call = self.call
            if not await idempotency.keep(conn, call.owner_id, self.call.key, call.fingerprint, ctx.position, ids):
                raise Repeated

    async def _claim(
        self, conn: Connection, ctx: Context, holder: acquire.Holder, hints: list[int] | None, *, look_all: bool
    ) -> list[Any]:
        if hints is None:
            hints = []
            if self.pop:
                try:
                    hints = await self.service.queues.pop(self.kind, holder.site_id, self.pop)
                except QueueDown:
                    look_all = True
        rows = await self.claim(conn, ctx, holder, hints) if hints else []
        # Where hints were out of date (jobs that were deleted, or changed their mind), Postgres fills up what lacks.
        if self.pop == 0 or (look_all and (not rows or len(rows) < len(hints))):
            rows += await self.claim(conn, ctx, holder, None, len(rows))
        return rows

    async def sleep(self, site_id: int, left: float) -> tuple[list[int] | None, bool, bool]:
        """Wait. Returns the ids that woke us, whether to look at Postgres itself, and whether a cancel came."""
        if self.pop == 0:
            await asyncio.sleep(min(self.pause, left))
            return None, True, False
        try:
            hears = self.session_id if self.resource is JOBS else None
            seconds = min(left, LONGEST_SLEEP_SEC)
            woken = await self.service.queues.wait(self.kind, site_id, hears, seconds, self.pop)
        except QueueDown:
            await asyncio.sleep(min(POLL_SEC, left))
            return None, True, False
        if woken is None or woken[0] != self.kind:
            return None, True, woken is not None
        return woken[1], False, False

    async def _untold(self) -> bool:
        """Whether a cancel was asked for since this session was last told; from now on it counts as told."""
        try:
            return await self.service.queues.drop_cancels(self.session_id)
        except QueueDown:
            await asyncio.sleep(POLL_SEC)  # nobody knows, so tell; but not as fast as the caller can ask
            return True


@dataclass(frozen=True)
class Found:
    """What one attempt brought; ``repeat``: it is what an earlier try of the same call had leased."""

    rows: list[Any]
    cancel: list[Any]
    site_id: int
    position: int
    repeat: bool

    def answer(self, body: Any) -> Response:
        """The answer with this body, marked as any other changing call's is."""
        made = json(body)
        made.headers["X-Storax-Position"] = str(self.position)
        if self.repeat:
            made.headers["Idempotency-Replayed"] = "true"
        return made
