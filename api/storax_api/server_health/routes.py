"""The report of the server for its administrators: health of its parts, users, storage and growth of the log."""

from typing import Any

from fastapi import Request, Response

from storax_api.documents import INTEGER, TEXT, TIME, answers, problems
from storax_api.requests.parameters import Who, only, service_of
from storax_api.requests.plain_route import PlainRouter
from storax_api.server_health.health import health_of
from storax_api.service import Caller, Service, json
from storax_core.errors import Forbidden
from storax_core.queries import server

router = PlainRouter(prefix="/api/v1/admin", tags=["health"], responses=problems(401, 403, 429, 503))
USER = {"id": INTEGER, "username": TEXT, "creation_date": TIME, "tokens": INTEGER, "sites": INTEGER, "jobs": INTEGER}
OBJECT = {"type": "object"}
USERS = {"type": "array", "items": {"type": "object", "properties": {**USER, "last_login": TIME}}}


def is_admin(service: Service, caller: Caller) -> bool:
    """Whether the server's settings name the caller as one of its administrators."""
    return caller.site_id is None and caller.username in service.settings.admin_names


async def report_of(request: Request, caller: Caller) -> dict[str, Any]:
    """Return the report. Raises Forbidden."""
    service = service_of(request)
    if not is_admin(service, caller):
        raise Forbidden(
            f"{caller.username} is no administrator of this server", hint="Its operator names them in STORAX_ADMINS."
        )
    health = await health_of(request)
    async with service.db.worker() as conn:
        return {"health": health, "users": await server.users(conn), "storage": await server.storage(conn)}


@router.get("/report", operation_id="server_report", **answers(health=OBJECT, users=USERS, storage=OBJECT))
async def server_report(request: Request, who: Who) -> Response:
    """Health of each part, the newest users with numbers of what they have, sizes of tables, events by day.

    For the users that STORAX_ADMINS names; all others get 403.
    """
    only(request)
    await service_of(request).queue_for_query(request, who)
    return json(await report_of(request, who))
