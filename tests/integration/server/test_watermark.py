"""The watermark: readers miss nothing, see nothing twice, and no thing's history out of order."""

import asyncio
import random
import time
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from storax_core.log import sql, watermark
from waiting import LIMIT

ENTITIES = 60
APPEND = f"""INSERT INTO event_log ({sql.EVENT_COLUMNS}, data)
SELECT now(), 1, NULL, 'bench', $1, $2, 'job.updated', 1, 'test', $3, '{{}}' RETURNING position"""
LOCK = f"SELECT pg_advisory_xact_lock_shared({sql.FENCE})"


class Workload:
    """Writers with transactions held open and rolled back, as the fence must bear them."""

    def __init__(self, url: str, seed: int, behind: int) -> None:
        self.url, self.seed, self.behind, self.end = url, seed, behind, time.monotonic() + LIMIT
        self.committed = self.rolled_back = 0
        self.naive_at, self.naive_missed, self.over = 0, False, False

    @property
    def enough(self) -> bool:
        """Whether all has happened that the test is about; the end of the time ends a hang."""
        done = self.committed > 300 and self.rolled_back > 5 and self.naive_missed
        return done or time.monotonic() > self.end

    async def writer(self, number: int) -> None:
        rng, conn = random.Random(self.seed * 100 + number), await asyncpg.connect(self.url)
        try:
            while not self.enough:
                await self.transaction(rng, conn)
        finally:
            await conn.close()

    async def transaction(self, rng: random.Random, conn: Any) -> None:
        transaction, appended = conn.transaction(), []
        await transaction.start()
        try:
            await conn.execute(LOCK)
            for entity in sorted(rng.sample(range(1, ENTITIES + 1), 2)):
                version = await conn.fetchval(
                    "UPDATE bench SET version = version + 1 WHERE id = $1 RETURNING version", entity
                )
                appended.append(await conn.fetchval(APPEND, entity, version, uuid4()))
                await asyncio.sleep(rng.random() * rng.choice((0.001, 0.004, 0.02)))
            if rng.random() < 0.1:
                raise _RollBack
            behind = self.naive_at > min(appended)  # the naive reader was past it before it was there
            await transaction.commit()
            self.committed += len(appended)
            self.naive_missed = self.naive_missed or behind
        except (_RollBack, asyncpg.DeadlockDetectedError):
            self.rolled_back += 1
            await transaction.rollback()

    async def reader(self, rule: str) -> list[tuple[int, int, int]]:
        conn, seen = await asyncpg.connect(self.url), []
        fence, at = watermark.Watermark(safe=self.behind), self.behind
        try:
            left = True
            while left or fence.waiting:
                last_look = self.over
                upto = await fence.advance(conn) if rule == "fence" else 2**62
                for row in await watermark.read(conn, at, upto, 500):
                    seen.append((row["position"], row["entity_id"], row["version"]))
                    at = row["position"]
                self.naive_at = self.naive_at if rule == "fence" else at
                left = not last_look
                await asyncio.sleep(0.002)
        finally:
            await conn.close()
        return seen

    async def run(self, writers: int = 8) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
        tasks = [asyncio.create_task(self.writer(n)) for n in range(writers)]
        readers = [asyncio.create_task(self.reader(rule)) for rule in ("fence", "naive")]
        await asyncio.gather(*tasks)
        self.over = True
        fenced, naive = await asyncio.gather(*readers)
        return fenced, naive


class _RollBack(Exception):
    pass


@pytest.fixture
def bench(database_url: str) -> Any:
    async def run(*statements: str) -> None:
        conn = await asyncpg.connect(database_url)
        for statement in statements:
            await conn.execute(statement)
        await conn.close()

    make = f"INSERT INTO bench SELECT i, 0 FROM generate_series(1, {ENTITIES}) i"
    asyncio.run(run("CREATE TABLE bench (id bigint PRIMARY KEY, version int NOT NULL)", make))
    yield database_url
    asyncio.run(run("DROP TABLE bench"))


