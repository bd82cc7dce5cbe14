"""The collaborators that routes share, and how a changing call runs exactly once."""

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from fastapi import Request, Response

from storax_api.bounds.memory import Memory, until_answered
from storax_api.bounds.passwords import Passwords
from storax_api.identity.logins import LoginThrottle
from storax_api.requests.body import hold_values, read_body
from storax_api.waits import Waits
from storax_core import limits
from storax_core.commands import acquire, idempotency, users
from storax_core.commands.idempotency import Repeated
from storax_core.commands.one_round_trip.create_job import RecentApps
from storax_core.database.connections import RETRY, Connection, Database
from storax_core.database.shares import Shares
from storax_core.errors import CoreError, Invalid, Unauthorized, Unavailable
from storax_core.log.append import Context
from storax_core.log.command_ids import new_command_id
from storax_core.queues import QueueDown, Queues
from storax_core.settings import Settings

TOKEN_CACHE_SEC = 3.0  # a revoked token is refused within this time
TOKENS_CACHED = 4096
SESSIONS_KNOWN = 4096
SIGNS_IN_TTL = 10  # a poll extends its session's life so many times at most while a lease would last
ATTEMPTS = 5  # of a command that met a deadlock
LARGE_BODY = 65_536  # above this a repeat is looked for before the work is done
Command = Callable[[Connection, Context], Awaitable[Any]]


@dataclass
class Caller:
    """Who a token speaks for. ``site_id``: only for the agent of this site."""

    owner_id: int
    username: str
    token_id: int
    site_id: int | None = None


