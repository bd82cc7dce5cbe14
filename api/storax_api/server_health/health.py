"""Whether calls will succeed, and what each part of the server does: the answer of /readyz."""

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import Request

from storax_api.requests.parameters import service_of
from storax_api.service import Service
from storax_core.admin import migrate
from storax_core.database import heartbeats
from storax_core.errors import Unavailable

READY_SEC = 5.0  # for Postgres' part of the answer


async def health_of(request: Request) -> dict[str, Any]:
    """Return the state of this process and of the parts that work beside the calls. Raises Unavailable."""
    service = service_of(request)
    try:
        async with asyncio.timeout(READY_SEC):
            schema, beats = await _schema_and_heartbeats(service)
    except TimeoutError as error:
        raise Unavailable(f"Postgres does not answer within {READY_SEC:.0f} s", hint="Look at Postgres.") from error
    beats.append(request.app.state.broadcast.heartbeat())
    stale, wanted = [beat.name for beat in beats if beat.stale], migrate.head()
    redis = "up" if await service.queues.alive() else "down"
    return {
        **_verdict(schema, wanted, request.app.state.uptime.problem, stale), "schema": schema, "wanted": wanted,
        "redis": redis, "excess": request.app.state.excess, "stale": stale,
        "heartbeats": {beat.name: beat.age_sec for beat in beats},
    }  # fmt: skip


def is_ready(health: dict[str, Any]) -> bool:
    """Whether this process may be sent calls."""
    return health["status"] in ("ok", "degraded") and heartbeats.FOLLOWER not in health["stale"]


def _verdict(schema: str | None, wanted: str, problem: str, stale: Sequence[str]) -> dict[str, str]:
    if schema != wanted:
        return {"status": "wrong schema", "detail": ""}
    if problem:
        return {"status": "cannot write", "detail": problem}
    return {"status": "degraded" if stale else "ok", "detail": ""}


async def _schema_and_heartbeats(service: Service) -> tuple[str | None, list[heartbeats.Heartbeat]]:
    """Return the schema's revision, None where there is none, and what beats."""
    async with service.db.worker() as conn:
        if not await conn.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL"):
            return None, []
        schema = await conn.fetchval("SELECT version_num FROM alembic_version")
        known = await conn.fetchval("SELECT to_regclass('heartbeat') IS NOT NULL")
        return schema, await heartbeats.read(conn, service.uptime_sec) if known else []
