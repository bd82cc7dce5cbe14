"""A share for each owner: nobody waits for another, and a place is never lost or given twice."""

import asyncio
import random

import pytest

from storax_core.database.shares import Shares
from storax_core.errors import TooMany


def test_one_owner_fills_its_share_and_another_still_gets_in() -> None:
    async def run() -> None:
        shares = Shares(2, wait=0.05, of="calls")
        async with shares.of(1), shares.of(1):
            async with shares.of(2):
                pass
            with pytest.raises(TooMany, match="more than 2 calls of yours at once") as refused:
                await shares.enter(1)
            assert refused.value.retry_after >= 1
        async with shares.of(1):
            pass
        assert shares._lines == {}

    asyncio.run(run())


def test_those_that_wait_get_their_turn_in_order() -> None:
    async def run() -> list[int]:
        shares, order = Shares(1, wait=10, of="calls"), list[int]()

        async def call(number: int) -> None:
            async with shares.of(1):
                order.append(number)
                await asyncio.sleep(0)

        await asyncio.gather(*(call(n) for n in range(20)))
        return order

    assert asyncio.run(run()) == list(range(20))


@pytest.mark.parametrize("seed", range(5))
def test_calls_that_are_cancelled_at_any_moment_leave_every_place_free(seed: int) -> None:
    chance = random.Random(seed)

    async def run() -> None:
        shares, inside = Shares(2, wait=0.02, of="calls"), [0]

        async def call() -> None:
            async with shares.of(1):
                inside[0] += 1
                assert inside[0] <= 2
                try:
                    await asyncio.sleep(chance.random() / 200)
                finally:
                    inside[0] -= 1

        tasks = [asyncio.create_task(call()) for _ in range(200)]
        for task in chance.sample(tasks, 100):
            await asyncio.sleep(chance.random() / 2000)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert shares._lines == {}

    asyncio.run(run())
