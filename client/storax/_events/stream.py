"""The live feed of the log: every event behind a position, as the server pushes it, over breaks and restarts."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from storax._events.connection import Connection, parameters
from storax._orm.instance import Model
from storax._orm.query_plan import Plan
from storax._orm.rows import from_object
from storax._runtime.retry import doubling_pause
from storax._runtime.server_sent_events import ServerEvent
from storax.errors import Unavailable

if TYPE_CHECKING:
    from storax.client import Client

M = TypeVar("M", bound=Model)
FIRST_SEC = 5.0  # for the first connection
PATIENCE_SEC = 300.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0  # seconds before the stream is opened again
NOTICED_TRIES = 5  # after which an outage is more than a break


class EventStream(Generic[M]):
    """The events behind a position that match the query, in the order of the log, each once, without end.

    Iterate over it; ``close()``, the end of a ``with`` block or the end of its last reference ends it, from any thread.
    ``position`` is the place up to which it was read, also where nothing matched: ``stream(after=position)`` goes on.
    """

    def __init__(
        self,
        model: type[M],
        client: "Client",
        plan: Plan,
        after: int | None,
        *,
        patience: float | None,
        on_outage: Callable[[Unavailable], object] | None,
    ) -> None:
        self.position = after
        self._model, self._client, self._filters = model, client, parameters(plan)
        self._patience, self._on_outage = patience, on_outage
        self._closing = threading.Event()
        self._connected = False
        self._failures = 0
        self._failing_since: float | None = None
        self._noticed = False
        self._connect()
        self._first: M | None = self._advance(until_connected=True)

    def __iter__(self) -> Iterator[M]:
        return self

    def __next__(self) -> M:
        event, self._first = self._first or self._advance(), None
        if event is None:
            raise StopIteration
        return event

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the stream and its connection; a thread that waits for the next event leaves its loop."""
        self._closing.set()
        self._connection.stop()
        with suppress(ValueError):  # it is running in another thread, which ends it
            self._blocks.close()

    def _connect(self) -> None:
        self._connection = Connection(self._client.get_transport(), self._filters, self.position)
        self._blocks: Any = self._connection.blocks()

    def _advance(self, *, until_connected: bool = False) -> M | None:
        """Return the next event; None once the stream is closed, or, where asked, as soon as it is connected."""
        while not self._closing.is_set():
            block = self._next_block()
            if block is None:
                continue
            if block.id:
                self.position = int(block.id)
            if block.data:
                return from_object(self._model, json.loads(block.data), self._client)
            if until_connected:
                return None
        return None

    def _next_block(self) -> ServerEvent | None:
        """Return the next block; None where the connection has ended, and another one was made."""
        try:
            block: ServerEvent | None = next(self._blocks, None)
        except Unavailable as error:
            if not self._closing.is_set():
                self._require_patience(error)
                self._try_again(error.retry_after or 0.0)
            return None
        if block is None:
            self._try_again()
        else:
            self._connected, self._failures, self._failing_since, self._noticed = True, 0, None, False
        return block

    def _require_patience(self, error: Unavailable) -> None:
        """Raise the error of an outage that lasts too long."""
        now = time.monotonic()
        self._failing_since = now if self._failing_since is None else self._failing_since
        limit = self._patience if self._connected else FIRST_SEC
        if limit is not None and now - self._failing_since >= limit:
            raise error
        if self._on_outage and self._failures + 1 >= NOTICED_TRIES and not self._noticed:
            self._noticed = True
            self._on_outage(error)

    def _try_again(self, at_least: float = 0.0) -> None:
        self._failures += 1
        pause = doubling_pause(FIRST_PAUSE, self._failures, LONGEST_PAUSE)
        if not self._closing.wait(max(pause, at_least)):
            self._connect()
