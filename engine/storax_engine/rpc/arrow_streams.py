"""Arrow streams over HTTP, in and out, without holding their bytes twice."""

import asyncio
import io
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pyarrow as pa

from storax._engine.protocol import HEAD
from storax.errors import InvalidInput, TooLarge

_AHEAD = 64 * 1024 * 1024  # bytes that may wait for the reader
_PAUSE_SEC = 0.002
_BATCH_ROWS = 100_000


class Inflow(io.RawIOBase):
    """A request's body: first its arguments, then an Arrow stream that a thread reads while it comes in."""

    def __init__(self, body: AsyncIterator[bytes]) -> None:
        super().__init__()
        self._body = body
        self._parts: deque[bytes] = deque()
        self._waiting = 0
        self._ended = self._whole = False
        self._change = threading.Condition()

    async def arguments(self, limit: int) -> bytes:
        """The JSON at the head of the body.

        Raises:
            InvalidInput, TooLarge: it is cut off, or longer than ``limit`` bytes.
        """
        head = b""
        end = HEAD
        async for part in self._body:
            head += part
            if len(head) >= HEAD:
                end = HEAD + int.from_bytes(head[:HEAD], "big")
            if end - HEAD > limit:
                raise TooLarge("The arguments are too long.")
            if len(head) >= end and len(head) > HEAD:
                self._take(head[end:])
                return head[HEAD:end]
        raise InvalidInput("The arguments are cut off.")

    async def feed(self, reader: "asyncio.Future[Any]") -> None:
        """Hand the rest of the body to the reader; until its end, or that of the reader.

        A body that breaks off is no end: an Arrow stream that lacks its last batches could be read without an error.
        """
        try:
            async for part in self._body:
                self._take(part)
                while self._waiting > _AHEAD and not reader.done():
                    await asyncio.sleep(_PAUSE_SEC)
                if reader.done():
                    return
            self._whole = True
        finally:
            with self._change:
                self._ended = True
                self._change.notify_all()

    def table(self) -> pa.Table:
        """Everything that comes; called in a thread.

        Raises:
            InvalidInput: it is no Arrow stream, or is cut off.
        """
        try:
            with pa.ipc.open_stream(pa.PythonFile(self, mode="r")) as reader:
                return reader.read_all()
        except (pa.ArrowInvalid, EOFError, OSError) as error:
            raise InvalidInput(f"The table did not arrive whole ({str(error).splitlines()[0][:100]}).") from error

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes, as many unless the body ends before.

        Raises:
            EOFError: it broke off.
        """
        parts: list[bytes] = []
        missing = size
        while missing > 0 and (part := self._next(missing)):
            parts.append(part)
            missing -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _take(self, part: bytes) -> None:
        if part:
            with self._change:
                self._parts.append(part)
                self._waiting += len(part)
                self._change.notify()

    def _next(self, most: int) -> bytes:
        with self._change:
            while not self._parts and not self._ended:
                self._change.wait()
            if not self._parts:
                if not self._whole:
                    raise EOFError("it broke off")
                return b""
            part = self._parts.popleft()
            if len(part) > most:
                self._parts.appendleft(part[most:])
                part = part[:most]
            self._waiting -= len(part)
            return part


class _Sink(io.RawIOBase):
    """Keeps what is written until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        self._parts.append(bytes(part))
        return len(self._parts[-1])

    def taken(self) -> bytes:
        content, self._parts = b"".join(self._parts), []
        return content


def outflow(table: pa.Table) -> Iterator[bytes]:
    """A table as an Arrow stream, a batch at a time."""
    sink = _Sink()
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), table.schema) as writer:
        for batch in table.to_batches(max_chunksize=_BATCH_ROWS):
            writer.write_batch(batch)
            yield sink.taken()
    yield sink.taken()
