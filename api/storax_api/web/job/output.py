"""What a job wrote, read by the agent of its site; a page that follows it asks again for what is new."""

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from storax_api.job_files.exchange import Exchange, Window
from storax_api.requests.parameters import only, row_id, service_of
from storax_api.web.frame.reads import Row, reads_of
from storax_api.web.frame.respond import is_part, page
from storax_api.web.frame.viewer import SignedIn, Viewer
from storax_core.errors import Conflict, CoreError, Invalid, NotFound, Unavailable
from storax_core.lifecycle.states import JOB_DONE
from storax_core.resources import JOBS, SITES
from storax_core.resources.types import MAX_ID

router = APIRouter()
WINDOW = 1 << 16  # bytes shown at once
LONGEST = 1 << 20  # bytes that a page may have collected; then it begins anew at the end
WAIT_SEC = 5.0  # for the agent's answer
SOON_SEC, LATER_SEC = 2, 10  # between two questions
Stream = Literal["stdout", "stderr"]
Offset = Annotated[int | None, Query(ge=0, le=MAX_ID)]


@dataclass(frozen=True)
class Piece:
    """A part of an output: its text, where it begins and ends in the file, and when to ask for more (0: never)."""

    text: str
    start: int
    end: int
    size: int
    file: int
    ask_in: int
    problem: str = ""


@dataclass(frozen=True)
class Wanted:
    """Which part of which output: from ``offset`` on, where a negative one counts from the end."""

    job: Row
    site: Row
    stream: Stream
    offset: int = -WINDOW

    @property
    def has_ended(self) -> bool:
        """Whether the job writes no more."""
        return self.job["state"] in JOB_DONE


@router.get("/jobs/{id}/output")
async def output(
    request: Request,
    viewer: SignedIn,
    id: str,  # noqa: A002
    stream: Stream = "stdout",
    begin: Offset = None,
) -> Response:
    """Show the end of an output, or what follows ``begin``."""
    only(request, "stream", "begin")
    wanted = await _wanted(request, viewer, id, stream)
    wanted = wanted if begin is None else replace(wanted, offset=begin)
    piece = await _piece(request, viewer, wanted)
    template = "job/output_box.html" if is_part(request) else "job/output.html"
    return page(request, template, {"job": wanted.job, "stream": stream, "piece": piece, "begin": piece.start})


@router.get("/jobs/{id}/output/more")
async def more(
    request: Request,
    viewer: SignedIn,
    id: str,  # noqa: A002
    stream: Stream,
    after: Offset,
    begin: Offset,
    file: Offset,
) -> Response:
    """Answer what was written behind ``after`` to a page that shows an output from ``begin`` on.

    Where another attempt has begun a new file, or the page has collected much, it gets the end in place of all.
    """
    only(request, "stream", "after", "begin", "file")
    wanted = await _wanted(request, viewer, id, stream)
    piece = await _piece(request, viewer, replace(wanted, offset=after or 0))
    context = {"job": wanted.job, "stream": stream, "piece": piece, "begin": begin}
    if piece.problem or (piece.file == file and piece.end - (begin or 0) < LONGEST):
        return page(request, "job/output_more.html", context)
    piece = await _piece(request, viewer, wanted)
    answer = page(request, "job/output_box.html", {**context, "piece": piece, "begin": piece.start})
    answer.headers.update({"HX-Retarget": f"#output-{stream}", "HX-Reswap": "outerHTML"})
    return answer


async def _wanted(request: Request, viewer: Viewer, id: str, stream: Stream) -> Wanted:  # noqa: A002
    async with reads_of(request, viewer) as reads:
        job = await reads.one(JOBS, row_id(id, JOBS))
        return Wanted(job, await reads.one(SITES, job["site_id"]), stream)


async def _piece(request: Request, viewer: Viewer, wanted: Wanted) -> Piece:
    """Have the agent read it; where it cannot, the piece says why."""
    job = wanted.job
    of_job = {"job_id": job["id"], "workdir": job["workdir"], "attempt": job["attempt"], "path": None}
    exchange = await Exchange.of(service_of(request), viewer.caller)
    which = {"stream": wanted.stream, "offset": wanted.offset, "size": WINDOW}
    try:
        return _text_of(await exchange.ask(wanted.site, {**of_job, **which}, WAIT_SEC), ended=wanted.has_ended)
    except (NotFound, Conflict, Invalid, Unavailable) as error:
        return _nothing(error, wanted)


def _nothing(error: CoreError, wanted: Wanted) -> Piece:
    """Return a piece that says why there is none now."""
    absent, ended = isinstance(error, NotFound), wanted.has_ended
    text = "Nothing was written." if absent and ended else "Nothing was written so far." if absent else error.detail
    ask_in = 0 if ended else SOON_SEC if absent else LATER_SEC
    at = max(0, wanted.offset)
    return Piece("", at, at, 0, 0, ask_in, problem=text if absent else f"{text} {error.hint}".strip())


def _text_of(window: Window, *, ended: bool) -> Piece:
    """Return a window as text; a character that is cut at its end comes with the next one."""
    data, is_last = window.data, window.offset + len(window.data) >= window.size
    if not (ended and is_last):
        data = data[: len(data) - _cut(data)]
    ask_in = SOON_SEC if is_last else 1
    end = window.offset + len(data)
    text = data.decode("utf-8", "replace")
    return Piece(text, window.offset, end, window.size, window.inode, 0 if ended and is_last else ask_in)


def _cut(data: bytes) -> int:
    """Return how many bytes at the end are the beginning of a character."""
    for length in range(1, min(4, len(data) + 1)):
        byte = data[-length]
        if byte & 0xC0 != 0x80:
            wanted = 1 if byte < 0x80 else 2 if byte >> 5 == 0b110 else 3 if byte >> 4 == 0b1110 else 4
            return length if wanted > length else 0
    return 0
