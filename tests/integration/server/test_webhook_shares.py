"""Webhooks of many users share a worker: none holds up another, and none costs more than what it gets."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from fakes.receiver import Receiver
from storax_core.commands.webhooks import deliveries
from storax_core.database import heartbeats
from storax_core.errors import Unavailable
from storax_core.settings import Settings
from storax_workers.webhooks import shift
from waiting import eventually
from world import User, World

LIMITS: dict[str, Any] = {"webhook_private_addresses": True, "webhook_retry_sec": 0.001}
PATIENT = Settings(**LIMITS).model_copy(update={"webhook_timeout_sec": 600})  # longer than any test waits


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def users(world: World) -> Iterator[tuple[User, User]]:
    """Two users whose webhooks are gone after the test."""
    users = world.user(), world.user()
    yield users
    for user in users:
        user.delete("/webhooks/?all=true")


def begin(world: World, seconds: float) -> Future[None]:
    return asyncio.run_coroutine_threadsafe(shift.run(world.tasks_db, PATIENT, seconds=seconds), world.loop)


def webhooks(user: User, receiver: Receiver, number: int = 1, **fields: Any) -> list[int]:
    rows = [{"name": f"hook-{n}", "url": receiver.url, **fields} for n in range(number)]
    return [row["id"] for row in user.post("/webhooks/", rows)["results"]]


def publish(world: World, user: User) -> None:
    end = user.events(entity="site")[-1]["position"]
    eventually(lambda: world.value("SELECT position FROM feed WHERE name = 'published'") >= end)


def test_slow_receivers_of_one_user_hold_up_no_other_user(
    world: World, users: tuple[User, User], receiver: Receiver
) -> None:
    one, other = users
    with Receiver() as slow:
        slow.gate.clear()
        webhooks(one, slow, shift.AT_ONCE + 1)
        webhooks(other, receiver, filter={"entity": "site"})
        one.site()
        publish(world, one)
        task = begin(world, 60)
        eventually(lambda: len(slow.arrived) == shift.OF_ONE_OWNER)
        other.site()
        eventually(lambda: receiver.accepted)
        assert len(slow.arrived) == shift.OF_ONE_OWNER
        for user in users:
            user.delete("/webhooks/?all=true")
    task.result(120)
    assert len(slow.arrived) == shift.OF_ONE_OWNER, "those that waited in line were deleted meanwhile"


def test_webhooks_take_turns_where_places_are_few(
    world: World, users: tuple[User, User], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shift, "OF_ONE_OWNER", 1)
    monkeypatch.setattr(shift, "TURN_SEC", -1)  # one event
    user, _ = users
    hooks = webhooks(user, receiver, 2, filter={"entity": "site"})
    for _ in range(3):
        user.site()
    publish(world, user)

    def work() -> bool:
        begin(world, 0.01).result(120)
        return len(receiver.accepted) == 6

    eventually(work)
    senders = [int(delivery.headers["webhook-id"].split("_")[1]) for delivery in receiver.accepted]
    assert sorted(senders[:2]) == hooks


def test_an_event_whose_delivery_cannot_be_recorded_is_not_posted_again_and_again(
    world: World, users: tuple[User, User], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    due = deliveries.due

    async def counted(conn: Any, **how: float) -> Any:
        looks.append(len(receiver.deliveries))
        return await due(conn, **how)

    async def full(*_: Any) -> bool:
        raise Unavailable("Postgres cannot write: its disk is full", hint="Make room.")

    monkeypatch.setattr(deliveries, "due", counted)
    monkeypatch.setattr(deliveries, "delivered", full)
    for name, value in (("POLL_SEC", 0.01), ("LOOK_SEC", 0), ("REST_SEC", 3600)):
        monkeypatch.setattr(shift, name, value)
    user, _ = users
    webhooks(user, receiver)
    user.site()
    task = begin(world, 60)
    eventually(lambda: sum(number > 0 for number in looks) >= 20)
    assert len(receiver.deliveries) == 1
    user.delete("/webhooks/?all=true")
    task.result(120)


def test_a_shift_goes_on_leading_while_its_last_attempts_are_under_way(
    world: World, users: tuple[User, User], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats: list[str] = []
    beat = heartbeats.beat

    async def counted(conn: Any, name: str, limit_sec: int) -> None:
        beats.append(name)
        await beat(conn, name, limit_sec)

    user, _ = users
    receiver.gate.clear()
    webhooks(user, receiver)
    user.site()
    publish(world, user)
    monkeypatch.setattr(heartbeats, "beat", counted)
    task = begin(world, 0.01)
    eventually(lambda: receiver.arrived)
    monkeypatch.setattr(shift, "BEAT_SEC", 0.01)
    eventually(lambda: beats.count("webhooks") >= 5)
    assert not receiver.deliveries
    receiver.gate.set()
    task.result(120)


def test_events_of_one_user_cause_no_search_for_webhooks_of_another(
    world: World, users: tuple[User, User], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches: Counter[int] = Counter()
    next_events = deliveries.next_events

    async def counted(conn: Any, hook: deliveries.DueWebhook, after: int) -> Any:
        searches[hook.id] += 1
        return await next_events(conn, hook, after)

    monkeypatch.setattr(deliveries, "next_events", counted)
    (quiet, busy), sites = users, {"entity": "site"}
    with Receiver() as elsewhere:
        (hook,) = webhooks(quiet, elsewhere, filter=sites)
        webhooks(busy, receiver, filter=sites)
        quiet.site()
        task = begin(world, 60)
        eventually(lambda: elsewhere.accepted)
        eventually(lambda: world.value("SELECT last_delivery IS NOT NULL FROM webhook WHERE id = $1", hook))
        before = searches[hook]
        for number in range(1, 4):
            busy.site()
            eventually(lambda: len(receiver.accepted) == number)  # noqa: B023 - called at once
        assert searches[hook] == before
        quiet.site()
        eventually(lambda: len(elsewhere.accepted) == 2)
        for user in users:
            user.delete("/webhooks/?all=true")
        task.result(120)
