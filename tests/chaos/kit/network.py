"""A network between a client and an HTTP server that loses, cuts, delays, doubles and reorders, by a seed."""

import asyncio
import contextlib
import random
from collections import Counter
from typing import Self

from proxy import Proxy

LONGEST_DELAY_SEC = 1.5
HEAD_END = b"\r\n\r\n"


class Network(Proxy):
    """A relay of HTTP requests, each on a connection of its own. It can also be cut, frozen and half-open: ``Proxy``.

    Args:
        url: Address of the server.
        rng: Draws the fault of each request.
        rate: Share of the requests that meet a fault, 0 to 1; it may be changed at any time.
        host: Address to listen on.
    """

    FAULTS = ("request lost", "answer lost", "answer cut", "delayed", "doubled")

    def __init__(self, url: str, rng: random.Random, *, rate: float = 0.0, host: str = "127.0.0.1") -> None:
        super().__init__(url, host=host)
        self._rng, self.rate = rng, rate
        self.faults: Counter[str] = Counter()

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def _draw(self) -> str:
        if self._rng.random() >= self.rate:
            return ""
        fault = self._rng.choice(self.FAULTS)
        self.faults[fault] += 1
        return fault

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._up:
            writer.transport.abort()
            return
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await self._exchange(reader, writer)
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request, fault, gate, failovers = await _request(reader), self._draw(), self._flowing, self._failovers
        await gate.wait()
        if failovers != self._failovers:
            await asyncio.Event().wait()  # half-open: until the proxy stops
        if fault == "delayed":  # so that later requests overtake it
            await asyncio.sleep(self._rng.uniform(0, LONGEST_DELAY_SEC))
        if fault == "request lost":
            writer.transport.abort()
            return
        first = asyncio.create_task(self._forward(request, None)) if fault == "doubled" else None
        left = {"answer lost": 0, "answer cut": self._rng.randint(1, 400)}.get(fault)
        answer = asyncio.create_task(self._forward(request, writer, left=left))
        gone = asyncio.create_task(reader.read())
        await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
        for task in filter(None, (answer, gone, first)):
            if task is not first or gone.done():
                task.cancel()
        await asyncio.gather(*filter(None, (answer, gone, first)), return_exceptions=True)

    async def _forward(self, request: bytes, writer: asyncio.StreamWriter | None, *, left: int | None = None) -> None:
        """Send a request and pass its answer on: all of it, or the first ``left`` bytes, with an end by a reset."""
        there, away = await asyncio.open_connection(self._there.hostname, self._there.port)
        self._opened.append(away.transport)
        self._writers.add(away)
        gate, failovers = self._flowing, self._failovers
        try:
            away.write(request)
            while data := await there.read(65_536):
                await gate.wait()
                if failovers != self._failovers:
                    await asyncio.Event().wait()
                self.carried += len(data)
                if writer is not None:
                    writer.write(data if left is None else data[:left])
                    left = None if left is None else max(0, left - len(data))
                    await writer.drain()
            if writer is not None and left is not None:
                writer.transport.abort()
        finally:
            self._writers.discard(away)
            away.close()


async def _request(reader: asyncio.StreamReader) -> bytes:
    """Read one request, and ask for an answer that ends with its connection."""
    head = (await reader.readuntil(HEAD_END)).removesuffix(HEAD_END)
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    headers = dict(line.lower().split(b":", 1) for line in lines[1:])
    if b"transfer-encoding" in headers:
        raise NotImplementedError("a request of unknown length")
    body = await reader.readexactly(int(headers.get(b"content-length", 0)))
    return b"\r\n".join([*lines, b"Connection: close"]) + HEAD_END + body
