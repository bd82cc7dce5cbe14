"""One attempt to lease work to a session: a single transaction, repeated by the long poll."""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import Response

from storax_api.service import Call, Service, json
from storax_core import limits
from storax_core.commands import acquire, idempotency, leases
from storax_core.commands.idempotency import Repeated
from storax_core.database import session_life
from storax_core.database.connections import Connection
from storax_core.database.json_meter import DROPPED, meter_of
from storax_core.log.append import Context
from storax_core.log.command_ids import new_command_id
from storax_core.queries import select
from storax_core.queues import QueueDown
from storax_core.resources import Resource

# (connection, context, holder, ids to choose from or None for all, number of rows leased already) -> leased rows
Claim = Callable[[Connection, Context, acquire.Holder, list[int] | None, int], Awaitable[list[Any]]]
# (connection, context, holder, id to choose) -> leased rows
ClaimAlone = Callable[[Connection, Context, acquire.Holder, int], Awaitable[list[Any]]]
GROWTH = 4  # a pop after one that held only stale hints is this many times as large
MOST_HINTS = 2048  # in one pop


@dataclass(frozen=True)
class Work:
    """The work that a session asks for.

    ``batch`` is how many ids to pop from the site's queue at once; 0 where the queue's head cannot answer, because the
    request has conditions: then every attempt searches Postgres. ``live`` is SQL for those of the ids $1 that may still
    be taken. ``cancellable``: users may cancel such work, and the session is to learn of it. ``claim_alone`` claims one
    id in one round trip.
    """

    resource: Resource
    queue: str
    batch: int
    claim: Claim
    live: str
    cancellable: bool = False
    claim_alone: ClaimAlone | None = None


@dataclass
class Capacity:
    """How many rows one answer may have; an attempt that leased more bytes than fit lowers it, and is undone."""

    rows: int
    bytes_left: int = 0

    async def lease(
        self, conn: Connection, claim: Callable[[int], Awaitable[list[Any]]], most: int, leased: int
    ) -> list[Any]:
        """Lease up to ``most`` rows by ``claim``, beside the ``leased`` ones that an earlier claim of the attempt has.

        Raises Repeated where they do not fit: the attempt is undone and made again.
        """
        number = min(most, self.rows - leased)
        if number < 1:
            return []
        if number == 1 and not leased:
            return await claim(1)
        with meter_of(conn).limited(self.bytes_left if leased else limits.PAGE_BYTES) as meter:
            rows = await claim(number)
            self.bytes_left = meter.left
        if self.bytes_left < 0:
            self.rows = max(1, leased + sum(DROPPED not in row.values() for row in rows))
            raise Repeated
        return rows


@dataclass(frozen=True)
class Claimed:
    """The result of one attempt. ``replayed``: an earlier try of the same call leased these rows."""

    rows: list[Any]
    cancels: list[Any]
    holder: acquire.Holder
    position: int
    replayed: bool = False

    def response(self, body: Any) -> Response:
        """Answer with this body, with the headers of every changing call."""
        response = json(body)
        response.headers["X-Storax-Position"] = str(self.position)
        if self.replayed:
            response.headers["Idempotency-Replayed"] = "true"
        return response


