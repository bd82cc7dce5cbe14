"""Streams of lines between processes."""

import json

import msgspec

_ENCODER = msgspec.json.Encoder()


def encode_line(message: msgspec.Struct) -> bytes:
    """Return a message as one line of JSON, with its end."""
    try:
        return _ENCODER.encode(message) + b"\n"
    except UnicodeEncodeError:  # a file name that is not UTF-8: Python's own JSON can write it
        return json.dumps(msgspec.to_builtins(message, str_keys=True)).encode() + b"\n"


class LineBuffer:
    """Bytes in, whole lines out."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, block: bytes) -> list[bytes]:
        """The lines completed by ``block``, without their ends; empty lines are left out."""
        self._rest += block
        if b"\n" not in block:
            return []
        *lines, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest)
        return [line for line in lines if line]
