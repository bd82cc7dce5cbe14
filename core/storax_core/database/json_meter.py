"""A bound on the JSON that one read brings into memory: what lies beyond it is dropped as it arrives."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson

DROPPED = object()
NO_LIMIT = sys.maxsize


class JsonMeter:
    """The decoder of a connection's jsonb values: they stay text, ready to go into an answer.

    ``left`` is the number of bytes that may still be read; beyond it a value becomes ``DROPPED``.
    """

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = NO_LIMIT

    def __call__(self, text: str) -> object:
        """Return a value as a fragment of JSON, or ``DROPPED``."""
        self.left -= len(text) if text.isascii() else text.__sizeof__()
        return orjson.Fragment(text) if self.left >= 0 else DROPPED

    @contextmanager
    def limited(self, size: int) -> Iterator["JsonMeter"]:
        """Read at most ``size`` bytes in this block."""
        self.left = size
        try:
            yield self
        finally:
            self.left = NO_LIMIT


def meter_of(conn: Any) -> JsonMeter:
    """Return the meter of a connection that is lent.

    Raises:
        asyncpg.InterfaceError: the connection was cut since, and the pool took it back.
    """
    conn.is_closed()  # raises it; an attribute of such a connection would be looked up on None
    meter: JsonMeter = conn.json_meter
    return meter
