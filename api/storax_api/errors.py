"""Core errors as HTTP answers: RFC 9457 problem details. The only file that knows which error has which status."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from uuid import uuid4

import asyncpg
import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from storax_core import errors, process_log
from storax_core.log.unknown_events import HINT, UnknownEventError
from storax_core.suggest import nearest

log = logging.getLogger("storax.api")
STATUS: dict[type[errors.CoreError], int] = {
    errors.NotFound: 404,
    errors.LostPosition: 410,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.TooManyLogins: 429,
    errors.Invalid: 422,
    errors.TooLarge: 413,
    errors.TooSlow: 408,
    errors.TooMany: 429,
    errors.Conflict: 409,
    errors.Unavailable: 503,
}
HTTP_CODES = {401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


class Pages(NamedTuple):
    """Where errors are answered as pages for people: below the path ``root``, by ``answer``."""

    root: str
    answer: Callable[[Request, Mapping[str, Any], Mapping[str, str]], Response]


def status_of(error: errors.CoreError) -> int:
    """The nearest declared ancestor's status."""
    return next((STATUS[k] for k in type(error).__mro__ if k in STATUS), 500)


def problem(
    request: Request,
    status: int,
    code: str,
    detail: str,
    hint: str = "",
    rows: Any = None,
    members: Mapping[str, int] | None = None,
    *,
    retry_after: int = 0,
) -> Response:
    """One problem-details answer; ``retry_after`` is in seconds, 0: none but that of every 503."""
    body: dict[str, Any] = {
        "type": f"urn:storax:error:{code}",
        "title": code.replace("_", " "),
        "status": status,
        "detail": detail,
        "code": code,
        "hint": hint,
        "request_id": request_id(request),
        **(members or {}),
    }
    if rows:
        body["errors"] = rows
    request.scope["state"]["problem"] = (code, detail)  # for the log
    retry_after = retry_after or (1 if status == 503 else 0)
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    if status == 408:  # the rest of the body may still come
        headers["Connection"] = "close"
    if status == 500:  # this answer bypasses the middleware that adds the header to every other
        headers["X-Request-ID"] = request_id(request)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    pages: Pages | None = getattr(request.app.state, "problem_pages", None)
    if pages and request.scope["path"].startswith(pages.root):
        return pages.answer(request, body, headers)
    return Response(orjson.dumps(body), status, headers, media_type="application/problem+json")


def request_id(request: Request) -> str:
    """Return the call's id, drawn at its first use; also in the X-Request-ID header and the log."""
    state = request.scope.setdefault("state", {})
    if "request_id" not in state:
        state["request_id"] = uuid4().hex
    return str(state["request_id"])


def from_validation(
    error: ValidationError | RequestValidationError, known: Any = (), *, offset: int = 0
) -> errors.Invalid:
    """Turn pydantic's errors into one; ``offset`` is the place of the first row that was checked."""
    faults = [{**e, "loc": _shift_rows(e["loc"], offset)} for e in error.errors()]
    rows = [{"loc": [str(p) if not isinstance(p, int) else p for p in e["loc"]], "msg": e["msg"]} for e in faults[:20]]
    first = faults[0]
    place = ".".join(str(p) for p in first["loc"])
    hint = ""
    if first["type"] == "extra_forbidden":
        name = str(first["loc"][-1])
        return errors.Invalid(
            f"no field {name!r} here ({place})", hint=nearest(name, known) if known else "", errors=rows
        )
    message = first["msg"].removeprefix("Value error, ")
    shown = str(first.get("input"))[:80]
    detail = f"{place}: {message}" if place else message
    if first["type"] != "missing" and not isinstance(first.get("input"), (dict, list)):
        hint = f"Got {shown!r}."
    return errors.Invalid(detail, hint=hint, errors=rows)


def _shift_rows(loc: tuple[Any, ...], offset: int) -> tuple[Any, ...]:
    return (loc[0] + offset, *loc[1:]) if offset and loc and isinstance(loc[0], int) else loc


def install(app: FastAPI) -> None:
    """Register the handlers."""

    @app.exception_handler(errors.CoreError)
    async def core(request: Request, error: errors.CoreError) -> Response:
        problem_of = (error.code, error.detail, error.hint, error.errors, error.members)
        return problem(request, status_of(error), *problem_of, retry_after=error.retry_after)

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, _: ClientDisconnect) -> Response:
        return problem(request, 400, "disconnected", "the connection ended within the body")  # nobody reads it

    @app.exception_handler(RequestValidationError)
    async def validation(request: Request, error: RequestValidationError) -> Response:
        invalid = from_validation(error)
        return problem(request, 422, invalid.code, invalid.detail, invalid.hint, invalid.errors)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        code = HTTP_CODES.get(error.status_code, "http_error")
        hint = "See /docs for the routes there are." if error.status_code in (404, 405) else ""
        return problem(request, error.status_code, code, str(error.detail), hint)

    _install_database(app)

    @app.exception_handler(Exception)
    async def unknown(request: Request, error: Exception) -> Response:
        extra = process_log.fields(request_id=request_id(request))
        log.exception("request %s failed", request_id(request), exc_info=error, extra=extra)
        return problem(request, 500, "internal", "an error on our side", "Report the request id to your operator.")


def _install_database(app: FastAPI) -> None:
    """Register the handlers of what Postgres refuses."""

    @app.exception_handler(asyncpg.DeadlockDetectedError)
    @app.exception_handler(asyncpg.LockNotAvailableError)
    async def busy(request: Request, _: Exception) -> Response:
        return problem(request, 503, "unavailable", "another call changes the same rows", "Try again in a moment.")

    @app.exception_handler(UnknownEventError)
    async def unknown_event(request: Request, error: UnknownEventError) -> Response:
        return problem(request, 409, "conflict", str(error), HINT)

    @app.exception_handler(asyncpg.DataError)
    async def data(request: Request, error: asyncpg.DataError) -> Response:
        return problem(request, 422, "invalid", f"a value does not fit: {error}", "Check ranges and formats.")

    @app.exception_handler(asyncpg.QueryCanceledError)
    async def slow(request: Request, _: asyncpg.QueryCanceledError) -> Response:
        return problem(request, 503, "unavailable", "the database took too long", "Narrow the filter, or try again.")
