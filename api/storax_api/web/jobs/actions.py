"""What is done to selected jobs: first how many it would be, then, by a form, the same command as REST."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import parse_qsl

import orjson
from fastapi import APIRouter, Request, Response

from storax_api.requests.parameters import service_of
from storax_api.rows import bulk_commands
from storax_api.schemas import Retry, Selection
from storax_api.service import Command
from storax_api.web.frame import links
from storax_api.web.frame.filters import Pair, UrlQuery
from storax_api.web.frame.forms import Form, PostedForm
from storax_api.web.frame.reads import Reads, Row, reads_of
from storax_api.web.frame.respond import HEADERS, page
from storax_api.web.frame.viewer import Reader, Viewer
from storax_api.web.jobs import change
from storax_core.commands.update import ORDINARY
from storax_core.errors import Invalid
from storax_core.lifecycle.states import JOB_DONE, JOB_UNSUCCESSFUL
from storax_core.log.command_ids import new_command_id
from storax_core.queries.select import Query
from storax_core.resources import JOBS

router = APIRouter()
Action = Literal["cancel", "retry", "change", "delete"]
OWN = ("action", "selected", "back", "finished")  # parameters of the confirmation that are no conditions
OUTCOME = ("did", "n", "also", "left")  # parameters by which the list says what was done
ENDED, UNSUCCESSFUL = [str(state) for state in JOB_DONE], [str(state) for state in JOB_UNSUCCESSFUL]
EXAMPLES = 5


@router.get("/jobs/confirm")
async def confirm(request: Request, viewer: Reader, action: Action, back: str = "jobs") -> Response:
    """Show how many jobs an action would change, some of them, and the form that does it."""
    view = UrlQuery.of(request, JOBS, own=OWN)
    selected = "selected" in request.query_params
    if selected and not view.values("id"):
        raise Invalid("no job is selected", hint="Go back and mark some, or use the links for all that match.")
    query, finished = view.selection(), request.query_params.get("finished") == "true"
    async with reads_of(request, viewer) as reads:
        matching = await reads.count(JOBS, query)
        concerned = _concerned(action, query, finished=finished)
        changed = matching if concerned is query else await reads.count(JOBS, concerned)
        examples = await reads.page(JOBS, _examples(concerned))
        alone = await _alone(reads, query) if action == "change" and changed == 1 else None
    preview = await _retry_preview(request, viewer, query, finished=finished) if action == "retry" else {}
    context = {
        "action": action, "conditions": view.conditions, "matching": matching, "examples": examples.rows,
        "changed": preview.get("retried", changed), "descendants": preview.get("brought_back", 0),
        "inputs": change.inputs(alone) if action == "change" else [], "finished": finished, "key": new_command_id(),
        "back": links.safe_target(back),
    }  # fmt: skip
    return page(request, "jobs/confirm.html", context)


def _concerned(action: Action, query: Query, *, finished: bool) -> Query:
    """Return the query of those that an action changes: what has ended cannot be cancelled, only such can run again."""
    if action in ("change", "delete"):
        return query
    others = {"state": ENDED} if action == "cancel" else {"state__ne": ENDED if finished else UNSUCCESSFUL}
    return query.model_copy(update={"exclude": [*query.exclude, others]})


def _examples(query: Query) -> Query:
    return query.model_copy(update={"limit": EXAMPLES, "ordering": ["-id"], "fields": ["id", "state", "workdir"]})


async def _alone(reads: Reads, query: Query) -> Row | None:
    """Return the one job that matches, with all its fields."""
    return next(iter((await reads.page(JOBS, query.model_copy(update={"limit": 1}))).rows), None)


async def _retry_preview(request: Request, viewer: Viewer, query: Query, *, finished: bool) -> dict[str, Any]:
    ask = Retry(filter=query.filter, exclude=query.exclude, finished=finished, dry_run=True)
    return await _run(request, viewer, b"", bulk_commands.retry(ask))


@router.post("/jobs/apply")
async def apply(request: Request, posted: PostedForm) -> Response:
    """Do it, and lead back to the list, which says what was done."""
    form = posted.form
    command = _command(form)
    answer = await _run(request, posted.viewer, form.raw, command, form=form)
    back, _, query = links.safe_target(form.value("back")).partition("?")
    outcome = [("did", form.value("action")), *((name, str(number)) for name, number in _numbers(answer).items())]
    kept = [pair for pair in _pairs(query) if pair[0] not in OUTCOME]
    location = links.base(request) + back + links.query_string_of([*kept, *outcome])
    return Response(None, 303, {**HEADERS, "Location": location})


def _command(form: Form) -> Command:
    """Return the command of a form. Raises Invalid."""
    conditions = tuple((name, value) for name, value in form.pairs if name.startswith("where."))
    view = UrlQuery(JOBS, tuple((name.removeprefix("where."), value) for name, value in conditions))
    query = view.selection()
    if not view.conditions and form.value("everything") != "true":
        raise Invalid("the form names no jobs", hint="Go back and select some.")
    match form.value("action"):
        case "cancel":
            return bulk_commands.cancel(Selection(filter=query.filter, exclude=query.exclude))
        case "retry":
            descendants, finished = (form.value(name) == "true" for name in ("descendants", "finished"))
            ask = Retry(filter=query.filter, exclude=query.exclude, descendants=descendants, finished=finished)
            return bulk_commands.retry(ask)
        case "delete":
            return bulk_commands.delete_matching(JOBS, query)
        case "change":
            selection = Selection(filter=query.filter, exclude=query.exclude)
            return bulk_commands.change_matching(JOBS, selection, change.patch_of(form), ORDINARY)
        case other:
            raise Invalid(f"there is no action {other[:40]!r}", hint="It is cancel, retry, change or delete.")


async def _run(
    request: Request, viewer: Viewer, raw: bytes, command: Command, *, form: Form | None = None
) -> dict[str, Any]:
    key = form.key if form else None
    answer = await service_of(request).run(request, viewer.caller, raw, command, key=key)
    value: dict[str, Any] = orjson.loads(answer.body)
    return value


def _numbers(answer: Mapping[str, Any]) -> dict[str, int]:
    """Return what the list is to say of an answer of cancel, retry, change or delete."""
    if "updated" in answer:
        return {"n": answer["updated"], "also": answer.get("brought_back", 0), "left": answer.get("left", 0)}
    if "deleted" in answer:
        return {"n": answer["deleted"], "left": len(answer["not_deleted"])}
    if "retried" in answer:
        return {"n": answer["retried"], "also": answer["brought_back"], "left": answer["left"]}
    return {"n": answer["cancelled"], "also": answer["requested"], "left": 0}


def _pairs(query: str) -> Sequence[Pair]:
    return parse_qsl(query)


def outcome_of(request: Request) -> str:
    """Return what was done, in words, where the URL says it by numbers; else nothing."""
    did = request.query_params.get("did", "")
    n, also, left = (_whole(request.query_params.get(name, "0")) for name in ("n", "also", "left"))
    if did == "cancel":
        return f"{_jobs(n)} cancelled" + (f"; {_jobs(also)} will be stopped by their sites" if also else "") + "."
    if did == "retry":
        brought = f", and {_jobs(also)} below that failed only because of a parent" if also else ""
        rest = f" {_jobs(left)} left as they are: their parents have to run first." if left else ""
        return f"{_jobs(n)} will run again{brought}.{rest}"
    if did == "change":
        back = f", and {_jobs(also)} brought back below" if also else ""
        rest = f" {_jobs(left)} left as they are: their parents have to run first." if left else ""
        return f"{_jobs(n)} changed{back}.{rest}"
    if did == "delete":
        return f"{_jobs(n)} deleted." + (f" {_jobs(left)} left: they run; cancel them first." if left else "")
    return ""


def _jobs(number: int) -> str:
    return f"{number} job" if number == 1 else f"{number} jobs"


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
