"""1,000 viewers of the live feed on one API process: nothing missed, how late, and at what cost."""

import asyncio
import time
from typing import Any
from urllib.parse import urlsplit

from benchmarks.measure import Table, cpu_us, median, progress, resident_mb
from benchmarks.raw import sample
from storax import Job
from storax.local import LocalStack

VIEWERS, ROUNDS, EVENTS = 1000, 20, 10  # EVENTS in one call a round
SILENCE_SEC = 120.0
EVENT = b"\ndata: "


class Viewer(asyncio.Protocol):
    """One connection that reads the stream as a browser does, and notes when each event came.

    It counts in what arrives, line by line would cost it more than the API: 1,000 viewers share one process here.
    """

    def __init__(self, request: bytes) -> None:
        self.seen: list[float] = []
        self.ready, self.ended = asyncio.Event(), asyncio.Event()
        self._request, self._rest = request, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Count the events whose first line is complete, and end with the last round's."""
        now, data = time.perf_counter(), self._rest + data
        if not self.ready.is_set() and b"\n: ready" in data:
            self.ready.set()
        self.seen += [now] * data.count(EVENT)
        self._rest = data[-(len(EVENT) - 1) :]
        if len(self.seen) >= ROUNDS * EVENTS:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (of the protocol)
        """End, also where the API ended the stream."""
        self.ready.set()
        self.ended.set()


async def _watch(url: str, token: str, app_id: int) -> tuple[list[Viewer], list[float]]:
    """Open all viewers, create the jobs of each round, and wait until all was read."""
    address: Any = urlsplit(url)
    loop = asyncio.get_running_loop()
    path = "/api/v1/events/stream?entity=job&type=job.created"
    request = f"GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\r\n".encode()
    viewers = []
    for _ in range(VIEWERS):
        _, viewer = await loop.create_connection(lambda: Viewer(request), address.hostname, address.port)
        viewers.append(viewer)
    await asyncio.gather(*(viewer.ready.wait() for viewer in viewers))
    progress(f"{VIEWERS} viewers are connected")
    sent = []
    for _ in range(ROUNDS):
        jobs = [Job(**sample(i, app_id)) for i in range(EVENTS)]
        await asyncio.to_thread(Job.objects.bulk_create, jobs)
        sent.append(time.perf_counter())
        await asyncio.sleep(0.5)
    await asyncio.wait_for(asyncio.gather(*(viewer.ended.wait() for viewer in viewers)), SILENCE_SEC)
    return viewers, sent


def viewers(table: Table, stack: LocalStack, app_id: int) -> None:
    """Row 21."""
    api_pid = stack.pids["api"]
    memory, cpu = resident_mb(api_pid), cpu_us(api_pid)
    seen, sent = asyncio.run(_watch(stack.url, stack.token, app_id))
    missed = sum(ROUNDS * EVENTS - len(viewer.seen) for viewer in seen)
    late = sorted(at - sent[n // EVENTS] for viewer in seen for n, at in enumerate(viewer.seen))
    each = (cpu_us(api_pid) - cpu) / (VIEWERS * ROUNDS * EVENTS)
    what = f"{VIEWERS:,} viewers of one API process, {ROUNDS * EVENTS} events to each"
    table.add("21", what, f"{missed} missed", "0", reached=missed == 0)
    p99 = late[len(late) * 99 // 100] if late else 0.0
    figure = f"{1000 * median(late):.0f} ms after the commit, p99 {1000 * p99:.0f} ms"
    table.add("21", "… an event at a viewer, p50", figure, "p99 ≤ 2 s", reached=p99 <= 2.0)
    table.add("21", "… CPU of the API for one event at one viewer", f"{each:.0f} µs", "none")
    table.add("21", "… memory of the API", f"+{resident_mb(api_pid) - memory:.0f} MB", "≤ 200 MB",
              reached=resident_mb(api_pid) - memory <= 200)  # fmt: skip
