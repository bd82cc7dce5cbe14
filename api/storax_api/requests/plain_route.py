"""A route whose function takes the call, its caller and texts of the path, and is called with them at once.

What FastAPI does for every call - solve dependencies, open stacks for them, validate - costs about as much as reading a
row. Its document of the API comes from the signature as ever.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIRouter
from starlette.types import ASGIApp, Receive, Scope, Send

from storax_api.requests.parameters import caller_of

Endpoint = Callable[..., Awaitable[Response]]


class PlainRoute(APIRoute):
    """A route without FastAPI's machinery, where its function needs none of it."""

    def __init__(self, path: str, endpoint: Endpoint, **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        if is_plain(self.dependant):
            self.app = _plain(endpoint, self.dependant)


class PlainRouter(APIRouter):
    """A router of such routes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(route_class=PlainRoute, **options)


def is_plain(takes: Dependant) -> bool:
    """Whether a function takes nothing but the request, its caller, and texts of the path."""
    others = (
        takes.query_params, takes.header_params, takes.cookie_params, takes.body_params,
        takes.websocket_param_name, takes.http_connection_param_name, takes.response_param_name,
        takes.background_tasks_param_name, takes.security_scopes_param_name,
    )  # fmt: skip
    return (
        not any(others)
        and all(one.call is caller_of for one in takes.dependencies)
        and all(one.field_info.annotation is str and not one.field_info.metadata for one in takes.path_params)
    )


def _plain(endpoint: Endpoint, takes: Dependant) -> ASGIApp:
    request_name, caller_names = takes.request_param_name, [one.name for one in takes.dependencies if one.name]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        values: dict[str, Any] = dict(scope["path_params"])
        if request_name:
            values[request_name] = request
        for name in caller_names:
            values[name] = await caller_of(request)
        response = await endpoint(**values)
        await response(scope, receive, send)

    return app


def add_routes(app: FastAPI, router: APIRouter) -> None:
    """Add a router's routes to the application itself. An included router would match each call twice."""
    app.router.routes.extend(router.routes)
