"""How the API tells Redis of new jobs: one round trip for all calls that commit in the meantime."""

from collections.abc import Sequence

from waiting import eventually
from world import World


def publications(world: World) -> int:
    return int(world.redis.info("commandstats").get("cmdstat_publish", {}).get("calls", 0))


def notify(world: World, site: int, jobs: Sequence[int]) -> None:
    """Have calls commit one right after the other, each with one new job."""
    service = world.app.state.service

    async def commit() -> None:
        for job in jobs:
            service.notify_feeder([(site, job, 0)])

    world.run(commit())


def test_calls_that_commit_together_wake_the_feeder_once(world: World) -> None:
    before, site = publications(world), 990_001
    for _ in range(3):
        notify(world, site, range(1, 51))
        eventually(lambda: world.redis.zcard(f"ready:{site}") == 50)
        world.redis.delete(f"ready:{site}")
    assert publications(world) - before == 3


def test_a_wake_that_redis_does_not_take_keeps_no_later_one_back(world: World) -> None:
    site = 990_002
    world.redis.set(f"ready:{site}", "of another program")
    notify(world, site, [1])
    eventually(lambda: not world.redis.exists(f"ready:{site}"))
    notify(world, site, [2])
    eventually(lambda: world.redis.zcard(f"ready:{site}") == 1)
