"""Parser of server-sent events."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class ServerEvent(NamedTuple):
    """One block of the stream: its id (a log position), type and data; all empty for a comment."""

    id: str
    type: str
    data: bytes


def parse(chunks: Iterable[bytes]) -> Iterator[ServerEvent]:
    """Yield events as they become complete, however the bytes are cut; a comment, a heartbeat, yields an empty one."""
    rest = b""
    for chunk in chunks:
        rest = (rest + chunk).replace(b"\r\n", b"\n")
        *blocks, rest = rest.split(b"\n\n")
        for block in blocks:
            yield _event(block)


def _event(block: bytes) -> ServerEvent:
    id_, type_, data = "", "", []
    for line in block.split(b"\n"):
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            data.append(value)
        elif name == b"id":
            id_ = value.decode()
        elif name == b"event":
            type_ = value.decode()
    return ServerEvent(id_, type_, b"\n".join(data))