@dataclass(frozen=True)
class ClaimCall:
    """One acquire call of one session."""

    service: Service
    call: Call
    session_id: int
    work: Work

    async def attempt(self, hints: list[int] | None, *, full_scan: bool, arriving: bool) -> Claimed:
        """Lease work: from the queue's hints first, then with ``full_scan`` from all that Postgres has.

        ``hints`` are the ids that ended a sleep; None: none were popped yet. ``arriving``: the holder has just sent the
        call, which extends its life; later attempts are the server's own, and prove nothing. Raises Repeated where
        another try of the same call was first.
        """
        if hints and len(hints) == 1 and not arriving and (claimed := await self._claim_alone(hints[0])):
            return claimed
        ctx = Context(self.call.owner_id, self.call.actor, self.call.key or new_command_id())
        async with self.service.db.owner_writing(self.call.owner_id) as conn:
            holder = await self._holder(conn, hints, arriving=arriving)
            # A call with hints has made an attempt before, which looked for an earlier try.
            replay = await self._replay(conn, ctx) if hints is None else None
            if replay is not None:
                return Claimed(replay, await self._cancels(conn), holder, ctx.position, replayed=True)
            rows = await self._lease(conn, ctx, holder, hints, full_scan=full_scan)
            # With leased rows the answer does not wait for cancels: they wake the session's next call at once.
            cancels = [] if rows else await self._cancels(conn)
            return Claimed(rows, cancels, holder, ctx.position)

    async def _claim_alone(self, hint: int) -> Claimed | None:
        """Lease the one job of a hint in one round trip; None where that needs more, and nothing was done."""
        holder = self.known_holder()
        if holder is None or self.work.claim_alone is None:
            return None
        key = self.call.key or new_command_id()
        ctx = Context(self.call.owner_id, self.call.actor, key, fingerprint=self.call.kept_by)
        with idempotency.once():
            async with self.service.db.owner(self.call.owner_id, by_key=True) as conn:
                rows = await self.work.claim_alone(conn, ctx, holder, hint)
        return Claimed(rows, [], holder, ctx.position) if rows else None

    def known_holder(self) -> acquire.Holder | None:
        """Return the session as this process last saw it, without a query."""
        holder = self.service.holders.get(self.session_id)
        return holder if holder and holder.owner_id == self.call.owner_id else None

    async def _holder(self, conn: Connection, hints: list[int] | None, *, arriving: bool) -> acquire.Holder:
        """Return the session; with hints without a query where it is known, as the claim looks whether it lives."""
        known = self.known_holder() if hints is not None and not arriving else None
        read = session_life.touch if arriving else session_life.read
        return known or self.service.remember(await read(conn, self.call.owner_id, self.session_id))

    async def _lease(
        self, conn: Connection, ctx: Context, holder: acquire.Holder, hints: list[int] | None, *, full_scan: bool
    ) -> list[Any]:
        rows = await self._claim(conn, ctx, holder, hints, full_scan=full_scan)
        if hints is not None and not rows:
            await session_life.read(conn, holder.owner_id, holder.id)  # the session may have ended
        await self._keep(conn, ctx, rows)
        return rows

    async def _claim(
        self, conn: Connection, ctx: Context, holder: acquire.Holder, hints: list[int] | None, *, full_scan: bool
    ) -> list[Any]:
        if hints is None:
            popped = await self._pop(holder.site_id, self.work.batch)
            hints, full_scan = popped or [], full_scan or popped is None
        rows = await self.work.claim(conn, ctx, holder, hints, 0) if hints else []
        if hints and not rows and (live := await self._next_live(conn, holder.site_id)):
            rows = await self.work.claim(conn, ctx, holder, live, 0)
        # Hints may be out of date (a job was deleted, or changed its state); Postgres fills the gap.
        if self.work.batch == 0 or (full_scan and (not rows or len(rows) < len(hints))):
            rows += await self.work.claim(conn, ctx, holder, None, len(rows))
        return rows

    async def _pop(self, site_id: int, count: int) -> list[int] | None:
        """Take ids from the head of the site's queue; None where Redis does not answer."""
        if self.work.batch == 0:
            return []
        try:
            return await self.service.queues.pop(self.work.queue, site_id, count)
        except QueueDown:
            return None

    async def _next_live(self, conn: Connection, site_id: int) -> list[int]:
        """Return the next ids that may be taken, after a pop of stale hints alone; drop all stale ones before them.

        The pops grow, so that a queue of hints at jobs that were cancelled or deleted costs a few round trips. What
        the request does not need goes back to the queue.
        """
        work, count = self.work, self.work.batch
        while ids := await self._pop(site_id, count := min(count * GROWTH, MOST_HINTS)):
            if live := await conn.fetch(work.live, ids):
                rest = [(row["id"], row["priority"]) for row in live[work.batch :]]
                with contextlib.suppress(QueueDown):
                    await self.service.queues.push_many([(work.queue, site_id, rest)])
                return [row["id"] for row in live[: work.batch]]
        return []

    async def _cancels(self, conn: Connection) -> list[Any]:
        return await leases.cancels(conn, self.session_id) if self.work.cancellable else []

    async def _replay(self, conn: Connection, ctx: Context) -> list[Any] | None:
        """Return the rows that an earlier try of this call leased and the session still holds; None for a first try."""
        if self.call.key is None:
            return None
        kept = await idempotency.seen(conn, self.call.owner_id, self.call.key, self.call.fingerprint)
        if kept is None:
            return None
        ctx.advance_position(kept["position"])
        filters = {"id": orjson.loads(kept["answer"]), "session_id": self.session_id}
        query = select.Query(filter=filters, limit=select.MAX_LIMIT)
        return await select.fetch_rows(conn, self.work.resource, self.call.owner_id, query)

    async def _keep(self, conn: Connection, ctx: Context, rows: list[Any]) -> None:
        """Store the leased ids under the call's key, so that a lost answer loses no job."""
        call = self.call
        if rows and call.key is not None:
            ids = orjson.dumps([row["id"] for row in rows])
            if not await idempotency.keep(conn, call.owner_id, call.key, call.fingerprint, ctx.position, ids):
                raise Repeated
