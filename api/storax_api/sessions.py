"""What a session does beyond being a row: acquire, heartbeat, report."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import TypeAdapter

from storax_api.body import parse, validate
from storax_api.documents import problems
from storax_api.routes import Who, row_id, service_of
from storax_api.service import Caller, Service, json
from storax_core import queries
from storax_core.commands import acquire, leases
from storax_core.queues import QueueDown
from storax_core.resources import APPS, SESSIONS
from storax_core.store.database import Connection, writing
from storax_core.store.log import Context

router = APIRouter(prefix="/api/v1/sessions", tags=["sessions"], responses=problems(401, 404, 409, 422, 503))
ACQUIRE: TypeAdapter[acquire.Acquire] = TypeAdapter(acquire.Acquire)
ACQUIRE_BATCH: TypeAdapter[acquire.AcquireBatchJobs] = TypeAdapter(acquire.AcquireBatchJobs)
REPORTS: TypeAdapter[leases.Reports] = TypeAdapter(leases.Reports)
POLL_SEC = 0.25  # between looks at Postgres where Redis cannot wake us
LONGEST_SLEEP_SEC = 10.0  # between looks at Postgres where Redis can
MAX_WAIT_SEC = 60
Claim = Callable[[Connection, Context, acquire.Holder, list[int] | None], Awaitable[list[Any]]]


def _body(model: Any) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": model.model_json_schema()}}}}


@router.post("/{id}/heartbeat", operation_id="session_heartbeat")
async def heartbeat(request: Request, who: Who, id: str) -> Response:  # noqa: A002
    """Extend the session's life; answers which of its jobs are to be stopped."""
    async with service_of(request).db.owner(who.owner_id) as conn, writing(conn):
        return json(await leases.heartbeat(conn, who.owner_id, row_id(id, SESSIONS)))


@router.post("/{id}/report", operation_id="session_report", openapi_extra=_body(leases.Reports))
async def report(request: Request, who: Who, id: str) -> Response:  # noqa: A002
    """Take in state moves of leased jobs. Safe to repeat; each row is accepted or refused on its own."""
    service, session_id = service_of(request), row_id(id, SESSIONS)
    raw = await service.body(request)
    told = validate(REPORTS, parse(raw))

    async def command(conn: Connection, ctx: Context) -> Any:
        return await leases.report(conn, ctx, session_id, told.reports)

    return await service.run(request, who, raw, command, actor=f"session:{session_id}")


@router.post("/{id}/acquire", operation_id="session_acquire", openapi_extra=_body(acquire.Acquire))
async def acquire_jobs(
    request: Request,
    who: Who,
    id: str,
    wait: float = Query(0, ge=0, le=MAX_WAIT_SEC),  # noqa: A002
) -> Response:
    """Lease runnable jobs, waiting up to ``wait`` seconds for the first."""
    service = service_of(request)
    ask = validate(ACQUIRE, parse(await service.body(request)), acquire.Acquire.model_fields)

    async def claim(conn: Connection, ctx: Context, holder: acquire.Holder, ids: list[int] | None) -> list[Any]:
        return await acquire.claim(conn, ctx, holder, ask, ids)

    hunt = Hunt(service, who, row_id(id, SESSIONS), "ready", 0 if ask.constrained else ask.max_num_jobs, claim)
    rows, cancel = await hunt.run(request, wait)
    apps = await _apps(service, who, {r["app_id"] for r in rows})
    return json({"jobs": acquire.plain(rows), "apps": apps, "cancel": cancel})


