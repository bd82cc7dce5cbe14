"""1,000 viewers of the live feed on one API process: nothing missed, how late, and at what cost."""

import asyncio
import time
from urllib.parse import urlsplit

from benchmarks.measure import Table, cpu_us, median, progress, resident_mb
from benchmarks.raw import sample
from storax import Job
from storax.local import LocalStack

VIEWERS, ROUNDS, EVENTS = 1000, 20, 10  # EVENTS in one call a round
SILENCE_SEC = 120.0


class Viewer:
    """One connection that reads the stream as a browser does, and notes when each event came."""

    def __init__(self, url: str, token: str) -> None:
        self.seen: list[float] = []
        self._address, self._token = urlsplit(url), token
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Read until it has the events of all rounds."""
        reader, writer = await asyncio.open_connection(self._address.hostname, self._address.port)
        path = "/api/v1/events/stream?entity=job&type=job.created"
        writer.write(f"GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {self._token}\r\n\r\n".encode())
        while len(self.seen) < ROUNDS * EVENTS:
            line = await asyncio.wait_for(reader.readline(), SILENCE_SEC)
            if not line:
                break
            if line.startswith(b": ready"):
                self.ready.set()
            elif line.startswith(b"data: "):
                self.seen.append(time.perf_counter())
        writer.close()


async def _watch(url: str, token: str, app_id: int) -> tuple[list[Viewer], list[float]]:
    """Open all viewers, create the jobs of each round, and wait until all was read."""
    viewers = [Viewer(url, token) for _ in range(VIEWERS)]
    tasks = [asyncio.create_task(viewer.run()) for viewer in viewers]
    for viewer in viewers:
        await viewer.ready.wait()
    progress(f"{VIEWERS} viewers are connected")
    sent = []
    for _ in range(ROUNDS):
        jobs = [Job(**sample(i, app_id)) for i in range(EVENTS)]
        await asyncio.to_thread(Job.objects.bulk_create, jobs)
        sent.append(time.perf_counter())
        await asyncio.sleep(0.5)
    await asyncio.gather(*tasks, return_exceptions=True)
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
