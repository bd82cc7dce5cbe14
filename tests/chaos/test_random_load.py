"""After any random commands the log and the tables agree."""

import asyncio
import os
import random

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from chaos.random_load import RandomLoad
from storax_core.admin.rebuild import rebuild
from storax_core.admin.verify import verify
from storax_core.database.connections import Database

SEED = int(os.environ.get("STORAX_SEED", random.SystemRandom().randrange(2**32)))
LOADS = int(os.environ.get("STORAX_CHAOS_ROUNDS", "6"))


async def _run(url: str, number: int) -> RandomLoad:
    db = await Database.connect(url, size=10)
    try:
        load = RandomLoad(db, random.Random(number))
        await load.begin()
        await load.run(commands=160, at_once=4)
        async with db.owner(load.owner) as conn:
            alive = {r["id"] for r in await conn.fetch("SELECT id FROM job_state")}
        assert alive == load.accepted - load.deleted, "an accepted job was lost, or a deleted one came back"
        return load
    finally:
        await db.close()


@seed(SEED)
@settings(
    max_examples=LOADS,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(number=st.integers(0, 2**32))
def test_log_and_projections_agree_after_a_random_run(database_url: str, number: int) -> None:
    print(f"replay with STORAX_SEED={SEED}; load {number}")
    asyncio.run(_run(database_url, number))
    report = asyncio.run(verify(database_url))
    assert report["differences"] == 0, report


def test_tables_can_be_rebuilt_from_the_log(database_url: str) -> None:
    asyncio.run(_run(database_url, SEED))
    before = asyncio.run(verify(database_url))
    rows = asyncio.run(rebuild(database_url)).rows
    after = asyncio.run(verify(database_url))
    assert after["differences"] == 0, after
    assert {n: e["rows"] for n, e in before["entities"].items()} == rows


async def _rebuild_during(url: str, number: int) -> None:
    load = asyncio.create_task(_run(url, number))
    while not load.done():
        await rebuild(url)
    await load


def test_a_rebuild_during_random_commands_loses_nothing(database_url: str) -> None:
    print(f"replay with STORAX_SEED={SEED}")
    asyncio.run(_rebuild_during(database_url, SEED))
    report = asyncio.run(verify(database_url))
    assert report["differences"] == 0, report
