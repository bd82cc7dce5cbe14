"""The page of tokens and of the log's questions; for administrators also users, health and storage."""

import orjson
from fastapi import APIRouter, Request, Response

from storax_api.requests.parameters import only, row_id, service_of
from storax_api.rows import bulk_commands
from storax_api.server_health.routes import is_admin, report_of
from storax_api.web.frame.forms import PostedForm
from storax_api.web.frame.live import published
from storax_api.web.frame.reads import plain, reads_of
from storax_api.web.frame.respond import Live, go_to, live_page
from storax_api.web.frame.viewer import Reader
from storax_core.errors import NotFound
from storax_core.queries.select import Query
from storax_core.resources import SITES, TOKENS

router = APIRouter()
TOKENS_SHOWN = 100
EVERY_SEC = 10


@router.get("/admin")
async def admin(request: Request, viewer: Reader) -> Response:
    """Show it."""
    only(request, "revoked")
    after = await published(request)
    async with reads_of(request, viewer) as reads:
        tokens = await reads.page(TOKENS, Query(ordering=["-id"], limit=TOKENS_SHOWN, count=True))
        sites = await reads.names(SITES, {row["site_id"] for row in tokens.rows if row["site_id"]})
    allowed = is_admin(service_of(request), viewer.caller)
    context = {
        "tokens": tokens, "sites": sites, "report": plain(await report_of(request, viewer.caller)) if allowed else None,
        "revoked": request.query_params.get("revoked", "")[:20], "own_id": viewer.caller.token_id,
    }  # fmt: skip
    return live_page(request, "admin/admin.html", context, changes=Live(after, ("token", "user"), every_sec=EVERY_SEC))


@router.post("/admin/revoke")
async def revoke(request: Request, posted: PostedForm) -> Response:
    """Revoke a token of the viewer with those that were created with it, by the command of REST."""
    form = posted.form
    wanted = row_id(form.value("id"), TOKENS)
    command = bulk_commands.delete_matching(TOKENS, Query(filter={"id": wanted}))
    answer = await service_of(request).run(request, posted.viewer.caller, form.raw, command)
    if not orjson.loads(answer.body).get("deleted"):
        raise NotFound(f"you have no token {wanted}", hint="It may have been revoked already.")
    return go_to(request, "admin", {"revoked": wanted})
