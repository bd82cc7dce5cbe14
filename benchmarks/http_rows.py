"""Rows 3, 4, 6-9: through the Python client and the API, against Balsam's figures and RawInsert."""

import asyncio
import json
import time
from typing import Any

from benchmarks.measure import ROUNDS, Table, forget_peak, median, p50_ms, resident_mb, timed
from benchmarks.raw import sample
from benchmarks.store_rows import Store, update_alone, update_ours
from storax import Client, EventLog, Job, Session

BALSAM = {"create": 3077, "save": 8.1, "update": 5.6, "get": 3.7, "bulk_update": 7245, "iterate": 13_700}
READS = {"count at 100 k": 25, "newest 100 of 100 k": 81, "100 rows at depth 90 k": 99, "tag filter, 100 rows": 16,
         "newest 1,000 of 300 k events": 485}  # fmt: skip


def bulk_create(table: Table, app_id: int, raw_rate: float, api_pid: int) -> None:
    """Row 3."""
    body_mb = len(json.dumps([sample(i, app_id) for i in range(10_000)], separators=(",", ":"))) / 2**20
    Job.objects.bulk_create([Job(**sample(i, app_id)) for i in range(100)])  # the first call loads what it needs
    forget_peak(api_pid)
    before, rates = resident_mb(api_pid), []
    for _ in range(ROUNDS):
        jobs = [Job(**sample(i, app_id)) for i in range(10_000)]
        rates.append(10_000 / timed(Job.objects.bulk_create, jobs))
        assert all(j.id for j in jobs)
    rate, grown = median(rates), resident_mb(api_pid) - before
    figure = f"{rate:,.0f} jobs/s = {rate / raw_rate:.2f} x RawInsert, {rate / BALSAM['create']:.1f} x Balsam"
    good = rate >= 0.4 * raw_rate and rate >= 5 * BALSAM["create"]
    table.add(
        "3", "bulk_create of 10,000 over HTTP, ids filled in", figure, "≥ 0.4 x RawInsert, ≥ 5 x Balsam", reached=good
    )
    table.add(
        "3",
        "… API memory growth",
        f"{grown:.0f} MiB = {grown / body_mb:.1f} x body",
        "≤ 10 x body",
        reached=grown <= 10 * body_mb,
    )


def singles(table: Table, app_id: int) -> None:
    """Row 4."""
    count = iter(range(10**9))
    last: list[Job] = []

    def create() -> None:
        last[:] = [Job(**sample(next(count), app_id))]
        last[0].save()

    def save() -> None:
        last[0].num_nodes = next(count) % 900 + 1
        last[0].save()

    for name, work, key in (("create", create, "save"), ("save", save, "update")):
        ms = p50_ms(work)
        _versus(table, "4", f"single-job {name}, p50", ms, BALSAM[key], 0.5)
    _versus(table, "4", "single-job get, p50", p50_ms(lambda: Job.objects.get(id=last[0].id)), BALSAM["get"], 0.5)


def _versus(table: Table, number: str, what: str, ms: float, balsam: float, share: float) -> None:
    figure = f"{ms:.2f} ms = {ms / balsam:.2f} x Balsam"
    table.add(number, what, figure, f"≤ {share} x Balsam", reached=ms <= share * balsam)


def updates(table: Table, store: Store, loop: asyncio.AbstractEventLoop) -> None:
    """Row 6."""
    for count in (1000, 10_000):
        jobs = list(Job.objects.order_by("id")[:count])
        ids = [int(j.id) for j in jobs if j.id]
        ratios, rates = [], []
        for turn in range(ROUNDS):
            alone = loop.run_until_complete(update_alone(store, ids))
            ours = loop.run_until_complete(update_ours(store, ids))
            ratios.append(alone / ours)
            for job in jobs:
                job.priority = (int(job.id or 0) + turn) % 90
            rates.append(count / timed(Job.objects.bulk_update, jobs))
        ratio, rate = median(ratios), median(rates)
        what = f"bulk_update of {count:,} different patches, an event each"
        table.add("6", f"{what}: store layer", f"{ratio:.2f} x UPDATE alone", "≥ 0.5 x", reached=ratio >= 0.5)
        figure = f"{rate:,.0f}/s = {rate / BALSAM['bulk_update']:.1f} x Balsam"
        table.add("6", f"{what}: over HTTP", figure, "≥ 5 x Balsam", reached=rate >= 5 * BALSAM["bulk_update"])


def acquire(table: Table, site_id: int, backlog: str) -> None:
    """Row 7."""
    session: Any = Session.objects.create(site_id=site_id, ttl_sec=600)
    seen: set[int] = set()
    times, twice = [], 0
    for _ in range(2 * ROUNDS):
        begun = time.perf_counter()
        got = session.acquire_jobs(max_num_jobs=1000)
        times.append((time.perf_counter() - begun) * 1e3)
        twice += len([j for j in got if j.id in seen])
        seen |= {int(j.id) for j in got}
        assert len(got) == 1000, len(got)
    session.delete()
    figure = f"{median(times):.0f} ms, {twice} jobs twice"
    table.add("7", f"acquire 1,000 of {backlog} runnable, lease and events", figure, "≤ 60 ms, 0 twice",
              reached=median(times) <= 60 and not twice)  # fmt: skip


def iterate(table: Table) -> None:
    """Row 8."""

    def work() -> None:
        assert sum(1 for j in Job.objects.order_by("id")[:10_000] if j.state) == 10_000

    rate = 10_000 / median([timed(work) for _ in range(ROUNDS + 2)])
    figure = f"{rate:,.0f} jobs/s = {rate / BALSAM['iterate']:.1f} x Balsam"
    table.add(
        "8", "filter and iterate 10,000 jobs as objects", figure, "≥ 5 x Balsam", reached=rate >= 5 * BALSAM["iterate"]
    )


def reads(table: Table, client: Client) -> None:
    """Row 9."""
    works: dict[str, Any] = {
        "count at 100 k": lambda: Job.objects.all().count(),
        "newest 100 of 100 k": lambda: list(Job.objects.order_by("-last_update")[:100]),
        "100 rows at depth 90 k": lambda: list(Job.objects.order_by("id")[90_000:90_100]),
        "tag filter, 100 rows": lambda: list(Job.objects.filter(tags={"sample": "s77"})[:100]),
        "newest 1,000 of 300 k events": lambda: list(EventLog.objects.all()[:1000]),
    }
    for name, work in works.items():
        _versus(table, "9", name, p50_ms(work, times=40, warm=5), READS[name], 0.3)
    first, deep = _pages(client)
    table.add("9", "100 rows at depth 90 k by cursor, against the first page", f"{deep / first:.2f} x", "≤ 3 x",
              reached=deep <= 3 * first)  # fmt: skip


def _pages(client: Client) -> tuple[float, float]:
    def page(cursor: str | None, limit: int = 100) -> Any:
        body = {"ordering": ["id"], "limit": limit, "format": "rows", "cursor": cursor}
        return client.request("POST", "/jobs/query", body)

    cursor = None
    for _ in range(9):
        cursor = page(cursor, 10_000)["next"]
    return p50_ms(lambda: page(None), times=40), p50_ms(lambda: page(cursor), times=40)
