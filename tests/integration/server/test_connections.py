"""Connections to Postgres: whose rows they show after calls that were cancelled, and what else they may keep."""

import asyncio
import contextlib
import random
import threading
from collections import Counter
from collections.abc import Coroutine
from typing import Any

import pytest
from asyncpg.pool import PoolConnectionProxy

from storax_api.app import create_app
from storax_core.database import roles
from storax_core.database.connections import Connection, Database
from storax_core.errors import Unavailable
from storax_core.queries.bounded import fetch_bounded
from storax_core.resources import SITES
from waiting import eventually
from world import World, execute

LENDINGS = 3000
JOINS = {"enable_hashjoin", "enable_mergejoin", "enable_seqscan"}
SIZE = 4
LEFT_BEHIND = """SELECT (SELECT array_agg(name ORDER BY name) FROM pg_settings WHERE source = 'session') AS settings,
(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks,
pg_current_xact_id_if_assigned() IS NOT NULL AS writing"""


class Borrowers:
    """Calls of several owners that borrow connections, most of them cancelled after some rounds of the event loop."""

    def __init__(self, db: Database, owners: list[int], seed: int) -> None:
        self.db, self.owners, self.rng = db, owners, random.Random(seed)
        self.outcomes: Counter[str] = Counter()

    async def run(self) -> None:
        """Lend until enough rows were seen: the slower Postgres is, the fewer calls come to them before they end."""
        while self.outcomes["right"] <= LENDINGS / 2 and not self.outcomes["wrong"]:
            await asyncio.gather(*(self._calls() for _ in range(2 * SIZE)))

    async def _calls(self) -> None:
        for _ in range(LENDINGS // (2 * SIZE)):
            owner, writes = self.rng.choice(self.owners), self.rng.random() < 0.3
            await self._call_or_cancel(self._writes(owner) if writes else self._reads(owner))

    async def _call_or_cancel(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        if self.rng.random() < 0.7:
            for _ in range(self.rng.randrange(12)):
                await asyncio.sleep(0)
            if self.rng.random() < 0.5:
                await asyncio.sleep(self.rng.random() / 500)
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        self.outcomes["cancelled" if task.cancelled() else "finished"] += 1

    async def _reads(self, owner: int) -> None:
        async with self.db.owner(owner) as conn:
            await self._check_rows(conn, owner)
            await self._check_rows(conn, owner)

    async def _writes(self, owner: int) -> None:
        async with self.db.owner_writing(owner) as conn:
            await self._check_rows(conn, owner)
            await conn.execute("UPDATE site SET path = path || 'x' WHERE id = 0")

    async def _check_rows(self, conn: Connection, owner: int) -> None:
        shown = {row[0] for row in await conn.fetch("SELECT owner_id FROM site")}
        self.outcomes["right" if shown == {owner} else "wrong"] += 1


@pytest.fixture(scope="module")
def owners(world: World) -> list[int]:
    users = [world.user() for _ in range(5)]
    for user in users:
        user.site()
    return [user.id for user in users]


def test_calls_that_are_cancelled_at_any_moment_show_nobody_another_owners_rows(
    world: World, owners: list[int]
) -> None:
    seed = random.randrange(10**6)

    async def work() -> tuple[Counter[str], list[Any]]:
        db = await Database.connect(world.database_url, size=SIZE)
        borrowers = Borrowers(db, owners, seed)
        await borrowers.run()
        async with contextlib.AsyncExitStack() as stack:
            lent = [await stack.enter_async_context(db.owner(owners[n % 5])) for n in range(SIZE)]
            kept = [await conn.fetchrow(LEFT_BEHIND) for conn in lent]
        await db.close()
        return borrowers.outcomes, kept

    outcomes, kept = asyncio.run(work())
    print(f"seed {seed}: {dict(outcomes)}")
    assert outcomes["wrong"] == 0, f"seed {seed}"
    assert outcomes["cancelled"] > LENDINGS / 4
    assert outcomes["right"] > LENDINGS / 2
    for settings, locks, writing in kept:
        assert set(settings) <= {"application_name", "storax.owner", "plan_cache_mode"} | JOINS, (
            "what outlives a statement is the owner, and how reads are planned"
        )
        assert (locks, writing) == (0, False)


def test_the_owner_of_a_transaction_ends_with_it(world: World, owners: list[int]) -> None:
    one, other = owners[:2]

    async def work() -> list[set[int]]:
        db = await Database.connect(world.database_url, size=2)
        sites = "SELECT owner_id FROM site"
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(db.owner(one))  # so that one connection is left
            async with db.owner(one) as conn:
                before = conn.get_server_pid()
            async with db.owner_writing(other) as conn:
                shown = [{row[0] for row in await conn.fetch(sites)}]
                assert conn.get_server_pid() == before
            async with db.owner(one) as conn:
                shown.append({row[0] for row in await conn.fetch(sites)})
                assert conn.get_server_pid() == before
        await db.close()
        return shown

    assert asyncio.run(work()) == [{other}, {one}]


def test_an_owner_costs_a_statement_where_a_reader_comes_after_another_owner_alone(
    world: World, owners: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    execute, here = PoolConnectionProxy.execute, threading.get_ident()

    async def note(conn: Connection, query: str, *values: Any, **options: Any) -> Any:
        if threading.get_ident() == here:  # not what the server in this process sends meanwhile
            sent.append(query.split()[0])
        return await execute(conn, query, *values, **options)

    monkeypatch.setattr(PoolConnectionProxy, "execute", note)

    async def work() -> list[list[str]]:
        db = await Database.connect(world.database_url, size=2)
        rounds = []
        one, other = owners[:2]
        for lend, owner in (
            (db.owner, one), (db.owner, one), (db.owner_writing, one), (db.owner_writing, other), (db.owner, one), (db.owner, other),
        ):  # fmt: skip
            sent.clear()
            async with lend(owner):
                pass
            rounds.append(list(sent))
        await db.close()
        return rounds

    transaction = ["BEGIN;", "COMMIT"]
    assert asyncio.run(work()) == [["SELECT"], [], transaction, transaction, [], ["SELECT"]]


def test_a_session_of_its_own_ends_with_its_block_and_so_do_its_locks(world: World) -> None:
    lock = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND granted"

    async def hold() -> None:
        db = await Database.connect(world.database_url, size=2)
        with contextlib.suppress(asyncio.CancelledError):
            async with db.session(statement_timeout="5s") as conn:
                assert await conn.fetchval("SHOW statement_timeout") == "5s"
                await conn.execute("SELECT pg_advisory_lock(4711)")
                assert world_count() == 1
                raise asyncio.CancelledError
        await db.close()

    def world_count() -> int:
        return int(world.value(lock))

    asyncio.run(hold())
    eventually(lambda: world_count() == 0)  # Postgres notices by itself that the connection is gone


def test_a_connection_that_is_cut_between_two_reads_is_an_outage_and_no_error_of_the_server(
    world: World, owners: list[int]
) -> None:
    async def read() -> None:
        db = await Database.connect(world.database_url, size=2)
        try:
            async with db.owner(owners[0]) as conn:
                pid = conn.get_server_pid()
                await execute(world.database_url, f"SELECT pg_terminate_backend({pid}, 30000)")
                while "[released]" not in repr(conn):  # until the process has heard of it
                    await asyncio.sleep(0.01)
                await fetch_bounded(conn, SITES, "SELECT * FROM site", [], rows=10, size=1000)
        finally:
            await db.close()

    with pytest.raises(Unavailable):
        asyncio.run(read())


def test_an_api_that_loses_postgres_while_it_starts_closes_its_connections(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: Database) -> str:
        raise Unavailable("Postgres does not answer")

    monkeypatch.setattr(roles, "excess", fail)

    async def start() -> None:
        app = create_app(world.settings)
        with pytest.raises(Unavailable):
            await app.router.lifespan_context(app).__aenter__()
        db = app.state.service.db
        assert (db._app.is_closing(), db._worker.is_closing(), db._worker.get_size()) == (True, True, 0)
        await asyncio.wait([db._watching])
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(start())