@router.post(
    "/{id}/acquire-batch-jobs", operation_id="session_acquire_batch", openapi_extra=_body(acquire.AcquireBatchJobs)
)
async def acquire_batch_jobs(
    request: Request,
    who: Who,
    id: str,
    wait: float = Query(0, ge=0, le=MAX_WAIT_SEC),  # noqa: A002
) -> Response:
    """Lease BatchJobs that wait for submission, waiting up to ``wait`` seconds for the first."""
    service = service_of(request)
    ask = validate(ACQUIRE_BATCH, parse(await service.body(request)), acquire.AcquireBatchJobs.model_fields)

    async def claim(conn: Connection, ctx: Context, holder: acquire.Holder, ids: list[int] | None) -> list[Any]:
        return await acquire.claim_batch_jobs(conn, ctx, holder, ask.max_num, ids)

    rows, cancel = await Hunt(service, who, row_id(id, SESSIONS), "batch", ask.max_num, claim).run(request, wait)
    return json({"batch_jobs": acquire.plain(rows), "cancel": cancel})


async def _apps(service: Service, who: Caller, ids: set[int]) -> list[dict[str, Any]]:
    if not ids:
        return []
    query = queries.Query(filter={"id": sorted(ids)}, limit=queries.MAX_LIMIT)
    async with service.db.owner(who.owner_id) as conn:
        found = await queries.fetch_page(conn, APPS, who.owner_id, query)
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


class Hunt:
    """One long poll: pop hints, claim, sleep until a hint comes, claim again.

    ``pop`` is how many ids to take from the queue's head at once; 0 where the head alone cannot answer, so that Postgres
    is asked directly and looked at again every ``POLL_SEC``.
    """

    def __init__(self, service: Service, who: Caller, session_id: int, kind: str, pop: int, claim: Claim) -> None:
        self.service, self.who, self.session_id, self.kind, self.pop, self.claim = (
            service,
            who,
            session_id,
            kind,
            pop,
            claim,
        )

    async def run(self, request: Request, wait: float) -> tuple[list[Any], list[Any]]:
        """Claimed rows and the session's cancels; both empty when the time is over."""
        end = time.monotonic() + wait
        woken: int | None = None
        look_all = True
        while True:
            rows, cancel, site_id = await self.once(woken, look_all=look_all)
            left = end - time.monotonic()
            if rows or cancel or left <= 0 or await request.is_disconnected():
                return rows, cancel
            woken, look_all = await self.sleep(site_id, left)

    async def once(self, woken: int | None, *, look_all: bool) -> tuple[list[Any], list[Any], int]:
        """One attempt: by the queue's hints first, then (``look_all``) by a look at Postgres itself."""
        ctx = Context(self.who.owner_id, f"session:{self.session_id}")
        async with self.service.db.owner(self.who.owner_id) as conn, writing(conn):
            held = await leases.touch(conn, self.who.owner_id, self.session_id)
            holder = acquire.Holder(held["id"], held["owner_id"], held["site_id"], held["batch_job_id"])
            rows = await self._claim(conn, ctx, holder, woken, look_all=look_all)
            cancel = await leases.cancels(conn, self.session_id)
        if cancel:
            await self._told()
        return rows, cancel, holder.site_id

    async def _claim(
        self, conn: Connection, ctx: Context, holder: acquire.Holder, woken: int | None, *, look_all: bool
    ) -> list[Any]:
        hints = [] if woken is None else [woken]
        if self.pop > len(hints):
            try:
                hints += await self.service.queues.pop(self.kind, holder.site_id, self.pop - len(hints))
            except QueueDown:
                look_all = True
        rows = await self.claim(conn, ctx, holder, hints) if hints else []
        return rows or (await self.claim(conn, ctx, holder, None) if look_all or self.pop == 0 else [])

    async def sleep(self, site_id: int, left: float) -> tuple[int | None, bool]:
        """Wait for a hint. Returns the id that woke us, and whether Postgres itself must be looked at."""
        if self.pop == 0:
            await asyncio.sleep(min(POLL_SEC, left))
            return None, True
        try:
            woken = await self.service.queues.wait(self.kind, site_id, self.session_id, min(left, LONGEST_SLEEP_SEC))
            return woken, woken is None
        except QueueDown:
            await asyncio.sleep(min(POLL_SEC, left))
            return None, True

    async def _told(self) -> None:
        try:
            await self.service.queues.drop_cancels(self.session_id)
        except QueueDown:
            pass
