"""A bound on the JSON that one read brings into memory: what lies beyond it is dropped as it arrives."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson

DROPPED = object()
NO_LIMIT = sys.maxsize
# Most values of most rows. They are shared, so they take no memory and need no measure.
COMMON = {text: orjson.Fragment(text) for text in ("{}", "[]", "null", "true", "false", '""', "0", "1")}


class JsonMeter:
    """Measures a connection's jsonb values. ``decode`` returns them as fragments of JSON, ready to go into an answer.

    ``left`` is the number of bytes that may still be read; beyond it a value becomes ``DROPPED``, unless it is one of
    ``COMMON``. It is a variable of a closure, because ``decode`` is called for each value of each row.
    """

    __slots__ = ("_read", "_write", "decode")

    def __init__(self) -> None:
        left, fragment = NO_LIMIT, orjson.Fragment

        class Fragments(dict[str, object]):
            """The common values, and any other as it is looked up: a look-up costs a quarter of a function's call."""

            def __missing__(self, text: str) -> object:
                nonlocal left
                left -= len(text) if text.isascii() else text.__sizeof__()
                return fragment(text) if left >= 0 else DROPPED

        def read() -> int:
            return left

        def write(size: int) -> None:
            nonlocal left
            left = size

        self.decode, self._read, self._write = Fragments(COMMON).__getitem__, read, write

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
