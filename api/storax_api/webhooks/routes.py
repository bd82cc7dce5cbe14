"""The secret of a webhook, in the answers that show it, and the routes that rotate it and replay events."""

from typing import Any

import orjson
from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field

from storax_api.documents import asks, problems, row_of
from storax_api.requests.body import parse_as
from storax_api.requests.parameters import Who, only, row_id, service_of
from storax_api.requests.plain_route import PlainRouter
from storax_api.rows.existing import existing_row
from storax_api.service import Service, json
from storax_core.commands.webhooks import rules, secrets
from storax_core.database.connections import Connection
from storax_core.log.append import Context
from storax_core.resources import WEBHOOKS
from storax_core.resources.types import MAX_ID

router = PlainRouter(
    prefix="/api/v1/webhooks",
    tags=["webhooks"],
    responses=problems(401, 403, 404, 408, 409, 410, 413, 422, 429, 503),
)


class Replay(BaseModel):
    """From where to post events again."""

    model_config = ConfigDict(extra="forbid")

    position: int = Field(
        strict=True, ge=0, le=MAX_ID, description="Position of the log behind which events are posted; 0: all."
    )


async def with_secrets(service: Service, answer: Response) -> Response:
    """Complete an answer with the secrets of its webhooks. The answer that is kept for a repeat has none."""
    value = orjson.loads(answer.body)
    rows: list[dict[str, Any]] = value.get("results", [] if "rows" in value else [value])
    async with service.db.worker() as conn:
        key = await secrets.secrets_key(conn)
    for row in rows:
        row["secret"] = secrets.secret_text(secrets.secret_of(key, row["id"], row["secret_version"]))
    answer.body = json(value).body
    answer.headers["Content-Length"] = str(len(answer.body))
    return answer


class Rotation(BaseModel):
    """A rotation takes no fields."""

    model_config = ConfigDict(extra="forbid")


@router.post("/{id}/rotate", operation_id="webhook_rotate", **row_of(WEBHOOKS))
async def rotate(request: Request, who: Who, id: str) -> Response:  # noqa: A002
    """Make another secret, which this answer shows. For a day deliveries are signed with the one before too."""
    only(request)
    wanted, service = row_id(id, WEBHOOKS), service_of(request)
    raw = await service.body(request)
    if raw:
        parse_as(Rotation, raw)

    async def command(conn: Connection, ctx: Context) -> Any:
        await rules.rotate(conn, ctx, wanted)
        return await existing_row(conn, WEBHOOKS, who.owner_id, wanted)

    return await with_secrets(service, await service.run(request, who, raw, command))


@router.post("/{id}/replay", operation_id="webhook_replay", openapi_extra=asks(Replay), **row_of(WEBHOOKS))
async def replay(request: Request, who: Who, id: str) -> Response:  # noqa: A002
    """Set the position behind which events are posted: back, to get them again, or ahead, to leave some out."""
    only(request)
    wanted, service = row_id(id, WEBHOOKS), service_of(request)
    raw = await service.body(request)
    ask = parse_as(Replay, raw)

    async def command(conn: Connection, ctx: Context) -> Any:
        await rules.replay(conn, ctx, wanted, ask.position)
        return await existing_row(conn, WEBHOOKS, who.owner_id, wanted)

    return await service.run(request, who, raw, command)
