"""What every route shares: the database, the queues, who calls, and how a mutating call runs exactly once."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import orjson
from fastapi import Request, Response

from storax_api.body import read_body
from storax_core.commands import idempotency, users
from storax_core.errors import Invalid, Unauthorized
from storax_core.queues import QueueDown, Queues
from storax_core.settings import Settings
from storax_core.store.database import RETRY, Connection, Database
from storax_core.store.log import Context

TOKEN_CACHE_SEC = 3.0  # a revoked token is refused within this time
TOKENS_CACHED = 4096
Command = Callable[[Connection, Context], Awaitable[Any]]


@dataclass
class Caller:
    """Who a token speaks for."""

    owner_id: int
    username: str
    token_id: int


@dataclass
class Service:
    """The process's one set of collaborators."""

    settings: Settings
    db: Database
    queues: Queues
    _seen: OrderedDict[str, tuple[float, Caller]] = field(default_factory=OrderedDict)

    async def caller(self, request: Request) -> Caller:
        """Who calls. Raises Unauthorized."""
        header = request.headers.get("authorization", "")
        if not header.lower().startswith("bearer "):
            raise Unauthorized("this call needs a token", hint="Send 'Authorization: Bearer stx_...'; get one with `storax login`.")
        token = header[7:].strip()
        known = self._seen.get(token)
        if known and known[0] > time.monotonic():
            return known[1]
        async with self.db.worker() as conn:
            row = await users.whoami(conn, token)
        caller = Caller(row["owner_id"], row["username"], row["token_id"])
        self._seen[token] = (time.monotonic() + TOKEN_CACHE_SEC, caller)
        while len(self._seen) > TOKENS_CACHED:
            self._seen.popitem(last=False)
        return caller

    async def body(self, request: Request) -> bytes:
        """The raw body within the size limit."""
        return await read_body(request, self.settings.max_body_mb << 20)

    async def run(
        self, request: Request, caller: Caller, raw: bytes, command: Command, *, actor: str | None = None, status: int = 200
    ) -> Response:
        """Run a mutating command in one transaction, once per Idempotency-Key, and answer its result."""
        key = _key(request)
        for attempt in range(5):
            try:
                return await self._once(request, caller, raw, command, key, actor or f"user:{caller.owner_id}", status)
            except RETRY:
                if attempt == 4:
                    raise
        raise AssertionError  # pragma: no cover

    async def _once(
        self, request: Request, caller: Caller, raw: bytes, command: Command, key: UUID | None, actor: str, status: int
    ) -> Response:
        ctx = Context(caller.owner_id, actor, key or uuid4())
        async with self.db.owner(caller.owner_id) as conn, conn.transaction():
            if key:
                print_ = idempotency.fingerprint(request.method, str(request.url.path) + "?" + request.url.query, raw)
                stored = await idempotency.take(conn, caller.owner_id, key, print_)
                if stored is not None:
                    return _answer(stored["answer"], status, stored["position"], replayed=True)
            answer = await command(conn, ctx)
            if key:
                await idempotency.keep(conn, caller.owner_id, key, {"answer": answer, "position": ctx.position})
        if ctx.position:
            await self.ring()
        return _answer(answer, status, ctx.position)

    async def ring(self) -> None:
        """Wake the feeder; it would find out by itself a little later."""
        try:
            await self.queues.wake()
        except QueueDown:
            pass


def _key(request: Request) -> UUID | None:
    text = request.headers.get("idempotency-key")
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise Invalid(f"Idempotency-Key {text[:60]!r} is no UUID", hint="Make one with uuid4().") from None


def _answer(answer: Any, status: int, position: int, *, replayed: bool = False) -> Response:
    headers = {"X-Storax-Position": str(position)}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    if status == 204:
        return Response(None, 204, headers)
    return Response(orjson.dumps(answer), status, headers, media_type="application/json")


def json(value: Any, status: int = 200) -> Response:
    """A plain JSON answer."""
    return Response(orjson.dumps(value), status, media_type="application/json")
