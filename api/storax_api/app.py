"""``create_app(settings)``: the one place that puts the API together."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import storax_api.errors as api_errors
from storax_api import auth, docs_page, metrics, openapi, request_log, routes
from storax_api.bounds import routes as bounds
from storax_api.bounds.memory import until_answered
from storax_api.documents import TEXT, answers
from storax_api.events import routes as events
from storax_api.events.broadcast import Broadcast
from storax_api.identity.token_watch import TokenWatch
from storax_api.job_files import routes as job_files
from storax_api.one_job import routes as one_job
from storax_api.requests.plain_route import add_routes
from storax_api.rows import failures, footprint, throughput
from storax_api.rows import metrics as job_metrics
from storax_api.rows import runs as job_runs
from storax_api.server_health import routes as server_health
from storax_api.server_health.health import health_of, is_ready
from storax_api.service import Service, json
from storax_api.sessions import routes as sessions
from storax_api.uptime import Uptime
from storax_api.waits import Waits
from storax_api.web import install as web
from storax_api.webhooks import routes as webhooks
from storax_core import limits
from storax_core.database import roles
from storax_core.database.connections import Database
from storax_core.queues import Queues
from storax_core.resources import JOBS, RESOURCES, WEBHOOKS
from storax_core.settings import Settings

DESCRIPTION = "Event-sourced job orchestration. Every change is an event; every list is a query over projections."
PIECE = 1 << 16  # bytes of an answer that are handed to the connection at once
TEXTS = {"type": "array", "items": TEXT}
AGES = {
    "type": "object",
    "additionalProperties": {"type": ["number", "null"]},
    "description": "Seconds since the last heartbeat, by part.",
}


class RequestIds:
    """Gives every answer an X-Request-ID and a place in the counts, and each error a line in the log.

    An answer goes out as fast as its caller reads it; then what the call held is given back. Plain ASGI: no cost per
    body chunk.
    """

    def __init__(self, app: ASGIApp, calls: metrics.Calls) -> None:
        self.app, self.calls = app, calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        name = api_errors.request_id(Request(scope)).encode()
        began = time.perf_counter()

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", name)]
                self._note(scope, message["status"], time.perf_counter() - began)
            await _in_pieces(message, send)

        try:
            await self.app(scope, receive, answer)
        except Exception:  # answered as a 500 outside of here
            self._note(scope, 500, time.perf_counter() - began)
            raise
        finally:
            if "until_answered" in scope["state"]:
                until_answered(scope).close()

    def _note(self, scope: Scope, status: int, took: float) -> None:
        request_log.note(scope, status, took)
        self.calls.count(metrics.operation_of(scope), status, took)


async def _in_pieces(message: Message, send: Send) -> None:
    """Send a message; a large body in pieces, each when the connection has room for it."""
    body = message.get("body", b"")
    if len(body) <= PIECE:
        await send(message)
        return
    for start in range(0, len(body), PIECE):
        more = start + PIECE < len(body) or message.get("more_body", False)
        await send({"type": message["type"], "body": body[start : start + PIECE], "more_body": more})


def _lifespan(settings: Settings) -> Callable[[FastAPI], Any]:
    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as open_parts:
            at_once = limits.connections_of_one(settings)
            db = await Database.connect(settings.database_url, size=settings.pool_size, at_once=at_once)
            open_parts.push_async_callback(db.close)
            queues = Queues(settings.redis_url)
            open_parts.push_async_callback(queues.close)
            app.state.service = Service(settings, db, queues, app.state.waits)
            open_parts.callback(app.state.service.passwords.close)
            app.state.excess = await roles.excess(db)
            app.state.broadcast = Broadcast(queues, db)
            app.state.uptime = Uptime(db)
            for part in (app.state.broadcast, app.state.uptime, TokenWatch(app.state.service)):
                part.start()
                open_parts.push_async_callback(part.stop)
            yield

    return lifespan


def create_app(settings: Settings) -> FastAPI:
    """The API. It holds no state of its own: any number of processes serve the same database."""
    app = FastAPI(
        title="Storax",
        version="1",
        description=DESCRIPTION,
        lifespan=_lifespan(settings),
        docs_url=None,
        redoc_url=None,
    )
    api_errors.install(app)
    app.state.calls, app.state.waits = metrics.Calls(), Waits()
    app.add_middleware(RequestIds, calls=app.state.calls)
    # Routes are tried in this order, so what is called all day stands first.
    of_jobs = (footprint.router, failures.router, throughput.router, job_metrics.router, job_runs.router)
    for router in (routes.mount(JOBS), sessions.router, events.router, auth.router, *of_jobs):
        add_routes(app, router)
    add_routes(app, job_files.router)
    add_routes(app, one_job.router)
    add_routes(app, webhooks.router)
    finish_create = {WEBHOOKS.entity: webhooks.with_secrets}
    for resource in RESOURCES:
        if resource is not JOBS:
            add_routes(app, routes.mount(resource, finish_create=finish_create.get(resource.entity)))
    _health(app)
    add_routes(app, metrics.router)
    add_routes(app, bounds.router)
    add_routes(app, server_health.router)
    docs_page.install(app)
    web.install(app)
    openapi.install(app)
    return app


def _health(app: FastAPI) -> None:
    @app.get("/healthz", tags=["health"], **answers(status=TEXT))
    async def healthz() -> Response:
        """Whether the process runs."""
        return json({"status": "ok"})

    shape = {"status": TEXT, "detail": TEXT, "schema": TEXT, "wanted": TEXT, "redis": TEXT, "excess": TEXT}

    @app.get("/readyz", tags=["health"], **answers(**shape, stale=TEXTS, heartbeats=AGES))
    async def readyz(request: Request) -> Response:
        """Whether calls will succeed: Postgres answers, the schema is this program's, this process follows the feed.

        Reported too: whether Redis answers, in which way the login of the API may more than it needs, and which parts
        that work beside the calls give no heartbeat (``stale``).
        """
        health = await health_of(request)
        return json(health, 200 if is_ready(health) else 503)
