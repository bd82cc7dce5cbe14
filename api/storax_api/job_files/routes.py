"""The routes of windows of jobs' files: one for people, two for the agent of the job's site."""

from typing import Annotated, Any, Literal

from fastapi import Query, Request, Response

from storax_api.documents import INTEGER, TEXT, answers, asks, problems
from storax_api.identity import scope
from storax_api.job_files.exchange import LARGEST_WINDOW, LONGEST_WAIT_SEC, Exchange, Replies
from storax_api.requests.body import parse_as
from storax_api.requests.parameters import Who, only, row_id, service_of
from storax_api.requests.plain_route import PlainRouter
from storax_api.service import Caller, Service, json
from storax_core.errors import NotFound, Unauthorized
from storax_core.queries import select
from storax_core.resources import JOBS, SITES, Resource
from storax_core.resources.types import MAX_ID

router = PlainRouter(
    prefix="/api/v1", tags=["job files"], responses=problems(401, 403, 404, 408, 409, 413, 422, 429, 503)
)
Path = Annotated[
    str | None, Query(min_length=1, max_length=1024, description="File, relative to the job's workdir; else an output.")
]
Stream = Annotated[Literal["stdout", "stderr"], Query(description="The output to read, where no path is named.")]
Offset = Annotated[
    int, Query(ge=-MAX_ID, le=MAX_ID, description="First byte; a negative number counts from the end of the file.")
]
Size = Annotated[int, Query(ge=0, le=LARGEST_WINDOW, description="Most bytes to answer.")]
Wait = Annotated[
    float, Query(ge=0, le=LONGEST_WAIT_SEC, description="Seconds to wait for the agent, or for a request.")
]
_BYTES = {"description": "The window.", "content": {"application/octet-stream": {"schema": {"type": "string"}}}}


@router.get("/jobs/{id}/file", operation_id="job_file", response_class=Response, responses={200: _BYTES})
async def job_file(
    request: Request,
    who: Who,
    id: str,  # noqa: A002
    path: Path = None,
    stream: Stream = "stdout",
    offset: Offset = 0,
    size: Size = 1 << 18,
    wait: Wait = 10.0,
) -> Response:
    """A window of a file in a job's workdir, read by the agent of its site.

    X-Storax-File-Offset says where the window begins, X-Storax-File-Size how large the whole file is, and
    X-Storax-File-Id changes where another attempt has begun a new file.
    """
    only(request, "path", "stream", "offset", "size", "wait")
    service = service_of(request)
    job = await _row(service, who, JOBS, row_id(id, JOBS))
    site = await _row(service, who, SITES, job["site_id"])
    which = {"path": path, "stream": stream, "offset": offset, "size": size}
    of_job = {"job_id": job["id"], "workdir": job["workdir"], "attempt": job["attempt"]}
    window = await (await Exchange.of(service, who)).ask(site, {**of_job, **which}, wait)
    numbers = {"Offset": window.offset, "Size": window.size, "Id": window.inode}
    headers = {f"X-Storax-File-{name}": str(number) for name, number in numbers.items()}
    return Response(window.data, headers=headers, media_type="application/octet-stream")


_TEXTS, _NUMBERS = ("id", "workdir", "path", "stream"), ("job_id", "attempt", "offset", "size")
_FIELDS = {**dict.fromkeys(_TEXTS, TEXT), **dict.fromkeys(_NUMBERS, INTEGER)}
REQUEST = {"type": "array", "items": {"type": "object", "properties": _FIELDS}}


@router.post("/sites/{id}/file-requests", operation_id="site_file_requests", **answers(requests=REQUEST))
async def file_requests(request: Request, who: Who, id: str, wait: Wait = 0.0) -> Response:  # noqa: A002
    """Windows that the agent of a site is to read, waiting up to ``wait`` seconds for one."""
    only(request, "wait")
    service, site_id = service_of(request), row_id(id, SITES)
    scope.require_site(who, SITES, site_id, site_id)
    await _row(service, who, SITES, site_id)
    exchange = await Exchange.of(service, who)
    message = await exchange.next(site_id, wait)
    if message is not None and not await _is_wanted(service, request):
        await exchange.give_back(site_id, message)
        message = None
    return json({"requests": [] if message is None else [message]})


@router.post(
    "/sites/{id}/file-replies",
    operation_id="site_file_replies",
    openapi_extra=asks(Replies),
    **answers(accepted=INTEGER),
)
async def file_replies(request: Request, who: Who, id: str) -> Response:  # noqa: A002
    """What the agent of a site read."""
    only(request)
    service, site_id = service_of(request), row_id(id, SITES)
    scope.require_site(who, SITES, site_id, site_id)
    replies = parse_as(Replies, await service.body(request, service.largest_body)).replies
    exchange = await Exchange.of(service, who)
    for reply in replies:
        await exchange.answer(site_id, reply)
    return json({"accepted": len(replies)})


async def _is_wanted(service: Service, request: Request) -> bool:
    """Whether the caller is there, and its token is still good."""
    try:
        await service.caller(request)
    except Unauthorized:
        return False
    return not await request.is_disconnected()


async def _row(service: Service, who: Caller, resource: Resource, row_id: int) -> dict[str, Any]:
    async with service.db.owner(who.owner_id) as conn:
        row = await select.fetch_one(conn, resource, who.owner_id, row_id)
    if row is None:
        raise NotFound(f"{resource.path} {row_id} does not exist")
    return dict(row)
