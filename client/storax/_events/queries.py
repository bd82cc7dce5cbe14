"""The method of event queries that other queries lack: stream."""

from collections.abc import Callable
from typing import TypeVar

from storax._events.stream import PATIENCE_SEC, EventStream
from storax._orm.instance import Model
from storax._orm.query import Query
from storax._orm.query_plan import Positioned
from storax.errors import Unavailable

M = TypeVar("M", bound=Model)


class EventQuery(Query[M]):
    """A query of events, which can also be followed."""

    def stream(
        self,
        after: int | Positioned | None = None,
        *,
        patience: float | None = PATIENCE_SEC,
        on_outage: Callable[[Unavailable], object] | None = None,
    ) -> EventStream[M]:
        """Follow the log: yield what matches, in the order of the log, each event once, and wait for more, without end.

        The server filters. A connection that breaks is opened again behind the last event, also while the server
        restarts. Break out of the loop, or ``close()`` the stream, to end it; ``stream(after=stream.position)`` goes on
        where it ended, in any process and at any time. A reader that is slow holds up nobody, and misses nothing.

        Args:
            after: A position or an event, behind which the stream begins; None, the default: what happens from now on,
                and perhaps in the moment before.
            patience: Seconds for which the server may be away, by default 300; None: any time.
            on_outage: Called with the error when the server is away for more than a moment, once each time.

        Raises:
            Restored: The server was restored to an older state, which does not have this position; ``restored_to`` is
                the position that it went on from. Raised at the call, and by the loop.
            Unavailable: The server is away for longer than ``patience``, or at the beginning for 5 s.
            InvalidInput: The query has an order, an ``as_of()`` or filters of positions, or a value is wrong.
        """
        position = after if after is None or isinstance(after, int) else after.position
        return EventStream(self._model, self._home(), self._plan, position, patience=patience, on_outage=on_outage)
