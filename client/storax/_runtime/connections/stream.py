"""The bytes of an endless reply."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx


class Stream:
    """The bytes of an endless reply as they come; ``stop`` ends them from another thread."""

    def __init__(self, response: "httpx.Response") -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        stream: Any = self._response.stream  # a SyncByteStream: we never send async requests
        yield from stream

    def stop(self) -> None:
        """Shut the socket down, which wakes the thread that reads from it."""
        import socket

        stream = self._response.extensions.get("network_stream")
        connection = stream.get_extra_info("socket") if stream else None
        if connection is not None:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                return
