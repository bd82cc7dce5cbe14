"""A shift of deliveries: for some seconds, post to every webhook what the log has got for it, each in order.

RQ starts one shift after the other. What a shift goes by is in Postgres: the position of each webhook, its failures in
a row, the time of its next attempt. So nothing is lost with Redis or with the worker, and an attempt may be repeated.
One shift leads at a time, by a lock whose connection Postgres ends when it is silent.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from storax_core.commands.webhooks import deliveries, secrets
from storax_core.commands.webhooks.deliveries import DueWebhook
from storax_core.database import heartbeats
from storax_core.database.connections import Connection, Database
from storax_core.errors import CoreError, Unavailable
from storax_core.log import watermark
from storax_core.settings import Settings
from storax_workers.webhooks.message import message_of
from storax_workers.webhooks.sender import Outcome, Sender
from storax_workers.webhooks.smtp import MOST, Digest, Mailer, is_mail

log = logging.getLogger("storax.webhooks")
LEAD = "SELECT pg_try_advisory_lock(8366)"
LEADER_SESSION = {"statement_timeout": "10s", "idle_session_timeout": "10s"}
SHIFT_SEC, POLL_SEC = 25.0, 0.25
LOOK_SEC = 1.0  # between looks for webhooks that are due while the log has nothing new
BEAT_SEC, LIMIT_SEC = 3.0, 60
LONGEST_WAIT_SEC = 6 * 3600.0
AT_ONCE, OF_ONE_OWNER = 64, 8  # webhooks that are posted to at the same time
SEARCHING = 2  # of them that read their next events; the other connections record what was delivered
TURN_SEC = 2.0  # after which a webhook goes to the end of the line of those that wait for a place
REST_SEC = 5.0  # for a webhook whose outcome could not be recorded: its event would be posted again and again
MOST_NEW = 50_000  # positions whose owners are looked up at once


async def run(db: Database, settings: Settings, *, seconds: float) -> None:
    """Deliver for ``seconds``; at once no longer where another process does, or no webhook is enabled."""
    async with db.session(**LEADER_SESSION) as lead:
        if not await lead.fetchval(LEAD):
            return
        await heartbeats.beat(lead, heartbeats.WEBHOOKS, LIMIT_SEC)
        if not await deliveries.any_enabled(lead):
            return
        sender = Sender(private=settings.webhook_private_addresses, timeout_sec=settings.webhook_timeout_sec)
        try:
            await Shift(db, settings, sender, Mailer(settings), await secrets.secrets_key(lead)).run(lead, seconds)
        finally:
            await sender.close()


def wait_sec(settings: Settings, failures: int) -> float:
    """Return the seconds between an attempt and the next, after so many failures in a row: 5, 10, 20, ... 6 hours."""
    return min(LONGEST_WAIT_SEC, settings.webhook_retry_sec * 2.0 ** (failures - 1))


@dataclass
class Shift:
    """One shift. ``_searched`` has webhooks as they were, where they stood, and up to where nothing more matches."""

    db: Database
    settings: Settings
    sender: Sender
    mailer: Mailer
    key: bytes = field(repr=False)
    clock: Callable[[], float] = time.time
    _running: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _searched: dict[int, tuple[DueWebhook, int, int]] = field(default_factory=dict)
    _rest_until: dict[int, float] = field(default_factory=dict)
    _of_owner: dict[int, asyncio.Semaphore] = field(default_factory=lambda: defaultdict(_few))
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _searching: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SEARCHING))
    _ending: bool = False
    _beaten: float = 0.0
    _seen: int = 0  # position up to which the log was published at the last look
    _looked: float = 0.0
    _ended: bool = False  # a turn ended since then; it may have left more to do

    async def run(self, lead: Connection, seconds: float) -> None:
        """Look for webhooks that are due, and work for each, until the time is up or none is enabled."""
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                await self._begin(lead)
                await asyncio.sleep(POLL_SEC)
                if not self._running and not await deliveries.any_enabled(lead):
                    return
            await self._finish(lead)
        finally:
            self._ending = True
            if self._running:
                await asyncio.wait(self._running.values())
            await self._keep_searched()

    async def _finish(self, lead: Connection) -> None:
        """Wait for the attempts under way, and go on leading: Postgres ends a leader that is silent."""
        self._ending = True
        while self._running:
            await asyncio.wait(self._running.values(), timeout=BEAT_SEC)
            await heartbeats.beat(lead, heartbeats.WEBHOOKS, LIMIT_SEC)

    async def _begin(self, lead: Connection) -> None:
        if time.monotonic() > self._beaten + BEAT_SEC:
            await heartbeats.beat(lead, heartbeats.WEBHOOKS, LIMIT_SEC)
            self._beaten = time.monotonic()
        end, now = await watermark.published(lead), time.monotonic()
        if end == self._seen and not self._ended and now < self._looked + LOOK_SEC:
            return
        await self._pass_by(lead, end)
        self._seen, self._looked, self._ended = end, now, False
        for hook in await deliveries.due(lead, mail_every_sec=self.settings.mail_every_sec):
            if hook.id not in self._running and self._from(hook) < end and self._rest_until.get(hook.id, 0.0) <= now:
                self._running[hook.id] = asyncio.create_task(self._work(hook))

    async def _pass_by(self, lead: Connection, end: int) -> None:
        """Note without a search of each that nothing is new for the webhooks whose owners have no new events."""
        idle = [(key, one) for key, one in self._searched.items() if key not in self._running]
        quiet = [(key, hook, before) for key, (hook, before, upto) in idle if self._seen <= upto < end]
        if not quiet or end - self._seen > MOST_NEW:
            return
        owners = await deliveries.owners_with_events(lead, self._seen, end)
        for key, hook, before in quiet:
            if hook.owner_id not in owners:
                self._searched[key] = (hook, before, end)

    def _from(self, hook: DueWebhook) -> int:
        """Return the position from which to search on; a user may have set another one."""
        known, before, upto = self._searched.get(hook.id, (hook, hook.position, hook.position))
        return upto if (known.version, before) == (hook.version, hook.position) else hook.position

    async def _work(self, hook: DueWebhook) -> None:
        try:
            async with self._of_owner[hook.owner_id], self._places:
                await self._take_turn(hook.id)
        except Unavailable as error:
            log.warning("webhook %d waits for Postgres: %s", hook.id, error)
            self._rest_until[hook.id] = time.monotonic() + REST_SEC
        except Exception:
            log.exception("a delivery to webhook %d starts over", hook.id)
            self._rest_until[hook.id] = time.monotonic() + REST_SEC
        finally:
            del self._running[hook.id]
            self._ended = True

    async def _take_turn(self, webhook_id: int) -> None:
        if self._ending:
            return
        async with self.db.worker() as conn:
            hook = await deliveries.still_due(conn, webhook_id, mail_every_sec=self.settings.mail_every_sec)
        if hook is not None:
            await self._deliver_or_give_up(hook)

    async def _deliver_or_give_up(self, hook: DueWebhook) -> None:
        try:
            await (self._mail(hook) if is_mail(hook.url) else self._deliver(hook))
        except Unavailable:
            raise
        except CoreError as error:  # its filter cannot be applied any more, or archived events cannot be read
            await self._give_up(hook, f"{error}. {error.hint}")

    async def _deliver(self, hook: DueWebhook) -> None:
        """Post the next events, one after the other, until one fails or the turn is over."""
        at = hook.position
        async with self._searching, self.db.worker() as conn:
            events, upto = await deliveries.next_events(conn, hook, self._from(hook))
        turn_ends = time.monotonic() + TURN_SEC
        for number, event in enumerate(events):
            over = self._ending or (number and time.monotonic() > turn_ends)
            if over or not await self._post(hook, at, event):
                return
            at = event["position"]
        self._searched[hook.id] = (hook, at, upto)

    async def _post(self, hook: DueWebhook, at: int, event: dict[str, Any]) -> bool:
        """Make one attempt for one event. Returns whether it was accepted, and the webhook still stands there."""
        message = message_of(hook.id, event, self._secrets(hook), form=hook.format)
        outcome = await self.sender.post(hook.url, message.headers(int(self.clock())), message.body)
        if outcome.problem:
            await self._note_failure(hook, at, outcome, failed_before=hook.failures if at == hook.position else 0)
            return False
        async with self.db.worker() as conn:
            return await deliveries.delivered(conn, hook, at, event["position"])

    async def _mail(self, hook: DueWebhook) -> None:
        """Send one message about all events that came since the last one, as far as a turn gets through them."""
        at, upto, digest = hook.position, self._from(hook), Digest()
        before, turn_ends = -1, time.monotonic() + TURN_SEC
        while before < upto and not self._ending and time.monotonic() < turn_ends:
            before = upto
            async with self._searching, self.db.worker() as conn:
                events, upto = await deliveries.next_events(conn, hook, before, most=MOST)
            digest.add(events)
        if digest.last:
            outcome = await self.mailer.send(hook, digest)
            if outcome.problem:
                return await self._note_failure(hook, at, outcome, failed_before=hook.failures)
            async with self.db.worker() as conn:
                if not await deliveries.delivered(conn, hook, at, digest.last):
                    return None
            at = digest.last
        self._searched[hook.id] = (hook, at, upto)
        return None

    def _secrets(self, hook: DueWebhook) -> list[bytes]:
        versions = [hook.secret_version, *([hook.secret_version - 1] if hook.rotated else [])]
        return [secrets.secret_of(self.key, hook.id, version) for version in versions]

    async def _note_failure(self, hook: DueWebhook, at: int, outcome: Outcome, *, failed_before: int) -> None:
        wait = wait_sec(self.settings, failed_before + 1)
        async with self.db.worker() as conn:
            failures = await deliveries.failed(conn, hook, at, outcome.problem, wait_sec=wait)
        if failures is None:  # a user disabled it, or set another position
            return
        log.info("webhook %d: attempt %d failed: %s", hook.id, failures, outcome.problem)
        if outcome.final:
            await self._give_up(hook, outcome.problem)
        elif failures >= self.settings.webhook_attempts:
            await self._give_up(hook, f"{failures} attempts failed, the last one so: {outcome.problem}")

    async def _give_up(self, hook: DueWebhook, reason: str) -> None:
        log.warning("webhook %d is paused: %s", hook.id, reason)
        async with self.db.worker() as conn:
            await deliveries.pause(conn, hook, reason[:1000])

    async def _keep_searched(self) -> None:
        async with self.db.worker() as conn:
            await deliveries.searched(conn, [one for one in self._searched.values() if one[2] > one[1]])


def _few() -> asyncio.Semaphore:
    return asyncio.Semaphore(OF_ONE_OWNER)
