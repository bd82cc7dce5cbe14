"""The feed of a client: one thread reads the ends of jobs from the event stream for all waits.

The stream opens with the first wait and stays open for a while, so that the next wait costs no connection. The feed
remembers the ends it read, which saves a request for jobs that were created while it was open. A stream that breaks is
resumed behind the last event; where that cannot be, every wait is asked to poll.
"""

import json
import threading
import time
from itertools import islice
from typing import TYPE_CHECKING

from storax._jobs.subscription import POLL, Subscription
from storax._runtime.connections.stream import Stream
from storax._runtime.server_sent_events import ServerEvent, parse
from storax._runtime.transport import Call, Transport
from storax.errors import InvalidInput, NotFound, Restored, StoraxError, Unauthorized
from storax.models.job_rules import FINAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from storax.client import Client

SILENCE = 45.0  # three missed heartbeats
IDLE = 60.0
REMEMBERED = 100_000


def feed_of(client: "Client") -> "Feed":
    """Return the feed that all waits of a client share."""
    return client.part(_feed)


def _feed(client: "Client") -> "Feed":
    return Feed(client.get_transport())


class Feed:
    """Reads ``/events/stream`` in a daemon thread while a wait lasts, and ``IDLE`` seconds longer."""

    def __init__(self, transport: Transport, *, now: "Callable[[], float]" = time.monotonic) -> None:
        self._transport = transport
        self._now = now
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._wake = threading.Event()
        self._subscriptions: set[Subscription] = set()
        self._ended: dict[int, int] = {}  # job id -> position of its end, oldest first
        self._since: int | None = None  # every end behind this position is in _ended or went to a subscription
        self._last: int | None = None  # position to resume behind
        self._last_used = now()
        self._stream: Stream | None = None
        self._thread: threading.Thread | None = None
        self.live = False
        self.closed = False

    def subscribe(self, start_positions: dict[int, int | None], *, timeout: float) -> Subscription:
        """Subscribe to the ends of some jobs; wait up to ``timeout`` seconds for the connection.

        Args:
            start_positions: By job id, the log position up to which the job is known; None where it is not.
            timeout: In seconds.
        """
        positions = [p for p in start_positions.values() if p is not None]
        after = min(positions) if len(positions) == len(start_positions) else None
        subscription = Subscription(start_positions)
        with self._lock:
            self._subscriptions.add(subscription)
            self._start(after)
        self._ready.wait(timeout)
        with self._lock:
            subscription.gapless = self.live and after is not None and self._since is not None and after >= self._since
            if subscription.gapless:
                for job_id, position in start_positions.items():
                    if self._ended.get(job_id, 0) > (position or 0):
                        subscription.put(job_id)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription."""
        with self._lock:
            self._subscriptions.discard(subscription)
            self._last_used = self._now()

    def close(self) -> None:
        """End the thread, and with it all subscriptions."""
        with self._lock:
            self.closed = True
            thread, stream = self._thread, self._stream
        self._wake.set()
        if stream:
            stream.stop()
        if thread and thread is not threading.current_thread():
            thread.join(timeout=2)

    # ---- the thread -----------------------------------------------------------------------------------------------

    def _start(self, after: int | None) -> None:
        """Start the thread where none runs; it reads from behind ``after``."""
        if self._thread or self.closed:
            return
        self._ready.clear()
        self._ended.clear()
        self._since = self._last = after
        self._thread = threading.Thread(target=self._run, name="storax-feed", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        pause = 0.05
        while not self._finished():
            resumed = self._last is not None
            try:
                self._read(resumed=resumed)
                pause = 0.05
            except Restored:
                self._begin_anew()
            except (Unauthorized, NotFound, InvalidInput):
                pause = IDLE  # the server offers no stream: the waits poll
            except StoraxError:
                pause = min(2.0, pause * 2)
            self._on_disconnect()
            self._wake.wait(pause)

    def _finished(self) -> bool:
        """Return whether to end this thread: the feed is closed, or no wait used it for a while."""
        with self._lock:
            me = self._thread is threading.current_thread()
            idle = not self._subscriptions and self._now() - self._last_used > IDLE
            if me and (self.closed or idle):
                self._thread, self.live = None, False
            return self._thread is not threading.current_thread()

    def _read(self, *, resumed: bool) -> None:
        params = [("entity", "job"), *(("to_state", state) for state in FINAL), ("include", "job")]
        headers = {"accept": "text/event-stream", "accept-encoding": "identity"}
        if self._last is not None:
            headers["last-event-id"] = str(self._last)
        with self._transport.stream(
            Call("GET", "/events/stream", params=params), headers=headers, silence=SILENCE
        ) as stream:
            self._stream = stream
            for event in parse(stream):
                if not self.live:
                    self._on_connect(resumed=resumed)
                if event.data:
                    self._on_event(event)
                elif self._finished():
                    return

    def _on_connect(self, *, resumed: bool) -> None:
        """Note the first bytes: from now on no event is missed; earlier ones were, unless the stream is resumed."""
        with self._lock:
            again, self.live = self._ready.is_set(), True
            if not resumed:
                self._since = None
                for subscription in self._subscriptions if again else ():  # the first time, subscribe() checks
                    subscription.put(POLL)
            self._ready.set()

    def _on_event(self, event: ServerEvent) -> None:
        data = json.loads(event.data)
        position, job_id = int(event.id or data["position"]), int(data["entity_id"])
        with self._lock:
            self._last = position
            if self._since is None:
                self._since = position
            self._ended.pop(job_id, None)
            self._ended[job_id] = position
            self._forget_old()
            for subscription in self._subscriptions:
                if job_id in subscription.ids:
                    subscription.put(job_id, data.get("job"))

    def _forget_old(self) -> None:
        if len(self._ended) > REMEMBERED:
            for job_id in list(islice(self._ended, REMEMBERED // 10)):
                self._since = self._ended.pop(job_id)

    def _begin_anew(self) -> None:
        """Forget all positions: the server was restored, and its log goes on from another one."""
        with self._lock:
            self._ended.clear()
            self._since = self._last = None

    def _on_disconnect(self) -> None:
        with self._lock:
            self.live, self._stream = False, None
            self._ready.set()
            for subscription in self._subscriptions:
                subscription.put(POLL)
