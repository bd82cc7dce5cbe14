"""A server that stops wakes what sleeps; any other cancel passes."""

import asyncio

import pytest

from storax_api.waits import Waits


async def sleeper(waits: Waits) -> str:
    return await waits.sleep(asyncio.sleep(60, "slept")) or "woken"


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


def test_a_request_that_would_sleep_after_the_stop_does_not() -> None:
    async def run() -> str:
        waits = Waits()
        waits.stop()
        return await asyncio.wait_for(sleeper(waits), 30)

    assert asyncio.run(run()) == "woken"


def test_a_client_that_leaves_is_still_cancelled() -> None:
    async def run() -> None:
        task = await started(Waits())
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())
