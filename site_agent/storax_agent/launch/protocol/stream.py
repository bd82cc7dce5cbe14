"""Streams of lines between processes."""


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
