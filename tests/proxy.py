"""A relay on the loopback interface that can be cut, frozen, half-open and restored, as a server that dies or hangs."""

import asyncio
import contextlib
import ssl
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit


class Proxy:
    """A relay between a client and the server at ``url``; it listens on ``host``, with ``tls`` for https alone."""

    def __init__(self, url: str, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self._there, self._host, self._tls = urlsplit(url), host, tls
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._stalled: list[asyncio.Event] = []
        self._up = True
        self._failovers = 0
        self._bytes_a_sec: int | None = None
        self.carried = 0  # bytes, both ways
        self._serving: set[asyncio.Task[None]] = set()
        self._opened: list[asyncio.WriteTransport] = []
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._start())
        port = self._server.sockets[0].getsockname()[1]
        secret = f":{self._there.password}@" if self._there.password else ""
        there = self._there._replace(scheme="https") if self._tls else self._there
        self.url = urlunsplit(there._replace(netloc=f"{secret}{self._host}:{port}"))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()

    def _do(self, work: object) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(60)  # type: ignore[arg-type]

    async def _start(self) -> None:
        self._flowing.set()
        self._server = await asyncio.start_server(self._accept, self._host, 0, ssl=self._tls)

    async def _stop(self) -> None:
        for listener in self._server.sockets:
            self._loop.remove_reader(listener.fileno())
        # A connection that was just accepted gets its transport: once the server is closed, or its task cancelled before
        # it began, asyncio leaves its socket open.
        await asyncio.sleep(0)
        self._server.close()
        self._hang_up()
        self._flowing.set()
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:  # type: ignore[arg-type]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0)  # what was accepted may begin a task of its own
        for transport in self._opened:
            with contextlib.suppress(AttributeError):  # one that sent its last bytes after its close has lost its loop
                transport.abort()  # one that is closed waits for a peer to read its last bytes
        await asyncio.sleep(0.05)  # sockets close in a later round of the loop

    def cut(self) -> None:
        """Break all connections and refuse new ones, as if the server were gone."""

        async def work() -> None:
            self._up = False
            self._hang_up()

        self._do(work())

    def freeze(self) -> None:
        """Accept connections and answer nothing, as if the server hung."""

        async def work() -> None:
            self._flowing.clear()

        self._do(work())

    def stall(self) -> None:
        """Let open connections hang, and pass new ones, as if one of several processes of the server were frozen."""

        async def work() -> None:
            self._flowing.clear()
            self._stalled.append(self._flowing)
            self._flowing = asyncio.Event()
            self._flowing.set()

        self._do(work())

    def half_open(self) -> None:
        """Carry nothing more on the present connections, without a word; new ones work, as after a failover."""

        async def work() -> None:
            self._failovers += 1

        self._do(work())

    def slow(self, bytes_a_sec: int | None) -> None:
        """Limit the bytes that pass from now on; None removes the limit."""
        self._bytes_a_sec = bytes_a_sec

    def heal(self) -> None:
        """Pass everything again, as if the server were back."""

        async def work() -> None:
            self._up = True
            for gate in (self._flowing, *self._stalled):
                gate.set()
            self._stalled.clear()

        self._do(work())

    def _hang_up(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # No coroutine: one that is cancelled before it began would leave its socket open.
        self._opened.append(writer.transport)
        self._serving.add(task := asyncio.get_running_loop().create_task(self._serve(reader, writer)))
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._up:
            writer.transport.abort()
            return
        try:
            there, away = await asyncio.open_connection(self._there.hostname, self._there.port)
        except OSError:  # the server is gone: so is this connection to it
            writer.transport.abort()
            return
        self._opened.append(away.transport)
        self._writers |= {writer, away}
        try:
            gate = self._flowing
            await asyncio.gather(self._pump(reader, away, gate), self._pump(there, writer, gate))
        finally:
            self._writers -= {writer, away}
            for end in (writer, away):
                end.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, gate: asyncio.Event) -> None:
        failovers = self._failovers
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                await gate.wait()
                if failovers != self._failovers:
                    await asyncio.Event().wait()  # until the proxy stops
                self.carried += len(data)
                if self._bytes_a_sec:
                    await asyncio.sleep(len(data) / self._bytes_a_sec)
                sink.write(data)
                await sink.drain()
        sink.close()
