"""Login, tokens, and who am I."""

import logging
from collections.abc import Collection
from typing import Any

from fastapi import Request, Response

from storax_api.documents import INTEGER, TEXT, TIME, answers, asks, problems
from storax_api.identity import logins
from storax_api.requests.body import parse_as
from storax_api.requests.parameters import Who, only, service_of
from storax_api.requests.plain_route import PlainRouter
from storax_api.service import Service, json
from storax_core import limits
from storax_core.commands import users
from storax_core.commands.users import Login, NewToken, Register
from storax_core.database import login_failures
from storax_core.database.connections import Connection, writing
from storax_core.errors import Conflict, Unauthorized
from storax_core.log.append import Context

log = logging.getLogger("storax.api")
router = PlainRouter(prefix="/api/v1", tags=["auth"], responses=problems(401, 403, 408, 409, 413, 422, 429, 503))

TOKEN = {"id": INTEGER, "name": TEXT, "user_id": INTEGER, "expires_at": TIME, "token": TEXT}
TOKEN |= {"site_id": INTEGER, "parent_id": INTEGER}


@router.post("/auth/login", operation_id="login", openapi_extra=asks(Login), **answers(**TOKEN, username=TEXT))
async def login(request: Request) -> Response:
    """Exchange a password for a token. Takes no Idempotency-Key: no token's text is kept; a repeat makes another."""
    service = service_of(request)
    ask = parse_as(Login, await service.body(request, limits.STRANGER_BODY_BYTES))
    return json(await log_in(request, ask, days=service.settings.token_days))


async def log_in(request: Request, ask: Login, *, days: int, name: str = "login") -> dict[str, Any]:
    """Check a password, and make a token of this name. Raises Unauthorized, TooManyLogins."""
    service, address = service_of(request), logins.address_of(request)
    with service.logins.attempt(ask.username, address) as attempt:
        async with service.db.worker() as conn:
            user = await users.find_user(conn, ask.username)
            attempt.learn(await login_failures.recent(conn, attempt.keys.values()))
        # In a thread and without a connection: whoever guesses passwords holds up nobody else.
        if not await service.passwords.run(users.password_fits, ask.password, user):
            attempt.fail()
            service.run_later(_note_failure(service, user, address, attempt.keys.values()))
            raise Unauthorized("wrong username or password", hint="Ask whoever runs the server to set your password.")
        attempt.succeed()
    async with service.db.worker() as conn, writing(conn):
        await login_failures.forget(conn, attempt.keys["both"])
        return await users.log_in(conn, user, days, name=name)


async def _note_failure(service: Service, user: Any, address: str, keys: Collection[str]) -> None:
    """Record a wrong password behind the answer, which takes as long for an account that does not exist."""
    log.warning("a login from %s failed", address)
    try:
        async with service.db.worker() as conn, writing(conn):
            await login_failures.add(conn, keys)
            if user is not None:
                await users.note_failed_login(conn, user, address)
    except Exception:  # nobody waits for it
        log.exception("a failed login from %s could not be recorded", address)


@router.post(
    "/auth/register",
    status_code=201,
    operation_id="register",
    openapi_extra=asks(Register),
    **answers(201, user_id=INTEGER, username=TEXT),
)
async def register(request: Request) -> Response:
    """Create a user, where the server allows it. A repeat is a 409: log in then."""
    service = service_of(request)
    if not service.settings.allow_registration:
        raise Unauthorized("registration is closed on this server", hint="Ask its operator for a user.")
    ask = parse_as(Register, await service.body(request, limits.STRANGER_BODY_BYTES))
    hashed = await service.passwords.run(users.password_hash, ask.password)
    async with service.db.worker() as conn, writing(conn):
        user_id = await users.create_user(conn, ask.username, hashed)
    return json({"user_id": user_id, "username": ask.username}, 201)


ME = {"user_id": INTEGER, "username": TEXT, "token_id": INTEGER, "site_id": INTEGER, "tokens_created": INTEGER}


@router.get("/auth/me", operation_id="whoami", **answers(**ME))
async def me(request: Request, who: Who) -> Response:
    """Who the token speaks for. ``site_id``: for the agent of this site alone; else null. ``tokens_created``: tokens
    that were created with it, and are revoked with it."""
    async with service_of(request).db.owner(who.owner_id) as conn:
        created = await users.count_created(conn, who.owner_id, who.token_id)
    identity = {"user_id": who.owner_id, "username": who.username}
    return json({**identity, "token_id": who.token_id, "site_id": who.site_id, "tokens_created": created})


@router.post(
    "/auth/login-codes", status_code=201, operation_id="login_code", **answers(201, code=TEXT, expires_at=TIME)
)
async def create_login_code(request: Request, who: Who) -> Response:
    """Make a code that signs a browser in to the web page: once, within a minute, with the rights of the caller.

    Takes no Idempotency-Key: a repeat makes another code.
    """
    only(request)
    async with service_of(request).db.owner_writing(who.owner_id) as conn:
        context = Context(who.owner_id, f"user:{who.owner_id}")
        return json(await users.create_code(conn, context, parent_id=who.token_id), 201)


@router.post(
    "/tokens/",
    status_code=201,
    operation_id="token_create",
    openapi_extra=asks(NewToken),
    tags=["tokens"],
    **answers(201, **TOKEN),
)
async def create_token(request: Request, who: Who) -> Response:
    """Make a token; its text is in this answer and never again, also not in the answer to a repeated call."""
    service = service_of(request)
    raw = await service.body(request)
    ask = parse_as(NewToken, raw)
    token: dict[str, Any] = {}

    async def command(conn: Connection, ctx: Context) -> Any:
        days = service.settings.token_days
        token.update(await users.create_token(conn, ctx, ask, days=days, parent_id=who.token_id))
        return {n: v for n, v in token.items() if n != "token"}  # the answer kept for a repeat has no secret

    answer = await service.run(request, who, raw, command, status=201)
    if "Idempotency-Replayed" in answer.headers:
        raise Conflict("an earlier try made this token, and its text is shown once", hint="Revoke it and make another.")
    answer.body = json(token).body
    answer.headers["Content-Length"] = str(len(answer.body))
    return answer
