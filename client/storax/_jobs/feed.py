"""The one subscription of a client to the ends of jobs: a thread that reads the event stream for all who wait.

It opens with the first wait and stays open for a while, so that the next one costs no connection. It remembers the ends
it saw, which spares a question to the server for jobs that were made while it was open. A stream that breaks is resumed
behind the last event seen; where that cannot be, every waiter is told to look for itself.
"""

import json
import threading
import time
from itertools import islice
from typing import TYPE_CHECKING

from storax._jobs.states import FINAL
from storax._jobs.subscription import LOOK, Ticket
from storax._runtime.server_sent_events import ServerEvent, parse
from storax._runtime.transport import Call, Stream, Transport
from storax.errors import InvalidInput, NotFound, StoraxError, Unauthorized

if TYPE_CHECKING:
    from collections.abc import Callable

    from storax.client import Client

SILENCE = 45.0  # three missed heartbeats
IDLE = 60.0
REMEMBERED = 100_000


def feed_of(client: "Client") -> "Feed":
    """The one subscription to the event stream that all waits of this client share."""
    return client.part(_feed)


def _feed(client: "Client") -> "Feed":
    return Feed(client.wire())


class Feed:
    """Reads ``/events/stream`` in a daemon thread while somebody waits, and ``IDLE`` seconds longer."""

    def __init__(self, wire: Transport, *, now: "Callable[[], float]" = time.monotonic) -> None:
        self._wire = wire
        self._now = now
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._wake = threading.Event()
        self._tickets: set[Ticket] = set()
        self._ended: dict[int, int] = {}  # job id -> position of its end, oldest first
        self._since: int | None = None  # every end behind this position is in _ended or came to a ticket
        self._last: int | None = None  # position to resume behind
        self._used = now()
        self._stream: Stream | None = None
        self._thread: threading.Thread | None = None
        self.live = False
        self.closed = False

    def open(self, born: dict[int, int | None], *, timeout: float) -> Ticket:
        """A ticket for jobs by id, each with the position from which on its moves are still to come (None: unknown).

        Waits up to ``timeout`` seconds for the connection. ``covered`` tells whether no end can have been missed.
        """
        positions = [p for p in born.values() if p is not None]
        after = min(positions) if len(positions) == len(born) else None
        ticket = Ticket(born)
        with self._lock:
            self._tickets.add(ticket)
            self._start(after)
        self._ready.wait(timeout)
        with self._lock:
            ticket.covered = self.live and after is not None and self._since is not None and after >= self._since
            if ticket.covered:
                for job_id, position in born.items():
                    if self._ended.get(job_id, 0) > (position or 0):
                        ticket.tell(job_id)
        return ticket

    def release(self, ticket: Ticket) -> None:
        """Nobody waits on this ticket any more."""
        with self._lock:
            self._tickets.discard(ticket)
            self._used = self._now()

    def close(self) -> None:
        """End the thread."""
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
        """Start the thread where none runs; it begins behind ``after``."""
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
            except (Unauthorized, NotFound, InvalidInput):
                pause = IDLE  # no stream to be had here: the waiters go on by looking
            except StoraxError:
                pause = min(2.0, pause * 2)
            self._broken()
            self._wake.wait(pause)

    def _finished(self) -> bool:
        """Whether to end this thread: closed, or nobody has waited for a while."""
        with self._lock:
            me = self._thread is threading.current_thread()
            idle = not self._tickets and self._now() - self._used > IDLE
            if me and (self.closed or idle):
                self._thread, self.live = None, False
            return self._thread is not threading.current_thread()

    def _read(self, *, resumed: bool) -> None:
        params = [("entity", "job"), *(("to_state", state) for state in FINAL), ("carry", "job")]
        headers = {"accept": "text/event-stream", "accept-encoding": "identity"}
        if self._last is not None:
            headers["last-event-id"] = str(self._last)
        with self._wire.stream(
            Call("GET", "/events/stream", params=params), headers=headers, silence=SILENCE
        ) as stream:
            self._stream = stream
            for event in parse(stream):
                if not self.live:
                    self._connected(resumed=resumed)
                if event.data:
                    self._take(event)
                elif self._finished():
                    return

    def _connected(self, *, resumed: bool) -> None:
        """The first bytes are here, so from now on nothing is missed; what lies before was, unless it is resumed."""
        with self._lock:
            again, self.live = self._ready.is_set(), True
            if not resumed:
                self._since = None
                for ticket in self._tickets if again else ():  # at first, open() itself sees to it
                    ticket.tell(LOOK)
            self._ready.set()

    def _take(self, event: ServerEvent) -> None:
        found = json.loads(event.data)
        position, job_id = int(event.id or found["position"]), int(found["entity_id"])
        with self._lock:
            self._last = position
            if self._since is None:
                self._since = position
            self._ended.pop(job_id, None)
            self._ended[job_id] = position
            self._forget_old()
            for ticket in self._tickets:
                if job_id in ticket.ids:
                    ticket.tell(job_id, found.get("job"))

    def _forget_old(self) -> None:
        if len(self._ended) > REMEMBERED:
            for job_id in list(islice(self._ended, REMEMBERED // 10)):
                self._since = self._ended.pop(job_id)

    def _broken(self) -> None:
        with self._lock:
            self.live, self._stream = False, None
            self._ready.set()
            for ticket in self._tickets:
                ticket.tell(LOOK)