@dataclass
class Service:
    """The process's one set of collaborators."""

    settings: Settings
    db: Database
    queues: Queues
    waits: Waits = field(default_factory=Waits)
    logins: LoginThrottle = field(default_factory=LoginThrottle)
    started: float = field(default_factory=time.monotonic)
    holders: OrderedDict[int, acquire.Holder] = field(default_factory=OrderedDict)
    passwords: Passwords = field(default_factory=Passwords)
    apps: RecentApps = field(default_factory=RecentApps)
    app_rows: OrderedDict[tuple[int, int], tuple[int, Any]] = field(default_factory=OrderedDict)
    _signs: OrderedDict[int, float] = field(default_factory=OrderedDict)
    _seen: OrderedDict[str, tuple[float, Caller]] = field(default_factory=OrderedDict)
    _ready: list[tuple[int, int, int]] = field(default_factory=list)
    _wakes_due: int = 0
    _background: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.memory = Memory(self.settings.memory_mb * limits.MIB)
        self._queries = Shares(
            limits.queries_of_one(self.settings), wait=limits.LINE_SEC, of="lists, queries and counts"
        )

    async def caller(self, request: Request) -> Caller:
        """Return who calls. Raises Unauthorized."""
        header = request.headers.get("authorization", "")
        if not header.lower().startswith("bearer "):
            raise Unauthorized(
                "this call needs a token", hint="Send 'Authorization: Bearer stx_...'; get one with `storax login`."
            )
        return await self.caller_with(request, header[7:].strip())

    async def caller_with(self, request: Request, token: str) -> Caller:
        """Return who calls with this token. Raises Unauthorized."""
        caller = await self._caller_of(token)
        request.scope.setdefault("state", {})["owner_id"] = caller.owner_id  # for the log
        return caller

    async def _caller_of(self, token: str) -> Caller:
        known = self._seen.get(token)
        if known and known[0] > time.monotonic():
            return known[1]
        async with self.db.worker() as conn:
            row = await users.whoami(conn, token)
        caller = Caller(row["owner_id"], row["username"], row["token_id"], row["site_id"])
        self._seen[token] = (time.monotonic() + TOKEN_CACHE_SEC, caller)
        while len(self._seen) > TOKENS_CACHED:
            self._seen.popitem(last=False)
        return caller

    def forget_tokens(self, ids: Collection[int]) -> None:
        """Look these tokens up anew at their next call."""
        for token in [token for token, (_, caller) in self._seen.items() if caller.token_id in ids]:
            del self._seen[token]

    def remember(self, session: Mapping[str, Any]) -> acquire.Holder:
        """Keep a session for its next call: its fields in Holder do not change while it lives."""
        holder = acquire.Holder(*(session[name] for name in acquire.HOLDER_FIELDS))
        self.holders[holder.id] = holder
        while len(self.holders) > SESSIONS_KNOWN:
            self.holders.popitem(last=False)
        return holder

    @property
    def uptime_sec(self) -> float:
        """How long this process has been serving."""
        return time.monotonic() - self.started

    def is_sign_due(self, holder: acquire.Holder) -> bool:
        """Whether a call of this session is to extend its life; a part of ``ttl_sec`` later the next one is."""
        now = time.monotonic()
        if now - self._signs.get(holder.id, float("-inf")) < holder.ttl_sec / SIGNS_IN_TTL:
            return False
        self._signs[holder.id] = now
        while len(self._signs) > SESSIONS_KNOWN:
            self._signs.popitem(last=False)
        return True

    async def body(self, request: Request, limit: int = limits.QUERY_BODY_BYTES) -> bytes:
        """Read the raw body. Raises TooLarge above ``limit`` bytes, TooSlow, TooMany or Unavailable."""
        holding = self.memory.of(request.scope)
        raw = await read_body(request, min(limit, self.largest_body), holding)
        hold_values(raw, holding)
        return raw

    @property
    def largest_body(self) -> int:
        """Bytes of the largest body: of many rows, of reports, and of windows of files."""
        return self.settings.max_body_mb * limits.MIB

    async def queue_for_query(self, request: Request, caller: Caller) -> None:
        """Wait until the caller may run one more query; it counts until its answer is read. Raises TooMany."""
        await self._queries.enter(caller.owner_id)
        until_answered(request.scope).callback(self._queries.leave, caller.owner_id)

    async def run(
        self,
        request: Request,
        caller: Caller,
        raw: bytes,
        command: Command,
        *,
        actor: str | None = None,
        status: int = 200,
        key: UUID | None = None,
        one_round_trip: Command | None = None,
    ) -> Response:
        """Run a mutating command in one transaction, once per Idempotency-Key, and answer its result.

        ``key`` stands for the header where a caller cannot send one: a form of the web page. ``one_round_trip``,
        tried first, is a command of one statement that keeps its answer and returns it as JSON, or None to do nothing.
        """
        call = Call.of(request, caller, raw, actor=actor, status=status, key=key)
        if call.key and len(raw) > LARGE_BODY and (known := await self._replay(call)):
            return known
        for attempt in range(ATTEMPTS):
            try:
                return await self._once(call, command, one_round_trip)
            except Repeated:
                known = await self._replay(call)
                if known:
                    return known
            except CoreError:
                # A repeat may fail where the first succeeded (the name is taken now: by itself).
                if call.key and (known := await self._replay(call)):
                    return known
                raise
            except RETRY as error:
                if attempt == ATTEMPTS - 1:
                    raise Unavailable("too many calls change the same rows", hint="Try again in a moment.") from error
        raise AssertionError  # pragma: no cover

    async def _once(self, call: "Call", command: Command, one_round_trip: Command | None) -> Response:
        key = call.key or new_command_id()
        ctx = Context(call.owner_id, call.actor, key, site_id=call.site_id, fingerprint=call.kept_by)
        with idempotency.once():
            answer = await self._in_one_round_trip(ctx, one_round_trip) if one_round_trip else None
            answer = answer or await self._in_transaction(call, ctx, command)
        if ctx.position:
            self.notify_feeder(ctx.ready)
        return _answer(answer, call.status, ctx.position)

    async def _in_one_round_trip(self, ctx: Context, one_round_trip: Command) -> bytes | None:
        async with self.db.owner(ctx.owner_id, by_key=True) as conn:
            answer: bytes | None = await one_round_trip(conn, ctx)
            return answer

    async def _in_transaction(self, call: "Call", ctx: Context, command: Command) -> bytes:
        async with self.db.owner_writing(call.owner_id) as conn:
            answer = orjson.dumps(await command(conn, ctx))
            if (
                call.key
                and not ctx.kept
                and not await idempotency.keep(conn, call.owner_id, call.key, call.fingerprint, ctx.position, answer)
            ):
                raise Repeated
        return answer

    async def _replay(self, call: "Call") -> Response | None:
        assert call.key is not None  # noqa: S101  (callers checked)
        async with self.db.owner(call.owner_id, by_key=True) as conn:
            row = await idempotency.seen(conn, call.owner_id, call.key, call.fingerprint)
        return _answer(row["answer"], call.status, row["position"], replayed=True) if row else None

    def notify_feeder(self, ready: Sequence[tuple[int, int, int]] = ()) -> None:
        """Queue new jobs and wake the feeder, in the background; it also finds them by itself, later.

        What commits while Redis is being told goes together, in the next round trip.
        """
        self._ready += ready
        self._wakes_due += 1
        if self._wakes_due == 1:
            self.run_later(self._wake())

    def run_later(self, work: Coroutine[Any, Any, None]) -> None:
        """Run this in the background; no answer waits for it."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _wake(self) -> None:
        try:
            while self._wakes_due:
                ready, self._ready, self._wakes_due = self._ready, [], 1
                with contextlib.suppress(QueueDown):
                    await self.queues.wake(ready)
                self._wakes_due -= 1
        finally:
            self._wakes_due = 0


@dataclass(frozen=True)
class Call:
    """What identifies one mutating call."""

    owner_id: int
    actor: str
    key: UUID | None
    fingerprint: str
    status: int
    site_id: int | None = None
    token_id: int | None = None

    @property
    def kept_by(self) -> str | None:
        """The fingerprint, where the answer is to be kept."""
        return self.fingerprint if self.key else None

    @classmethod
    def of(
        cls,
        request: Request,
        caller: Caller,
        raw: bytes,
        *,
        actor: str | None = None,
        status: int = 200,
        key: UUID | None = None,
    ) -> "Call":
        """What this request is. Raises Invalid for a key that is no UUID."""
        path = f"{request.scope['path']}?{request.scope['query_string'].decode('latin-1')}"  # as in request.url
        print_ = idempotency.fingerprint(request.method, path, raw)
        actor = actor or f"user:{caller.owner_id}"
        return cls(caller.owner_id, actor, key or _key(request), print_, status, caller.site_id, caller.token_id)


def _key(request: Request) -> UUID | None:
    if (text := request.headers.get("idempotency-key")) is None:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise Invalid(f"Idempotency-Key {text[:60]!r} is no UUID", hint="Make one with uuid4().") from None


def _answer(answer: bytes, status: int, position: int, *, replayed: bool = False) -> Response:
    headers = {"X-Storax-Position": str(position)}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    if status == 204:
        return Response(None, 204, headers)
    return Response(answer, status, headers, media_type="application/json")


def json(value: Any, status: int = 200) -> Response:
    """Answer with plain JSON."""
    return Response(orjson.dumps(value), status, media_type="application/json")
