"""After any storm of commands the log is still the truth."""

import asyncio
import os
import random

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from chaos.storm import Storm
from storax_core.admin.rebuild import rebuild
from storax_core.admin.verify import verify
from storax_core.database.connections import Database

SEED = int(os.environ.get("STORAX_SEED", random.SystemRandom().randrange(2**32)))
STORMS = int(os.environ.get("STORAX_CHAOS_ROUNDS", "6"))


async def _storm(url: str, number: int) -> Storm:
    db = await Database.connect(url, size=10)
    try:
        storm = Storm(db, random.Random(number))
        await storm.begin()
        await storm.blow(commands=160, at_once=4)
        async with db.owner(storm.owner) as conn:
            alive = {r["id"] for r in await conn.fetch("SELECT id FROM job_state")}
        assert alive == storm.accepted - storm.deleted, "an accepted job was lost, or a deleted one came back"
        return storm
    finally:
        await db.close()


@seed(SEED)
@settings(
    max_examples=STORMS,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(number=st.integers(0, 2**32))
def test_log_and_projections_agree_after_a_random_storm(database_url: str, number: int) -> None:
    print(f"replay with STORAX_SEED={SEED}; storm {number}")
    asyncio.run(_storm(database_url, number))
    report = asyncio.run(verify(database_url))
    assert report["differences"] == 0, report


def test_projections_can_be_made_anew_from_the_log(database_url: str) -> None:
    asyncio.run(_storm(database_url, SEED))
    before = asyncio.run(verify(database_url))
    rows = asyncio.run(rebuild(database_url))
    after = asyncio.run(verify(database_url))
    assert after["differences"] == 0, after
    assert {n: e["rows"] for n, e in before["entities"].items()} == rows


async def _rebuild_amid(url: str, number: int) -> None:
    storm = asyncio.create_task(_storm(url, number))
    while not storm.done():
        await rebuild(url)
    await storm


def test_a_rebuild_amid_a_storm_loses_nothing(database_url: str) -> None:
    print(f"replay with STORAX_SEED={SEED}")
    asyncio.run(_rebuild_amid(database_url, SEED))
    report = asyncio.run(verify(database_url))
    assert report["differences"] == 0, report
