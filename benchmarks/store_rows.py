"""Rows 1, 2, 5: the store layer against the same rows as raw SQL."""

import asyncio
import time
from typing import Any

import asyncpg

from benchmarks.measure import ROUNDS, Table, backend_us, median
from benchmarks.raw import insert_text, sample
from storax_api.__main__ import calm_collector
from storax_core.commands.create import create
from storax_core.commands.create_jobs import fields_set
from storax_core.database.connections import Database, writing
from storax_core.log import append, one_round_trip, sql
from storax_core.log.append import Context
from storax_core.log.command_ids import new_command_id
from storax_core.resources import JOBS

Figures = dict[str, list[float]]


class Store:
    """A direct way into the database of the running stack, as its user."""

    def __init__(self, db: Database, owner: Any, owner_id: int, app_id: int, site_id: int) -> None:
        self.db, self.raw, self.owner_id, self.app_id, self.site_id = db, owner, owner_id, app_id, site_id

    @classmethod
    async def open(cls, url: str, owner_id: int, app_id: int, site_id: int) -> "Store":
        """Open the pools, and a connection as the tables' owner for the raw text."""
        calm_collector()  # as the API does
        raw = await asyncpg.connect(url, server_settings={"role": "storax_worker"})
        return cls(await Database.connect(url, size=20), raw, owner_id, app_id, site_id)

    async def close(self) -> None:
        """Close the pools and the connection."""
        await self.raw.close()
        await self.db.close()

    async def ours(self, count: int) -> tuple[float, float]:
        """Create jobs from models. Return seconds, and CPU microseconds a row of this process and its backend."""
        models = JOBS.create_adapter.validate_python([sample(i, self.app_id) for i in range(count)])
        async with self.db.owner(self.owner_id) as conn:
            pid = conn.get_server_pid()
            cpu, begun = backend_us(pid) + time.process_time() * 1e6, time.perf_counter()
            ctx = Context(self.owner_id, f"user:{self.owner_id}", new_command_id())
            async with writing(conn):
                await create(conn, ctx, JOBS, fields_set(models))
            seconds = time.perf_counter() - begun
            return seconds, (backend_us(pid) + time.process_time() * 1e6 - cpu) / count

    async def theirs(self, count: int) -> float:
        """Insert the same rows as raw text. Return the seconds."""
        async with self.db.owner(self.owner_id) as conn:
            ids = await append.draw_ids(conn, JOBS, count)
        rows = [
            {**sample(i, self.app_id), "id": n, "site_id": self.site_id, "state": "PREPROCESSED"}
            for i, n in enumerate(ids)
        ]
        text = insert_text(rows, self.owner_id)
        begun = time.perf_counter()
        await self.raw.execute(text)
        return time.perf_counter() - begun


async def creates(store: Store, table: Table) -> float:
    """Add rows 1 and 2. Return the rows a second of RawInsert at 10,000 rows."""
    fastest = 0.0
    for number, count, repeat in (("1", 10_000, 1), ("2", 1000, 4), ("2", 100, 20)):
        ratios, cpus, rates, raws = [], [], [], []
        for _ in range(ROUNDS):
            raw = median([await store.theirs(count) for _ in range(repeat)])
            runs = [await store.ours(count) for _ in range(repeat)]
            ours = median([r[0] for r in runs])
            ratios.append(raw / ours)
            cpus.append(median([r[1] for r in runs]))
            rates.append(count / ours)
            raws.append(count / raw)
        figure = f"{median(ratios):.2f} x RawInsert ({median(rates):,.0f} rows/s), {median(cpus):.1f} µs CPU a row"
        good = median(ratios) >= 1.2 and (count < 10_000 or median(cpus) <= 25)
        bar = "≥ 1.2 x RawInsert" + (", ≤ 25 µs CPU a row" if count == 10_000 else "")
        table.add(number, f"store layer: bulk_create of {count:,} jobs, models in, ids out", figure, bar, reached=good)
        fastest = max(fastest, median(raws)) if count == 10_000 else fastest
    return fastest


async def singles(store: Store, table: Table, clients: int = 16, seconds: float = 2.0) -> None:
    """Add row 5: changes of one job by many clients, with and without the lock of the watermark."""
    fenced = one_round_trip.change_job(frozenset({"priority"}))
    plain = fenced.replace(f"SELECT pg_advisory_xact_lock_shared({sql.FENCE})", "SELECT 1")
    async with store.db.owner(store.owner_id) as conn:
        ids = [
            r["id"] for r in await conn.fetch("SELECT id FROM job_state WHERE owner_id = $1 LIMIT 5000", store.owner_id)
        ]
    ratios, rates = [], []
    for _ in range(ROUNDS):
        without = await _commands_per_second(store, plain, ids, clients, seconds)
        with_ = await _commands_per_second(store, fenced, ids, clients, seconds)
        ratios.append(with_ / without)
        rates.append(with_)
    table.add(
        "5",
        f"single-event commands, {clients} clients, with the fence",
        f"{median(ratios):.2f} x plain ({median(rates):,.0f}/s)",
        "≥ 0.85 x plain",
        reached=median(ratios) >= 0.85,
    )


async def _commands_per_second(store: Store, statement: str, ids: list[int], clients: int, seconds: float) -> float:
    end = time.perf_counter() + seconds

    async def client(k: int) -> int:
        done = 0
        async with store.db.owner(store.owner_id, by_key=True) as conn:
            while time.perf_counter() < end:
                job, line = ids[(k + done * clients) % len(ids)], append.json_lines([{"priority": done % 100}])
                await conn.fetchrow(statement, job, store.owner_id, "user:1", None, None, line, None)
                done += 1
        return done

    begun = time.perf_counter()
    total = sum(await asyncio.gather(*(client(k) for k in range(clients))))
    return total / (time.perf_counter() - begun)


async def update_alone(store: Store, ids: list[int]) -> float:
    """Return the seconds of a plain UPDATE of the same rows: no event, no lock, no result."""
    values = [i % 100 for i in ids]
    begun = time.perf_counter()
    await store.raw.execute(
        "UPDATE job_state s SET priority = x.p, version = version + 1, last_update = now()"
        " FROM unnest($1::bigint[], $2::int[]) AS x(id, p) WHERE s.id = x.id",
        ids,
        values,
    )
    return time.perf_counter() - begun


async def update_ours(store: Store, ids: list[int]) -> float:
    """Return the seconds of the bulk update of the same rows in core, one event a row."""
    from storax_core.commands.update import update_rows

    rows = [{"id": i, "priority": (i + 1) % 100} for i in ids]
    begun = time.perf_counter()
    async with store.db.owner_writing(store.owner_id) as conn:
        await update_rows(conn, Context(store.owner_id, f"user:{store.owner_id}", new_command_id()), JOBS, rows)
    return time.perf_counter() - begun
