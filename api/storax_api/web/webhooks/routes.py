"""List webhooks, create, pause, resume, replay, rotate and delete them: by the commands of REST."""

from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from storax_api.errors import status_of
from storax_api.requests.body import validate, validate_rows
from storax_api.requests.parameters import position, row_id, service_of
from storax_api.rows.existing import existing_row
from storax_api.service import Command
from storax_api.web.frame.filters import UrlQuery
from storax_api.web.frame.forms import OWN, Form, Posted, PostedForm
from storax_api.web.frame.live import published
from storax_api.web.frame.reads import reads_of
from storax_api.web.frame.respond import Live, go_to, live_page, page
from storax_api.web.frame.viewer import Reader
from storax_api.web.webhooks import shown
from storax_api.webhooks.routes import with_secrets
from storax_core import limits
from storax_core.commands import create, delete, update
from storax_core.commands.webhooks import rules
from storax_core.database.connections import Connection
from storax_core.errors import CoreError, Invalid, NotFound
from storax_core.lifecycle.states import JobState
from storax_core.log.append import Context
from storax_core.log.command_ids import new_command_id
from storax_core.resources import EVENTS, WEBHOOKS

router = APIRouter()
EVERY_SEC = 5
FIELDS = ("name", "url", "format")  # of the form; its others are filters of events
OFFERED = ("type", "tags", "app_id", "site_id", "job_id", "actor")
STATES = tuple(str(state) for state in (JobState.JOB_FINISHED, JobState.FAILED, JobState.CANCELLED, JobState.RUNNING))


@router.get("/webhooks")
async def webhooks(request: Request, viewer: Reader) -> Response:
    """List the viewer's webhooks, with the forms that change them; filters of the URL fill in that for a new one."""
    view, after, problem = shown.conditions_of(request), await published(request), None
    try:
        shown.filter_of(view)
    except CoreError as error:
        problem = error
    async with reads_of(request, viewer) as reads:
        listed = await shown.webhooks_of(reads)
    fields, others = shown.split(view, OFFERED)
    context = {
        "webhooks": listed, "outcome": shown.outcome_of(request), "most": limits.WEBHOOKS, "view": fields,
        "problem": problem, "key": new_command_id(), "states": _states(view), "others": others,
    }  # fmt: skip
    changes = Live(after, (WEBHOOKS.entity, "job"), every_sec=EVERY_SEC)
    status = status_of(problem) if problem else 200
    return live_page(request, "webhooks/list.html", context, changes=changes, status=status)


def _states(view: UrlQuery) -> list[str]:
    """Return the states that the form offers: the usual ones, and those that the URL names."""
    return list(dict.fromkeys([*STATES, *view.values(shown.STATES)]))


@router.post("/webhooks")
async def add(request: Request, posted: PostedForm) -> Response:
    """Create a webhook, and show its secret, this once."""
    row = _new_row(posted.form)
    rows = validate_rows(WEBHOOKS.create_adapter, [row], WEBHOOKS.create_model.model_fields)

    async def command(conn: Connection, ctx: Context) -> Any:
        return await create.create_one(conn, ctx, WEBHOOKS, rows[0])

    return await _with_secret(request, posted, command, did="created")


def _new_row(form: Form) -> dict[str, Any]:
    pairs = tuple((name, value.strip()) for name, value in form.pairs if name not in (*FIELDS, *OWN) and value.strip())
    wanted = shown.filter_of(UrlQuery(EVENTS, pairs))
    return {**{name: form.value(name).strip() for name in FIELDS}, "filter": wanted}


@router.post("/webhooks/{id}/rotate")
async def rotate(request: Request, posted: PostedForm, id: str) -> Response:  # noqa: A002
    """Make another secret, and show it, this once."""
    wanted = row_id(id, WEBHOOKS)

    async def command(conn: Connection, ctx: Context) -> Any:
        await rules.rotate(conn, ctx, wanted)
        return await existing_row(conn, WEBHOOKS, ctx.owner_id, wanted)

    return await _with_secret(request, posted, command, did="rotated")


async def _with_secret(request: Request, posted: Posted, command: Command, *, did: str) -> Response:
    """Run a command that answers a webhook, and show it with its secret."""
    answer = await with_secrets(service_of(request), await _run(request, posted, command))
    return page(request, "webhooks/secret.html", {"webhook": orjson.loads(answer.body), "did": did})


@router.post("/webhooks/{id}/enabled")
async def set_enabled(request: Request, posted: PostedForm, id: str) -> Response:  # noqa: A002
    """Pause a webhook, or have it go on where it stopped."""
    patch = {"id": row_id(id, WEBHOOKS), "enabled": posted.form.value("value") == "true"}
    validate(WEBHOOKS.patch_adapter, {"enabled": patch["enabled"]}, WEBHOOKS.update_keys)

    async def command(conn: Connection, ctx: Context) -> Any:
        await update.update_rows(conn, ctx, WEBHOOKS, [patch])

    await _run(request, posted, command)
    return go_to(request, "webhooks", {"did": "resumed" if patch["enabled"] else "paused"})


@router.post("/webhooks/{id}/replay")
async def replay(request: Request, posted: PostedForm, id: str) -> Response:  # noqa: A002
    """Set the position behind which events are posted."""
    wanted, text = row_id(id, WEBHOOKS), posted.form.value("position").strip()
    at = position(text)
    if at is None:
        raise Invalid(
            f"{text[:40]!r} is no position of the log",
            hint="Give a whole number, as the page Events shows them; 0: all.",
        )

    async def command(conn: Connection, ctx: Context) -> Any:
        await rules.replay(conn, ctx, wanted, at)

    await _run(request, posted, command)
    return go_to(request, "webhooks", {"did": "replayed"})


@router.post("/webhooks/{id}/delete")
async def delete_webhook(request: Request, posted: PostedForm, id: str) -> Response:  # noqa: A002
    """Delete a webhook."""
    wanted = row_id(id, WEBHOOKS)

    async def command(conn: Connection, ctx: Context) -> Any:
        gone, _ = await delete.delete_ids(conn, ctx, WEBHOOKS, [wanted])
        if not gone:
            raise NotFound(f"you have no webhook {wanted}", hint="It may have been deleted already.")

    await _run(request, posted, command)
    return go_to(request, "webhooks", {"did": "deleted"})


async def _run(request: Request, posted: Posted, command: Command) -> Response:
    form = posted.form
    return await service_of(request).run(request, posted.viewer.caller, form.raw, command, key=form.key)