def test_eight_writers_and_the_fence_misses_repeats_and_reorders_nothing(bench: str) -> None:
    seed = random.randrange(10**6)

    async def committed() -> set[int]:
        conn = await asyncpg.connect(bench)
        rows = await conn.fetch("SELECT position FROM event_log")
        await conn.close()
        return {r[0] for r in rows}

    before = asyncio.run(committed())
    load = Workload(bench, seed, max(before, default=0))
    fenced, naive = asyncio.run(load.run())
    stored = asyncio.run(committed()) - before
    positions = [p for p, _, _ in fenced]
    print(
        f"seed {seed}: {len(stored)} events, {load.rolled_back} rolled back, naive missed {len(stored - {p for p, _, _ in naive})}"
    )
    assert len(stored) > 300
    assert load.rolled_back > 5
    assert stored - set(positions) == set()
    assert len(positions) == len(set(positions)) == len(stored)
    assert positions == sorted(positions)
    last: dict[int, int] = {}
    for _, entity, version in fenced:
        assert version == last.get(entity, 0) + 1, f"seed {seed}"
        last[entity] = version
    # The rule that everybody tries first must fail under this load, or the load proves nothing.
    assert stored - {p for p, _, _ in naive}, f"seed {seed}"


def test_the_fence_waits_for_a_transaction_that_is_held_open_and_for_no_other(database_url: str) -> None:
    async def run() -> None:
        writer, other, reader = [await asyncpg.connect(database_url) for _ in range(3)]
        try:
            fence = watermark.Watermark(safe=await feed_end(reader))
            held = writer.transaction()
            await held.start()
            await writer.execute(LOCK)
            await writer.execute(APPEND, 10**6, 1, uuid4())
            async with other.transaction():
                await other.execute(LOCK)
                await other.execute(APPEND, 10**6 + 1, 1, uuid4())
            before = fence.safe
            for _ in range(5):
                assert await fence.advance(reader) == before
            assert fence.waiting
            await held.rollback()
            assert await fence.advance(reader) == await feed_end(reader) > before
            assert not fence.waiting
            idle = other.transaction()
            await idle.start()
            await other.execute("SELECT count(*) FROM event_log")
            async with writer.transaction():
                await writer.execute(LOCK)
                await writer.execute(APPEND, 10**6 + 2, 1, uuid4())
            assert await fence.advance(reader) == await feed_end(reader)
            await idle.rollback()
        finally:
            for conn in (writer, other, reader):
                await conn.close()

    asyncio.run(run())


async def feed_end(conn: Any) -> int:
    return int(await conn.fetchval(watermark.LAST_DRAWN))


class Between:
    """A connection that lets something happen after its first answer."""

    def __init__(self, conn: Any, happens: Any) -> None:
        self.conn, self.happens = conn, happens

    async def fetchval(self, statement: str, *values: Any) -> Any:
        return await self._first(await self.conn.fetchval(statement, *values))

    async def fetch(self, statement: str, *values: Any) -> Any:
        return await self._first(await self.conn.fetch(statement, *values))

    async def _first(self, answer: Any) -> Any:
        if self.happens:
            happens, self.happens = self.happens, None
            await happens()
        return answer


def test_an_event_written_between_the_two_looks_is_waited_for(database_url: str) -> None:
    async def run() -> None:
        writer, other, reader = [await asyncpg.connect(database_url) for _ in range(3)]
        try:
            fence = watermark.Watermark(safe=await feed_end(reader))
            async with other.transaction():  # there is something new to look for
                await other.execute(LOCK)
                await other.execute(APPEND, 10**6 + 7, 1, uuid4())
            held = writer.transaction()
            await held.start()

            async def begin_to_write() -> None:
                await writer.execute(LOCK)
                await writer.execute(APPEND, 10**6 + 8, 1, uuid4())

            safe = await fence.advance(Between(reader, begin_to_write))
            assert safe < await feed_end(reader), "an event that is not committed was called final"
            await held.commit()
            assert await fence.advance(reader) == await feed_end(reader)
        finally:
            for conn in (writer, other, reader):
                await conn.close()

    asyncio.run(run())


def test_the_checkpoint_never_goes_back(database_url: str) -> None:
    async def run() -> list[int]:
        conn = await asyncpg.connect(database_url)
        before = await watermark.published(conn)
        seen = []
        for position in (before + 10, before + 5, before + 11):
            await watermark.keep(conn, position)
            seen.append(await watermark.published(conn) - before)
        await conn.close()
        return seen

    assert asyncio.run(run()) == [10, 10, 11]
