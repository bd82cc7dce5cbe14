"""Events that were archived are posted again too."""

from pathlib import Path

from archiving import archived, small_ranges
from fakes.receiver import Receiver
from storax_core.settings import Settings
from storax_workers.webhooks import shift
from waiting import eventually
from world import World

__all__ = ["small_ranges"]


def test_a_replay_posts_events_of_archives_in_order(world: World, tmp_path: Path) -> None:
    user = world.user()
    app, other = user.app(), user.app()
    user.jobs(app, 12)
    user.jobs(other, 2)
    expected = [event["position"] for event in user.events(app_id=app)]
    with Receiver() as receiver:
        hook = user.post("/webhooks/", {"name": "late", "url": receiver.url, "filter": {"app_id": app}})
        assert archived(world, tmp_path)
        assert [event["position"] for event in user.events(app_id=app)] == expected
        user.post(f"/webhooks/{hook['id']}/replay", {"position": 0})
        settings = Settings(webhook_private_addresses=True)

        def done() -> bool:
            world.run(shift.run(world.tasks_db, settings, seconds=0.01), seconds=120)
            return len(receiver.accepted) >= len(expected)

        eventually(done)
        assert [delivery.position for delivery in receiver.accepted] == expected
