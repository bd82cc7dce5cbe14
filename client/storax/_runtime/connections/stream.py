"""The body of a reply that does not end by itself."""

import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from httpx import Response


class Stream:
    """The bytes of an endless reply as they come; ``stop`` ends them from another thread."""

    def __init__(self, response: "Response") -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        yield from self._response.stream  # type: ignore[misc]  # only async requests have another kind

    def stop(self) -> None:
        """Shut the socket down, which wakes the thread that reads from it."""
        stream = self._response.extensions.get("network_stream")
        connection = stream.get_extra_info("socket") if stream else None
        if connection is not None:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                return
