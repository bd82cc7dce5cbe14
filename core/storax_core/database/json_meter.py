"""A bound on the JSON that one read brings into memory: what lies beyond it is dropped as it arrives."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson

DROPPED = object()
NO_LIMIT = sys.maxsize


class JsonMeter:
    """Measures a connection's jsonb values. ``decode`` keeps them text, ready to go into an answer.

    ``left`` is the number of bytes that may still be read; beyond it a value becomes ``DROPPED``. It is a variable of a
    closure, because ``decode`` is called for each value of each row.
    """

    __slots__ = ("_read", "_write", "decode")

    def __init__(self) -> None:
        left, fragment = NO_LIMIT, orjson.Fragment

        def decode(text: str) -> object:
            """Return a value as a fragment of JSON, or ``DROPPED``."""
            nonlocal left
            left -= len(text) if text.isascii() else text.__sizeof__()
            return fragment(text) if left >= 0 else DROPPED

        def read() -> int:
            return left

        def write(size: int) -> None:
            nonlocal left
            left = size

        self.decode, self._read, self._write = decode, read, write

    @property
    def left(self) -> int:
        """Bytes that may still be read."""
        return self._read()

    @left.setter
    def left(self, size: int) -> None:
        self._write(size)

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
