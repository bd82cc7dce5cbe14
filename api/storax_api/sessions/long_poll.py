"""The long poll: attempt a claim, sleep until the queue or a cancel wakes it, attempt again, until the time is over."""

import asyncio
import time
from dataclasses import dataclass, replace

from fastapi import Request

from storax_api.service import Repeated
from storax_api.sessions.claims import ClaimCall, Claimed
from storax_core.commands.acquire import Holder
from storax_core.database import session_life
from storax_core.queues import QueueDown

POLL_SEC = 0.25  # between attempts where Redis cannot wake the poll
PAUSE_FACTOR = 4  # a pause is this many times as long as the attempt; with a million jobs that do not fit, 0.5 s
LONGEST_SLEEP_SEC = 10.0  # between full scans where Redis can wake the poll


def longest(holder: Holder, wait: float) -> float:
    """Return how many seconds a poll of this session may last."""
    return min(wait, holder.ttl_sec / 2)


@dataclass(frozen=True)
class Wakeup:
    """The reason for the next attempt.

    ``ids`` were popped from the queue, None where none were; ``full_scan`` lets the attempt search Postgres;
    ``cancelled``: a cancel woke the poll. The defaults are those of a timer.
    """

    ids: list[int] | None = None
    full_scan: bool = True
    cancelled: bool = False


@dataclass
class LongPoll:
    """The waiting side of one acquire call. It holds no connection to Postgres while it sleeps.

    Only polls for jobs listen for cancels, so that a session's poll for BatchJobs does not take their wake-up. The
    polls of a session scan Postgres every ``LONGEST_SLEEP_SEC``; in between they start with a sleep.

    Only the arrival of a call is a sign of life of its session: a holder that was cut off since cannot take back what
    it sent. So that a holder which polls and sends nothing else stays alive, a poll ends after half of the session's
    ``ttl_sec``.
    """

    call: ClaimCall
    cancels_known: set[int] | None = None  # ids of the jobs to cancel, from the last attempt
    arriving: bool = True  # nothing was done for the call yet

    async def run(self, request: Request, wait: float) -> Claimed:
        """Return the claimed rows and the session's cancels; both are empty after ``wait`` seconds, or earlier."""
        start = time.monotonic()
        wakeup = await self._first_wakeup(wait)
        while True:
            await self.call.service.caller(request)  # its token may have been revoked while it slept
            began = time.monotonic()
            arriving, self.arriving = self.arriving, False
            try:
                claimed = await self.call.attempt(wakeup.ids, full_scan=wakeup.full_scan, arriving=arriving)
            except Repeated:
                self.arriving = arriving  # the attempt was undone, and with it the sign of life
                wakeup = replace(wakeup, ids=None)  # the next attempt finds the rows that the other try leased
                continue
            left = start + longest(claimed.holder, wait) - time.monotonic()
            news = await self._has_news(claimed, wakeup)
            if claimed.rows or claimed.replayed or news or self._is_over(left) or await request.is_disconnected():
                return claimed
            pause = max(POLL_SEC, PAUSE_FACTOR * (time.monotonic() - began))
            wakeup = await self._sleep(claimed.holder.site_id, left, pause)

    def _is_over(self, left: float) -> bool:
        return left <= 0 or self.call.service.waits.stopping

    async def _first_wakeup(self, wait: float) -> Wakeup:
        holder = await self._holder_scanned_lately() if wait > 0 else None
        return Wakeup() if holder is None else await self._sleep(holder.site_id, longest(holder, wait), POLL_SEC)

    async def _holder_scanned_lately(self) -> Holder | None:
        """Return the session where Postgres was scanned a moment ago, so that only a hint merits an attempt."""
        call, holder = self.call, self.call.known_holder()
        if holder is None or call.work.batch == 0:
            return None
        try:
            first = await call.service.queues.first(f"scanned:{call.work.queue}:{call.session_id}", LONGEST_SLEEP_SEC)
        except QueueDown:
            return None
        return holder if not first and await self._is_first_try(holder) else None

    async def _is_first_try(self, holder: Holder) -> bool:
        """Whether the session lives and no earlier try of this call was answered. The call is a sign of life."""
        call, service = self.call.call, self.call.service
        statement = session_life.FRESH_TOUCHED if service.is_sign_due(holder) else session_life.FRESH
        async with service.db.owner(call.owner_id) as conn:
            first = await conn.fetchval(statement, self.call.session_id, call.owner_id, call.key)
        self.arriving = first is None
        return bool(first)

    async def _sleep(self, site_id: int, left: float, pause: float) -> Wakeup:
        """Sleep until the queue, a cancel or the end of the server wakes the poll, at most ``left`` seconds.

        Raises Unauthorized where the token is revoked meanwhile.
        """
        woken = self._woken(site_id, left, pause)
        return await self.call.service.waits.sleep(woken, self.call.call.token_id) or Wakeup()

    async def _woken(self, site_id: int, left: float, pause: float) -> Wakeup:
        work = self.call.work
        if work.batch == 0:
            await asyncio.sleep(min(pause, left))
            return Wakeup()
        listener = self.call.session_id if work.cancellable else None
        seconds = min(left, LONGEST_SLEEP_SEC)
        try:
            woken = await self.call.service.queues.wait(work.queue, site_id, listener, seconds, work.batch)
        except QueueDown:
            await asyncio.sleep(min(POLL_SEC, left))
            return Wakeup()
        if woken is None or woken[0] != work.queue:
            return Wakeup(cancelled=woken is not None)
        return Wakeup(woken[1], full_scan=False)

    async def _has_news(self, claimed: Claimed, wakeup: Wakeup) -> bool:
        """Whether there is a cancel that this session was not yet told of."""
        current, known = {row["id"] for row in claimed.cancels}, self.cancels_known
        self.cancels_known = current
        if not current:
            return False
        return await self._take_cancels() or wakeup.cancelled or (known is not None and not current <= known)

    async def _take_cancels(self) -> bool:
        """Whether Redis holds a cancel for this session; it is taken out, because the answer reports it."""
        try:
            return await self.call.service.queues.drop_cancels(self.call.session_id)
        except QueueDown:
            await asyncio.sleep(POLL_SEC)  # report the cancels, but not as fast as the caller can poll
            return True
