"""The route of the event feed, as server-sent events."""

from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.datastructures import QueryParams

from storax_api.documents import FORMATS, problems, stream_parameters
from storax_api.events.stream import EventStream
from storax_api.requests.parameters import Who, choice, position, query_of, service_of
from storax_api.requests.plain_route import PlainRouter
from storax_api.service import Service
from storax_core.database.connections import Database
from storax_core.errors import Invalid, Unauthorized
from storax_core.log import cloud_events, positions, watermark
from storax_core.queries import filters, select
from storax_core.queries.parsing import stream_filters
from storax_core.queries.parsing.stream_filters import STREAM_FILTERS
from storax_core.resources import EVENTS

router = PlainRouter(prefix="/api/v1/events", tags=["events"], responses=problems(401, 403, 410, 422, 429, 503))
# Parameters that are no filters; carry is the old name of include.
STREAM_PARAMETERS = ("after", "include", "carry", "exclude", "format")
# Filters that an event in memory can be tested by; the others need Postgres.
LIVE_FILTERS = {"entity", "entity_id", "type", "actor", "from_state", "to_state", "job_id", "site_id", "command_id"}


@router.get(
    "/stream",
    operation_id="event_stream",
    response_class=StreamingResponse,
    openapi_extra={"parameters": stream_parameters(EVENTS, STREAM_FILTERS)},
    responses={200: {"description": "Server-sent events, without end.", "content": {"text/event-stream": {}}}},
)
async def stream(request: Request, who: Who) -> StreamingResponse:
    """Events as they are published, behind ``Last-Event-ID`` or ``after``: the last position you have; or from now.

    It takes ``exclude`` and the filters of the list, but for those of positions. With ``include=job`` an event of a
    job that comes alone brings the job as it is then, under ``job``. With ``format=cloudevents`` each is
    an event of CloudEvents 1.0.
    """
    service, broadcast = service_of(request), request.app.state.broadcast
    pairs = [(n, v) for n, v in request.query_params.multi_items() if n not in STREAM_PARAMETERS or n == "exclude"]
    query = query_of(EVENTS, QueryParams(pairs), STREAM_PARAMETERS)
    way_out = "Say with after= behind which position it begins."
    stream_filters.check(query.filter, query.exclude, way_out=way_out)
    at = await _start(request, service.db)

    async def allowed() -> bool:
        return await _allowed(service, request)

    events = EventStream(
        service.db, broadcast, who.owner_id, query, _wanted(query), at, _includes_job(request), allowed, service.waits,
        who.token_id, choice(request, "format", *FORMATS) == cloud_events.NAME,
    )  # fmt: skip
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(events.frames(), media_type="text/event-stream", headers=headers)


def _wanted(query: select.Query) -> dict[str, set[Any]] | None:
    """The filters as sets of text by field, by which live events are tested; None where that needs Postgres."""
    if query.exclude or not query.filter.keys() <= LIVE_FILTERS:
        return None
    wanted = {}
    for name, raw in query.filter.items():
        values = filters.value_of(EVENTS, EVENTS.filters[name], raw if isinstance(raw, list) else [raw])
        wanted[name] = {str(v) for v in values}
    return wanted


def _includes_job(request: Request) -> bool:
    name = "include" if "include" in request.query_params else "carry"
    return choice(request, name, "", "job") == "job"


async def _start(request: Request, db: Database) -> int:
    """The position that the stream begins behind. Raises Invalid, and LostPosition for one that no event can follow."""
    after = request.headers.get("last-event-id") or request.query_params.get("after")
    if after is None:
        return await _published(db)
    at = position(after)
    if at is None:
        raise Invalid(f"after={str(after)[:40]!r} is no position", hint="Give the id of the last event you have.")
    async with db.worker() as conn:
        await positions.check(conn, at)
    return at


async def _published(db: Database) -> int:
    async with db.worker() as conn:
        return await watermark.published(conn)


async def _allowed(service: Service, request: Request) -> bool:
    """Whether the token is still good: a stream lives longer than the check of its request."""
    try:
        await service.caller(request)
    except Unauthorized:
        return False
    return True
