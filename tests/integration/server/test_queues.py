"""The queues' hints on a real Redis-compatible server that goes away and comes back."""

import asyncio
from typing import Any, cast

import pytest
import redis

from proxy import Proxy
from storax_core.queues import FEED_BYTES, FEED_KEPT, FILLED, QUEUE_BYTES, QUEUE_KEPT, QueueDown, Queues
from storax_core.redis_connections import QUICK_SEC, REST_SEC
from storax_workers.feeder import HEAD_LENGTH, Feeder
from waiting import eventually
from world import World

NOBODY: Any = None


def test_hints_that_could_not_be_given_have_the_feeder_fill_the_queues_anew(redis_url: str) -> None:
    with Proxy(redis_url) as proxy:

        async def work() -> None:
            queues = Queues(proxy.url)
            await queues.mark(FILLED, "yes")
            proxy.cut()
            with pytest.raises(QueueDown):
                await queues.wake([(1, 2, 0)])
            proxy.heal()
            await asyncio.sleep(REST_SEC)
            assert await queues.marked(FILLED)
            await queues.wake()
            assert await queues.marked(FILLED) is None
            await queues.mark(FILLED, "yes")
            await queues.wake()
            assert await queues.marked(FILLED)
            await queues.close()

        asyncio.run(work())


def test_jobs_are_popped_by_priority_then_age_whoever_put_them_there(redis_url: str) -> None:
    async def work() -> list[Any]:
        queues = Queues(redis_url)
        await queues.wake([(901, 5, 0), (901, 4, 0), (902, 1, 0)])
        await queues.push_many([("ready", 901, [(9, 3), (5, 0)])])
        popped = await queues.pop("ready", 901, 10)
        await queues.close()
        return popped

    assert asyncio.run(work()) == [9, 4, 5]


def test_the_feeder_puts_no_job_back_that_was_dropped_while_it_looked(redis_url: str) -> None:
    async def work() -> list[Any]:
        class Looking:
            """A connection whose search finds two jobs; the first is leased, and dropped from its queue, meanwhile."""

            async def fetch(self, _: str) -> list[dict[str, int]]:
                await feeder._drop([{"entity": "job", "site_id": 903, "entity_id": 1}])
                return [{"id": number, "site_id": 903, "priority": 0} for number in (1, 2)]

        queues, looking = Queues(redis_url), cast("Any", Looking())
        feeder = Feeder(NOBODY, queues)
        await feeder._put_back("ready", looking, "")
        popped = await queues.pop("ready", 903, 10)
        await queues.close()
        return popped

    assert asyncio.run(work()) == [2]


def test_a_call_that_outlives_the_shutdown_leaves_no_connection_open(redis_url: str) -> None:
    async def work() -> list[bool]:
        queues = Queues(redis_url)
        async with queues._quick():
            await queues.close()
            await queues._redis.set("late", b"1")
        with pytest.raises(QueueDown, match="closed"):
            await queues.mark("later", "yes")
        pools = [client.connection_pool for client in (queues._redis, queues._sleeping)]
        return [one.is_connected for pool in pools for one in (*pool._available_connections, *pool._in_use_connections)]

    assert asyncio.run(work()) == [False]


def test_the_stream_and_a_queue_hold_no_more_memory_however_much_is_written(redis_url: str) -> None:
    newest = 10**18  # the longest numbers

    async def work() -> tuple[int, int, int, list[int]]:
        queues = Queues(redis_url)
        for place in range(10 * FEED_KEPT):
            assert await queues.publish(newest + place)
        for first in range(newest, newest + 2 * QUEUE_KEPT, 1000):
            await queues.wake((904, job, 0) for job in range(first, first + 1000))
        await queues.wake([(904, 7, 9)])
        sizes = [await queues._redis.memory_usage(key, samples=0) for key in ("feed", "ready:904")]
        answer = (*sizes, await queues.lengths("ready", [904]), await queues.pop("ready", 904, 1))
        await queues.drop_feed()
        await queues._redis.delete("ready:904")
        await queues.close()
        return cast("tuple[int, int, int, list[int]]", answer)

    stream, queue, length, first = asyncio.run(work())
    assert (stream < FEED_BYTES, queue < QUEUE_BYTES) == (True, True), (stream, queue)
    assert (length, first) == (QUEUE_KEPT, [7])


def test_a_queue_that_ended_before_the_work_did_is_filled_from_postgres(world: World) -> None:
    user = world.user()
    site = user.site()
    app, _ = user.app(site), user.session(site)
    jobs = user.jobs(app, 2 * HEAD_LENGTH + 1)
    with redis.Redis.from_url(world.redis_url) as server:
        eventually(lambda: server.get(FILLED) and server.zcard(f"ready:{site}") == len(jobs))
        server.delete(f"ready:{site}")
        eventually(lambda: server.zcard(f"ready:{site}") == len(jobs))


def test_many_jobs_are_queued_within_the_deadline_of_a_redis_that_takes_its_time_for_each(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> list[int]:
        queues = Queues(redis_url)
        real = queues._redis.pipeline

        def slow(**how: Any) -> Any:
            pipe: Any = real(**how)
            execute = pipe.execute

            async def taking_its_time() -> Any:
                ids = sum(len(command[0]) // 2 - 1 for command in pipe.command_stack if command[0][0] == "ZADD")
                await asyncio.sleep(ids * QUICK_SEC / 40_000)
                return await execute()

            pipe.execute = taking_its_time
            return pipe

        monkeypatch.setattr(queues._redis, "pipeline", slow)
        await queues.push_many([("ready", 905, [(1, 0)])])
        few, many = [(number, 0) for number in range(3)], [(number, 0) for number in range(50_000)]
        added = await queues.push_many([("ready", 905, few), ("ready", 906, many), ("batch", 905, few)])
        await queues._redis.delete("ready:905", "ready:906", "batch:905")
        await queues.close()
        return added

    assert asyncio.run(work()) == [2, 50_000, 3]
