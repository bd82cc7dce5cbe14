"""Routes of a session beyond those of every resource: heartbeat, report, acquire."""

from typing import Annotated, Any

from fastapi import Query, Request, Response

from storax_api.documents import CANCEL, INTEGER, TEXT, TIME, answers, asks, problems, rows_of
from storax_api.identity import scope
from storax_api.requests.body import parse_as
from storax_api.requests.parameters import Who, only, row_id, service_of
from storax_api.requests.plain_route import PlainRouter
from storax_api.schemas import Beat
from storax_api.service import Call, Caller, json
from storax_api.sessions.claims import Capacity, ClaimCall, Claimed, Work
from storax_api.sessions.leased_apps import LeasedApps
from storax_api.sessions.long_poll import LongPoll
from storax_core import limits
from storax_core.commands import acquire, leases
from storax_core.commands.acquire import Acquire, AcquireBatchJobs, Holder
from storax_core.database.connections import Connection
from storax_core.log.append import Context
from storax_core.resources import APPS, BATCH_JOBS, JOBS, SESSIONS

router = PlainRouter(
    prefix="/api/v1/sessions", tags=["sessions"], responses=problems(401, 403, 404, 408, 409, 413, 422, 429, 503)
)
MAX_WAIT_SEC = 60
Wait = Annotated[
    float, Query(ge=0, le=MAX_WAIT_SEC, description="Seconds to wait for the first; at most half of ttl_sec.")
]
REFUSED = {
    "type": "array",
    "items": {"type": "object", "properties": dict.fromkeys(("code", "detail"), TEXT) | {"id": INTEGER}},
}
EPOCH = dict.fromkeys(("epoch", "restored_to", "lease_floor"), INTEGER)
ACCEPTED = {"type": "array", "items": INTEGER}


@router.post(
    "/{id}/heartbeat",
    operation_id="session_heartbeat",
    openapi_extra=asks(Beat),
    **answers(expires_at=TIME, cancel=CANCEL, **EPOCH),
)
async def heartbeat(request: Request, who: Who, id: str) -> Response:  # noqa: A002
    """Extend the session's life; answers which of its jobs are to be stopped."""
    only(request)
    beat = parse_as(Beat, await service_of(request).body(request, limits.STRANGER_BODY_BYTES))
    await scope.require_session(service_of(request), who, row_id(id, SESSIONS))
    async with service_of(request).db.owner_writing(who.owner_id) as conn:
        return json(await leases.heartbeat(conn, who.owner_id, row_id(id, SESSIONS), beat.agent))


@router.post(
    "/{id}/report",
    operation_id="session_report",
    openapi_extra=asks(leases.Reports),
    **answers(accepted=ACCEPTED, refused=REFUSED, cancel=CANCEL),
)
async def report(request: Request, who: Who, id: str) -> Response:  # noqa: A002
    """Record state transitions of leased jobs. Safe to repeat; each row is accepted or refused on its own."""
    only(request)
    service, session_id = service_of(request), row_id(id, SESSIONS)
    raw = await service.body(request, service.largest_body)
    reports = parse_as(leases.Reports, raw, known=()).reports
    await scope.require_session(service, who, session_id)

    async def command(conn: Connection, ctx: Context) -> Any:
        await scope.require_rows(conn, who, JOBS, [report.id for report in reports])
        return await leases.report(conn, ctx, session_id, reports)

    return await service.run(request, who, raw, command, actor=f"session:{session_id}")


@router.post(
    "/{id}/acquire",
    operation_id="session_acquire",
    openapi_extra=asks(Acquire),
    **answers(jobs=rows_of(JOBS), apps=rows_of(APPS), cancel=CANCEL),
)
async def acquire_jobs(request: Request, who: Who, id: str, wait: Wait = 0) -> Response:  # noqa: A002
    """Lease runnable jobs, waiting up to ``wait`` seconds for the first. Repeated with its key it leases no others."""
    only(request, "wait")
    session_id, raw = row_id(id, SESSIONS), await service_of(request).body(request)
    ask = parse_as(Acquire, raw)
    apps, capacity = LeasedApps(service_of(request), who), Capacity(ask.max_num_jobs)

    async def claim(conn: Connection, ctx: Context, holder: Holder, ids: list[int] | None, leased: int) -> list[Any]:
        async def up_to(number: int) -> list[Any]:
            fewer = ask.model_copy(update={"max_num_jobs": number}) if number < ask.max_num_jobs else ask
            return await acquire.claim(conn, ctx, holder, fewer, ids)

        rows = await capacity.lease(conn, up_to, ask.max_num_jobs - leased, leased)
        apps.start(dict.fromkeys((row["app_id"] for row in rows), None))
        return rows

    async def claim_alone(conn: Connection, ctx: Context, holder: Holder, job_id: int) -> list[Any]:
        rows = await acquire.claim_alone(conn, ctx, holder, ask, job_id)
        apps.start({row["app_id"]: row["app_version_"] for row in rows})
        return rows

    batch = 0 if ask.constrained else ask.max_num_jobs
    work = Work(JOBS, "ready", batch, claim, acquire.LIVE_JOBS, cancellable=True, claim_alone=claim_alone)
    claimed = await _poll(request, who, session_id, raw, work, wait)
    rows = await apps.rows({row["app_id"] for row in claimed.rows})
    return claimed.response({"jobs": acquire.plain(claimed.rows), "apps": rows, "cancel": claimed.cancels})


@router.post(
    "/{id}/acquire-batch-jobs",
    operation_id="session_acquire_batch",
    openapi_extra=asks(AcquireBatchJobs),
    **answers(batch_jobs=rows_of(BATCH_JOBS)),
)
async def acquire_batch_jobs(request: Request, who: Who, id: str, wait: Wait = 0) -> Response:  # noqa: A002
    """Lease BatchJobs that wait for submission, waiting up to ``wait`` seconds for the first."""
    only(request, "wait")
    session_id, raw = row_id(id, SESSIONS), await service_of(request).body(request)
    ask = parse_as(AcquireBatchJobs, raw)

    async def claim(conn: Connection, ctx: Context, holder: Holder, ids: list[int] | None, leased: int) -> list[Any]:
        return await acquire.claim_batch_jobs(conn, ctx, holder, ask.max_num - leased, ids)

    work = Work(BATCH_JOBS, "batch", ask.max_num, claim, acquire.LIVE_BATCH_JOBS)
    claimed = await _poll(request, who, session_id, raw, work, wait)
    return claimed.response({"batch_jobs": acquire.plain(claimed.rows)})


async def _poll(request: Request, who: Caller, session_id: int, raw: bytes, work: Work, wait: float) -> Claimed:
    await scope.require_session(service_of(request), who, session_id)
    call = Call.of(request, who, raw, actor=f"session:{session_id}")
    return await LongPoll(ClaimCall(service_of(request), call, session_id, work)).run(request, wait)
