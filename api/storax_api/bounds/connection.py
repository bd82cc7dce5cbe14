"""One HTTP connection, with bounds on what comes before anybody knows who calls, and on who does not read."""

import asyncio
import logging
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from storax_core import limits

log = logging.getLogger("storax.api")
# Seconds; longer than clients keep an idle connection (30 s, httpx 5 s), so that none sends while it is being closed.
KEPT_IDLE_SEC = 65
TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/problem+json\r\nconnection: close\r\n"
)
PROBLEM = orjson.dumps(
    {
        "type": "urn:storax:error:head_too_large", "title": "head too large", "status": 431, "code": "head_too_large",
        "detail": f"request line and headers are larger than {limits.HEAD_BYTES >> 10} KiB",
        "hint": "Send filters in the body: POST .../query.",
    }
)  # fmt: skip


class Connection(HttpToolsProtocol):
    """uvicorn's connection. It ends where the head of a request is too large or too late, or an answer is not read."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for the first request."""
        super().connection_made(transport)
        self._head = 0  # bytes of the head so far
        self._unread = 0  # bytes that the caller had not read at the last look
        self._reader: asyncio.TimerHandle | None = None
        self._late: asyncio.TimerHandle | None = self.loop.call_later(limits.HEAD_SEC, self._close_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers."""
        self._forget_late()
        self._forget_reader()
        super().connection_lost(exc)

    # ---- the head of a request -------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head that has no end is refused."""
        self._head += len(data)
        super().data_received(data)
        if self._late is None:
            self._head = 0  # they ended a head, or are of a body
        elif self._head > limits.HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(TOO_LARGE + b"content-length: %d\r\n\r\n" % len(PROBLEM) + PROBLEM)
            self.transport.close()

    def on_message_begin(self) -> None:
        """Wait for the end of the head."""
        super().on_message_begin()
        self._forget_late()
        self._late = self.loop.call_later(limits.HEAD_SEC, self._close_late)

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._forget_late()
        super().on_headers_complete()

    def _close_late(self) -> None:
        self._late = None
        self.transport.close()

    def _forget_late(self) -> None:
        if self._late:
            self._late.cancel()
        self._late = None

    # ---- a caller that does not read -------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        """The caller reads slower than the answer comes: look in a while whether it reads at all."""
        super().pause_writing()
        self._check_reader_later()

    def resume_writing(self) -> None:
        """The caller has read."""
        super().resume_writing()
        self._forget_reader()

    def _check_reader_later(self) -> None:
        self._unread = self.transport.get_write_buffer_size()
        self._reader = self.loop.call_later(limits.UNREAD_SEC, self._check_reader)

    def _check_reader(self) -> None:
        if self.transport.get_write_buffer_size() < self._unread:
            self._check_reader_later()
        else:
            log.warning("a caller has read nothing of its answer for %g s; its connection is closed", limits.UNREAD_SEC)
            self.transport.abort()

    def _forget_reader(self) -> None:
        if self._reader:
            self._reader.cancel()
        self._reader = None


def settings() -> dict[str, Any]:
    """Return the options of uvicorn for such connections."""
    return {"http": Connection, "ws": "none", "timeout_keep_alive": KEPT_IDLE_SEC}
