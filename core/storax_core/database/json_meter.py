"""A bound on the JSON that one read brings into memory: what lies beyond it is dropped as it arrives."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

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
    def limited(self, size: int) -> Iterator[None]:
        """Read at most ``size`` bytes in this block."""
        self.left = size
        try:
            yield
        finally:
            self.left = NO_LIMIT
