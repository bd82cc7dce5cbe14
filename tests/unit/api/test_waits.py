"""A server that stops wakes what sleeps; any other cancel passes."""

import asyncio

import pytest

from storax_api.waits import Waits


async def sleeper(waits: Waits) -> str:
    with waits.interruptible():
        await asyncio.sleep(60)
        return "slept"
    return "woken"


async def started(waits: Waits) -> asyncio.Task[str]:
    task = asyncio.create_task(sleeper(waits))
    await asyncio.sleep(0)
    return task


def test_a_stop_wakes_every_sleeper_without_an_error() -> None:
    async def run() -> list[str]:
        waits = Waits()
        tasks = [await started(waits), await started(waits)]
        waits.stop()
        return await asyncio.gather(*tasks)

    assert asyncio.run(run()) == ["woken", "woken"]


def test_a_client_that_leaves_is_still_cancelled() -> None:
    async def run() -> None:
        task = await started(Waits())
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())
