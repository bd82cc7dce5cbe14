"""Row 21: how long small calls of one user take while 64 others log in, or another runs 30 heavy queries at once."""

import asyncio
import itertools
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from benchmarks.measure import Table, progress, timed
from storax.local import LocalStack
from storax_core.admin.users import bootstrap

ROWS, CHUNK = 100_000, 10_000  # jobs of the neighbour whose queries are heavy
CALLS = 300  # of each measurement
SETTLE_SEC = 2.0
LOGINS, QUERIES = 64, 30
HEAVY = {"filter": {"tags": {"none": "x"}, "workdir__contains": "nowhere"}, "ordering": ["-last_update"], "limit": 1000}
BAR_MS = 500


def neighbours(table: Table) -> None:
    """Row 21, on a stack of its own."""
    progress("neighbours: a stack of its own")
    with LocalStack(site=False) as stack:
        quiet, noisy = (_user(stack, name) for name in ("quiet", "noisy"))
        with _client(stack.url, quiet) as client, _client(stack.url, noisy) as other:
            _fill(other, _app(other))
            calls = _small_calls(client, _app(client))
            alone = _row(table, "alone", calls, BAR_MS)
            bar = max(BAR_MS, 2 * alone)
            with _noise(_log_in, stack.url, noisy, LOGINS):
                _row(table, f"while {LOGINS} others log in at once", calls, bar)
            with _noise(_query, stack.url, noisy, QUERIES):
                _row(table, f"while another runs {QUERIES} queries over {ROWS:,} jobs at once", calls, bar)


def _user(stack: LocalStack, name: str) -> str:
    return str(asyncio.run(bootstrap(stack.database_url, name, None, 1))["token"])


def _client(url: str, token: str) -> httpx.Client:
    return httpx.Client(base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=60)


def _post(client: httpx.Client, path: str, body: Any) -> Any:
    return client.post(path, json=body).raise_for_status().json()


def _app(client: httpx.Client) -> dict[str, int]:
    site = _post(client, "/sites/", {"name": "one"})["id"]
    return {"app_id": _post(client, "/apps/", {"site_id": site, "name": "A", "command_template": "true"})["id"]}


def _fill(client: httpx.Client, app: dict[str, int]) -> None:
    progress(f"neighbours: {ROWS:,} jobs")
    for first in range(0, ROWS, CHUNK):
        numbers = range(first, first + CHUNK)
        _post(client, "/jobs/", [{**app, "workdir": f"w/{n}", "tags": {"n": str(n)}} for n in numbers])


def _small_calls(client: httpx.Client, app: dict[str, int]) -> Iterator[Callable[[], Any]]:
    """Return calls of four kinds in turn: create a job, read it, list jobs, send a heartbeat."""
    job = _post(client, "/jobs/", {**app, "workdir": "w"})["id"]
    session = _post(
        client, "/sessions/", {"site_id": client.get("/sites/").json()["results"][0]["id"], "ttl_sec": 3600}
    )["id"]
    return itertools.cycle(
        (
            lambda: _post(client, "/jobs/", {**app, "workdir": "w"}),
            lambda: client.get(f"/jobs/{job}").raise_for_status(),
            lambda: client.get("/jobs/?limit=20").raise_for_status(),
            lambda: _post(client, f"/sessions/{session}/heartbeat", None),
        )
    )


def _row(table: Table, when: str, calls: Iterator[Callable[[], Any]], bar_ms: float) -> float:
    """Make the calls, add a row, and return the 99th percentile in milliseconds."""
    seen = sorted(timed(call) * 1e3 for call in itertools.islice(calls, CALLS))
    p50, p99 = seen[CALLS // 2], seen[CALLS * 99 // 100]
    what = f"small calls of one user {when}, p50 and p99"
    bar = f"p99 ≤ {BAR_MS} ms, or twice that alone"
    table.add("21", what, f"{p50:.1f} and {p99:.0f} ms", bar, reached=p99 <= bar_ms)
    return p99


@contextmanager
def _noise(work: Callable[..., Any], url: str, token: str, at_once: int) -> Iterator[None]:
    """Have another process make so many calls at once, again and again."""
    process = multiprocessing.get_context("spawn").Process(
        target=_at_once, args=(work, url, token, at_once), daemon=True
    )
    process.start()
    time.sleep(SETTLE_SEC)
    try:
        yield
        assert process.is_alive(), "nothing was measured: the calls of the others failed"
    finally:
        process.terminate()
        process.join()


def _at_once(work: Callable[..., Any], url: str, token: str, at_once: int) -> None:
    async def repeat(client: httpx.AsyncClient, number: int) -> None:
        for turn in itertools.count():
            await work(client, f"{number}-{turn}")

    async def run() -> None:
        limits = httpx.Limits(max_connections=at_once)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=f"{url}/api/v1", headers=headers, limits=limits, timeout=120) as client:
            await asyncio.gather(*(repeat(client, number) for number in range(at_once)))

    asyncio.run(run())


async def _log_in(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.post("/auth/login", json={"username": f"guest-{name}", "password": "a wrong password"})
    assert answer.status_code in (401, 429), answer.text
    if answer.status_code == 429:
        await asyncio.sleep(0.2)


async def _query(client: httpx.AsyncClient, _: str) -> None:
    answer = await client.post("/jobs/query", json=HEAVY)
    assert answer.status_code in (200, 429), answer.text
