"""The way of a request for a window of a file to a site's agent, and of the reply back: through boxes in Redis.

A box's name has the owner, so that nobody reads or answers requests of another user. Every message is signed: who can
write to Redis makes no agent read a file, and no caller believe an answer. Nothing of it is stored.
"""

import base64
import binascii
import time
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID, uuid4

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from storax_api.service import Caller, Service
from storax_core.database.server_keys import server_key
from storax_core.errors import Conflict, Invalid, NotFound, Unavailable
from storax_core.queues import Mailboxes, QueueDown

LARGEST_WINDOW = 1 << 20  # bytes of one reply
LONGEST_WAIT_SEC = 30.0
WAITING = 100  # requests that wait for one site
KEPT_SEC = 60  # after which a request or a reply that nobody takes is forgotten
_TOO_LONG = LARGEST_WINDOW * 4 // 3 + 4


class Reply(BaseModel):
    """What an agent found: a window of a file, or why there is none."""

    model_config = ConfigDict(extra="forbid")

    id: UUID = Field(description="Id of the request.")
    error: Annotated[str, StringConstraints(max_length=500)] = Field(default="", description="Why there is no window.")
    missing: bool = Field(default=False, description="Whether the file does not exist.")
    size: int = Field(default=0, ge=0, description="Size of the whole file, in bytes.")
    offset: int = Field(default=0, ge=0, description="Where the window begins, in bytes.")
    inode: int = Field(default=0, ge=0, description="Number of the file at its site: another one is another file.")
    data: Annotated[str, StringConstraints(max_length=_TOO_LONG)] = Field(
        default="", description="Its bytes, as base64."
    )


class Replies(BaseModel):
    """The body of an agent's reply."""

    model_config = ConfigDict(extra="forbid")

    replies: Annotated[list[Reply], Field(max_length=20)] = Field(description="Windows that were asked for.")


@dataclass(frozen=True)
class Window:
    """Bytes of a file from ``offset`` on; ``size`` is that of the whole file, ``inode`` tells it from another."""

    data: bytes
    offset: int
    size: int
    inode: int


@dataclass
class Exchange:
    """The boxes of one owner. A wait ends when the caller's token ``token_id`` is revoked."""

    service: Service
    owner_id: int
    token_id: int
    key: bytes = field(repr=False)

    @classmethod
    async def of(cls, service: Service, who: Caller) -> "Exchange":
        """Return the exchange of a caller."""
        async with service.db.worker() as conn:
            key = await server_key(conn, "job files")
        return cls(service, who.owner_id, who.token_id, key)

    def __post_init__(self) -> None:
        self._requests = Mailboxes(self.service.queues, key=self.key, kept=WAITING, seconds=KEPT_SEC)
        self._replies = Mailboxes(self.service.queues, key=self.key, kept=1, seconds=KEPT_SEC)

    async def ask(self, site: dict[str, Any], request: dict[str, Any], wait: float) -> Window:
        """Have the agent of a site read a window, and wait for it.

        Raises:
            NotFound: the file does not exist.
            Invalid: the agent refuses the path.
            Conflict: no agent answered in time.
            Unavailable: Redis is down.
        """
        number = uuid4()
        message = {"id": str(number), "until": time.time() + wait, **request}
        try:
            await self._requests.put(self._of_site(site["id"]), orjson.dumps(message))
            reply = self._replies.take(self._of_request(site["id"], number), wait)
            raw = await self.service.waits.sleep(reply, self.token_id)
        except QueueDown as error:
            raise Unavailable(
                "Redis does not answer; files of jobs come through it", hint="Try again later."
            ) from error
        if raw is None and self.service.waits.stopping:
            raise Unavailable("the server is stopping", hint="Try again in a moment.")
        return _window(raw, site)

    async def next(self, site_id: int, wait: float) -> dict[str, Any] | None:
        """Return the next request for a site's agent whose caller still waits; None where none comes in time."""
        try:
            return await self.service.waits.sleep(self._next(site_id, wait), self.token_id)
        except QueueDown as error:
            raise Unavailable("Redis does not answer", hint="Try again later.") from error

    async def _next(self, site_id: int, wait: float) -> dict[str, Any] | None:
        end = time.monotonic() + wait
        raw: bytes | None = b""
        while raw is not None:
            raw = await self._requests.take(self._of_site(site_id), max(0.0, end - time.monotonic()))
            if raw and (message := _open_request(raw)):
                return message
        return None

    async def give_back(self, site_id: int, message: dict[str, Any]) -> None:
        """Keep a request whose agent hung up for the next one."""
        await self._requests.put(self._of_site(site_id), orjson.dumps(message))

    async def answer(self, site_id: int, reply: Reply) -> None:
        """Hand a reply to whoever asked."""
        try:
            await self._replies.put(self._of_request(site_id, reply.id), reply.model_dump_json().encode())
        except QueueDown as error:
            raise Unavailable("Redis does not answer", hint="Try again later.") from error

    def _of_site(self, site_id: int) -> str:
        return f"files:{self.owner_id}:{site_id}"

    def _of_request(self, site_id: int, number: UUID) -> str:
        return f"file:{self.owner_id}:{site_id}:{number}"


def _open_request(raw: bytes) -> dict[str, Any] | None:
    message: dict[str, Any] = orjson.loads(raw)
    return message if message["until"] > time.time() else None


def _window(raw: bytes | None, site: dict[str, Any]) -> Window:
    if raw is None:
        raise Conflict(
            f"the agent of site {site['name']} does not answer, so files of its jobs cannot be read from here",
            hint=f"Start it on that machine: storax site start {site['path']}",
        )
    try:
        reply = Reply.model_validate_json(raw)
    except ValidationError as error:
        raise Unavailable("an API process of another release answered", hint="Try again.") from error
    if reply.missing:
        raise NotFound(reply.error, hint="It may not have been written yet, or was deleted.")
    if reply.error:
        raise Invalid(reply.error)
    try:
        return Window(base64.b64decode(reply.data, validate=True), reply.offset, reply.size, reply.inode)
    except binascii.Error:
        raise Invalid(f"the agent of site {site['name']} sent no base64") from None
