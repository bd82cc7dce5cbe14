"""Save what the page Jobs shows as a view, list the views, rename and delete them: by the commands of REST."""

from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response

from storax_api.requests.body import validate, validate_rows
from storax_api.requests.parameters import only, row_id, service_of
from storax_api.service import Command
from storax_api.web.frame import links
from storax_api.web.frame.forms import Posted, PostedForm
from storax_api.web.frame.live import published
from storax_api.web.frame.reads import reads_of
from storax_api.web.frame.respond import HEADERS, Live, go_to, live_page
from storax_api.web.frame.viewer import Reader
from storax_api.web.views import saved
from storax_core import limits
from storax_core.commands import create, delete, update
from storax_core.database.connections import Connection
from storax_core.errors import NotFound
from storax_core.log.append import Context
from storax_core.queries import select
from storax_core.resources import SAVED_VIEWS

router = APIRouter()


@router.get("/views")
async def views(request: Request, viewer: Reader) -> Response:
    """List the viewer's views, with the forms that rename and delete them."""
    only(request, "did")
    after = await published(request)
    async with reads_of(request, viewer) as reads:
        listed = await saved.views_of(reads)
    context = {"views": listed, "outcome": saved.outcome_of(request), "most": limits.SAVED_VIEWS}
    return live_page(request, "views/list.html", context, changes=Live(after, (SAVED_VIEWS.entity,)))


@router.post("/views")
async def save(request: Request, posted: PostedForm) -> Response:
    """Save a query under a name, and lead back to what it shows."""
    form = posted.form
    row = {"name": form.value("name").strip(), "query": form.value("query")}
    rows = validate_rows(SAVED_VIEWS.create_adapter, [row], SAVED_VIEWS.create_model.model_fields)
    await _run(request, posted, _save(rows[0], replace=form.value("replace") == "true"))
    query = links.query_string_of([*parse_qsl(row["query"]), ("did", "saved")])
    return Response(None, 303, {**HEADERS, "Location": f"{links.base(request)}jobs{query}"})


def _save(row: dict[str, Any], *, replace: bool) -> Command:
    """Return the command that creates a view; with ``replace`` it changes the one of this name, where there is one."""

    async def command(conn: Connection, ctx: Context) -> Any:
        query = select.Query(filter={"name": row["name"]})
        ids = await select.matching_ids(conn, SAVED_VIEWS, ctx.owner_id, query) if replace else []
        if ids:
            await update.update_rows(conn, ctx, SAVED_VIEWS, [{"id": ids[0], "query": row["query"]}])
        else:
            await create.create(conn, ctx, SAVED_VIEWS, [row])

    return command


@router.post("/views/{id}/rename")
async def rename(request: Request, posted: PostedForm, id: str) -> Response:  # noqa: A002
    """Give a view another name."""
    patch = {"id": row_id(id, SAVED_VIEWS), "name": posted.form.value("name").strip()}
    validate(SAVED_VIEWS.patch_adapter, {"name": patch["name"]}, SAVED_VIEWS.update_keys)

    async def command(conn: Connection, ctx: Context) -> Any:
        await update.update_rows(conn, ctx, SAVED_VIEWS, [patch])

    await _run(request, posted, command)
    return go_to(request, "views", {"did": "renamed"})


@router.post("/views/{id}/delete")
async def delete_view(request: Request, posted: PostedForm, id: str) -> Response:  # noqa: A002
    """Delete a view."""
    wanted = row_id(id, SAVED_VIEWS)

    async def command(conn: Connection, ctx: Context) -> Any:
        gone, _ = await delete.delete_ids(conn, ctx, SAVED_VIEWS, [wanted])
        if not gone:
            raise NotFound(f"you have no saved view {wanted}", hint="It may have been deleted already.")

    await _run(request, posted, command)
    return go_to(request, "views", {"did": "deleted"})


async def _run(request: Request, posted: Posted, command: Command) -> None:
    form = posted.form
    await service_of(request).run(request, posted.viewer.caller, form.raw, command, key=form.key)
