"""One connection to the live feed: its parameters, and its blocks as they come."""

from collections.abc import Iterator
from typing import Any

from storax._orm.query_plan import Plan
from storax._runtime.connections.stream import Stream
from storax._runtime.json import dumps
from storax._runtime.server_sent_events import ServerEvent, parse
from storax._runtime.transport import Call, Transport
from storax.errors import InvalidInput

SILENCE = 45.0  # seconds: three missed comments of the server


def parameters(plan: Plan) -> list[tuple[str, str]]:
    """Return the filters and exclusions of a plan as parameters of the URL.

    Raises:
        InvalidInput: the plan is of the past, ordered or nothing can match it; SlicedQuery: it is a slice.
    """
    plan.require_whole("streamed", "Stream first, and end the loop after so many events.")
    if plan.ordering not in ((), ("position",)) or plan.as_of is not None:
        raise InvalidInput("A stream has the order of the log, and no as_of().", hint="Say where it begins: after=.")
    if plan.nothing:
        raise InvalidInput("No event can match these filters.", hint="An empty list is among their values.")
    pairs = [(name, _text(name, one)) for name, value in plan.where.items() for one in _each(value)]
    return [*pairs, *(("exclude", dumps(dict(group)).decode()) for group in plan.excluded)]


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(name: str, value: Any) -> str:
    if value is None:
        raise InvalidInput(f"A stream cannot be filtered by {name}=None.", hint=f"Write {name}__isnull=True.")
    if isinstance(value, bool):
        return str(value).lower()
    return dumps(value).decode() if isinstance(value, dict) else str(value)


class Connection:
    """One connection, which begins behind a position; None: from now."""

    def __init__(self, transport: Transport, filters: list[tuple[str, str]], after: int | None) -> None:
        self._transport, self._filters, self._after = transport, filters, after
        self._wire: Stream | None = None
        self._stopped = False

    def blocks(self) -> Iterator[ServerEvent]:
        """Open it, and yield events and comments until the server ends it.

        Raises:
            StoraxError: the server refuses it, or does not answer; Unavailable: it broke.
        """
        headers = {"accept": "text/event-stream", "accept-encoding": "identity"}
        if self._after is not None:
            headers["last-event-id"] = str(self._after)
        call = Call("GET", "/events/stream", params=self._filters)
        with self._transport.stream(call, headers=headers, silence=SILENCE) as wire:
            self._wire = wire
            if not self._stopped:
                yield from parse(wire)

    def stop(self) -> None:
        """End it, also while another thread waits for its next block."""
        self._stopped = True
        if self._wire:
            self._wire.stop()
