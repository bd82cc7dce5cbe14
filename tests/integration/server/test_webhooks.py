"""Webhooks: each event reaches its receiver, signed and in order, at least once; what fails is tried again, or paused."""

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fakes.receiver import Receiver
from storax_core import limits
from storax_core.admin.rebuild import rebuild
from storax_core.commands import create
from storax_core.errors import TooLarge
from storax_core.log.append import Context
from storax_core.resources import WEBHOOKS
from storax_core.settings import Settings
from storax_workers.webhooks import shift
from waiting import eventually
from world import User, World, as_login

WAITING = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
SOON = {"webhook_private_addresses": True, "webhook_retry_sec": 0.001, "webhook_timeout_sec": 15}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def user(world: World) -> Iterator[User]:
    """A user whose webhooks are gone after the test, so that no later shift works for them."""
    user = world.user()
    yield user
    user.delete("/webhooks/?all=true")


def webhook(user: User, receiver: Receiver, **fields: Any) -> dict[str, Any]:
    row: dict[str, Any] = user.post("/webhooks/", {"name": "hook", "url": receiver.url, **fields})
    return row


def work(world: World, done: Callable[[], Any], **settings: Any) -> None:
    """Run shifts of deliveries until something is so."""
    settings = {**SOON, **settings}

    def one() -> Any:
        world.run(shift.run(world.tasks_db, Settings(**settings), seconds=0.01), seconds=120)
        return done()

    eventually(one)


def state_of(user: User, hook: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = user.get(f"/webhooks/{hook['id']}")
    return row


def test_an_event_is_posted_as_json_of_cloud_events_with_a_signature(
    world: World, user: User, receiver: Receiver
) -> None:
    hook = webhook(user, receiver)
    site = user.site("signed")
    work(world, lambda: receiver.accepted)
    (got,), (event,) = receiver.accepted, user.events(entity="site")
    assert got.signed_with(hook["secret"])
    assert not got.signed_with("whsec_" + "A" * 43 + "=")
    assert abs(int(got.headers["webhook-timestamp"]) - time.time()) < 3600
    assert got.headers["content-type"].startswith("application/cloudevents+json")
    assert got.headers["webhook-id"] == f"msg_{hook['id']}_{event['position']}"
    assert got.event == {name: value for name, value in event.items() if name != "changes"}
    envelope = {name: value for name, value in json.loads(got.body).items() if name != "data"}
    assert envelope == {
        "specversion": "1.0", "id": str(event["position"]), "source": "/api/v1/events", "type": "site.created",
        "subject": f"site/{site}", "time": event["timestamp"], "datacontenttype": "application/json",
    }  # fmt: skip
    assert state_of(user, hook)["position"] >= event["position"]


def test_a_webhook_of_the_format_storax_gets_the_event_alone_as_the_list_has_it(
    world: World, user: User, receiver: Receiver
) -> None:
    hook = webhook(user, receiver, format="storax", filter={"type": "site.created"})
    user.site("plain")
    work(world, lambda: receiver.accepted)
    (got,), (event,) = receiver.accepted, user.events(type="site.created")
    assert got.signed_with(hook["secret"])
    assert got.headers["content-type"].startswith("application/json")
    assert json.loads(got.body) == {name: value for name, value in event.items() if name != "changes"}
    user.patch(f"/webhooks/{hook['id']}", {"format": "cloudevents"})
    user.post(f"/webhooks/{hook['id']}/replay", {"position": event["position"] - 1})
    work(world, lambda: len(receiver.accepted) == 2)
    assert receiver.accepted[1].position == event["position"]
    user.refused("PATCH", f"/webhooks/{hook['id']}", {"format": "xml"}, status=422, code="invalid")


def test_a_failed_delivery_is_tried_again_with_the_same_id_before_the_next_event(
    world: World, user: User, receiver: Receiver
) -> None:
    receiver.answers.extend([500, 503])
    hook = webhook(user, receiver)
    for number in range(3):
        user.site(f"again-{number}")
    work(world, lambda: receiver.deliveries, webhook_retry_sec=3600)
    state = state_of(user, hook)
    assert (state["failures"], state["problem"]) == (1, "the receiver answered 500 Internal Server Error")
    assert state["next_attempt"] > state["last_update"], "it waits"
    world.sql("UPDATE webhook SET next_attempt = now()")
    work(world, lambda: len(receiver.accepted) == 3)
    ids = [delivery.headers["webhook-id"] for delivery in receiver.deliveries]
    assert ids[0] == ids[1] == ids[2]
    assert [d.position for d in receiver.accepted] == [e["position"] for e in user.events(entity="site")]
    state = state_of(user, hook)
    assert (state["failures"], state["problem"], state["next_attempt"]) == (0, None, None)
    assert all(d.signed_with(hook["secret"]) for d in receiver.deliveries)


def test_the_wait_doubles_up_to_six_hours() -> None:
    settings = Settings(webhook_retry_sec=5)
    assert [shift.wait_sec(settings, number) for number in (1, 2, 3, 13, 14, 100)] == [5, 10, 20, 20480, 21600, 21600]


def test_all_events_of_a_long_list_arrive_in_order_and_none_of_another_user(
    world: World, user: User, receiver: Receiver
) -> None:
    webhook(user, receiver, filter={"entity": "job"})
    app, other = user.app(), world.user()
    other.jobs(other.app(), 3)
    user.jobs(app, 150)
    expected = [event["position"] for event in user.events(entity="job")]
    work(world, lambda: len(receiver.accepted) >= len(expected))
    assert [delivery.position for delivery in receiver.accepted] == expected


def test_a_webhook_gets_what_its_filter_names(world: World, user: User, receiver: Receiver) -> None:
    site = user.site()
    app, second = user.app(site), user.app(site)
    tags = {"campaign": "a"}
    webhook(user, receiver, name="one", filter={"app_id": app, "tags": tags, "site_id": site, "to_state": "CANCELLED"})
    wanted = user.job(app, tags=tags)["id"]
    others = [user.job(app)["id"], user.job(second, tags=tags)["id"]]
    user.post("/jobs/cancel", {"filter": {"id": [wanted, *others]}})
    last = webhook(user, receiver, name="last", filter={"type": "site.created"})
    user.site()
    work(world, lambda: len(receiver.accepted) >= 2 and state_of(user, last)["last_delivery"])
    of_jobs = [d.event for d in receiver.accepted if d.event["entity"] == "job"]
    assert [(event["entity_id"], event["to_state"]) for event in of_jobs] == [(wanted, "CANCELLED")]


def test_events_of_a_deleted_job_are_found_by_its_app(world: World, user: User) -> None:
    app, other = user.app(), user.app()
    job, kept = user.job(app)["id"], user.job(other)["id"]
    user.delete(f"/jobs/{job}")
    assert {event["entity_id"] for event in user.events(app_id=app)} == {job}
    assert [event["type"] for event in user.events(app_id=app)][-1] == "job.deleted"
    assert {event["entity_id"] for event in user.events(app_id=[app, other])} == {job, kept}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"filter": {"typ": "job.created"}}, "no filter 'typ'"),
        ({"filter": {"type": "job.made"}}, "filter type"),
        ({"filter": {"position__gt": 3}}, "cannot be filtered by 'position__gt'"),
        ({"url": "ftp://example.org/"}, "absolute URL"),
        ({"url": "https://user:word@example.org/"}, "user"),
        ({"url": "https:///path"}, "absolute URL"),
        ({"secret": "whsec_mine"}, "secret"),
    ],
)
def test_a_wrong_webhook_is_refused(user: User, wrong: dict[str, Any], said: str) -> None:
    row = {"name": "wrong", "url": "https://example.org/", **wrong}
    assert said in user.ask("POST", "/webhooks/", row).text
    user.refused("POST", "/webhooks/", row, status=422, code="invalid")


def test_a_user_has_a_bounded_number_of_webhooks(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WEBHOOKS", 2)
    rows = [{"name": f"hook-{number}", "url": "https://example.org/"} for number in range(3)]
    user.refused("POST", "/webhooks/", rows, status=413, code="too_large")
    secrets = [row["secret"] for row in user.post("/webhooks/", rows[:2])["results"]]
    assert len(set(secrets)) == 2
    assert all(secret.startswith("whsec_") for secret in secrets)
    user.refused("POST", "/webhooks/", rows[0], status=413, code="too_large")


def test_two_calls_at_the_same_moment_create_no_more_webhooks_than_the_limit(
    world: World, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WEBHOOKS", 1)

    async def call(conn: Any, name: str) -> None:
        rows = [{"name": name, "url": "https://example.org/"}]
        await create.create(conn, Context(user.id, "test"), WEBHOOKS, rows)

    async def later() -> None:
        async with world.db.owner_writing(user.id) as conn:
            await call(conn, "two")

    async def both() -> None:
        async with world.db.worker() as watch, world.db.owner_writing(user.id) as conn:
            await call(conn, "one")
            second = asyncio.create_task(later())
            while not second.done() and not await watch.fetchval(WAITING):
                await asyncio.sleep(0.01)
        with pytest.raises(TooLarge):
            await second

    world.run(both(), seconds=120)


def test_a_lost_row_comes_back_with_its_secret_and_begins_behind_its_creation(
    world: World, user: User, receiver: Receiver
) -> None:
    hook = webhook(user, receiver, filter={"entity": "site"})
    user.site("before")
    work(world, lambda: len(receiver.accepted) == 1)
    world.sql("DELETE FROM webhook WHERE id = $1", hook["id"])
    asyncio.run(rebuild(world.database_url))
    assert state_of(user, hook)["position"] == hook["position"]
    work(world, lambda: len(receiver.accepted) == 2)
    assert {delivery.headers["webhook-id"] for delivery in receiver.accepted} == {
        f"msg_{hook['id']}_{receiver.accepted[0].position}"
    }
    assert receiver.accepted[1].signed_with(hook["secret"])


def test_a_replay_posts_again_what_is_behind_a_position(world: World, user: User, receiver: Receiver) -> None:
    hook = webhook(user, receiver, filter={"entity": "site"})
    for number in range(3):
        user.site(f"replayed-{number}")
    work(world, lambda: len(receiver.accepted) == 3)
    first = [delivery.headers["webhook-id"] for delivery in receiver.accepted]
    user.post(f"/webhooks/{hook['id']}/replay", {"position": receiver.accepted[0].position})
    work(world, lambda: len(receiver.accepted) == 5)
    assert [delivery.headers["webhook-id"] for delivery in receiver.accepted] == [*first, *first[1:]]
    assert [e["data"]["note"] for e in user.events(type="webhook.replayed")] == [
        {"position": receiver.accepted[0].position}
    ]
    user.refused("POST", f"/webhooks/{hook['id']}/replay", {"position": 2**60}, status=410, code="lost_position")


def test_a_replay_during_a_delivery_is_not_lost(world: World, user: User, receiver: Receiver) -> None:
    hook = webhook(user, receiver, filter={"entity": "site"})
    user.site("one")
    work(world, lambda: len(receiver.accepted) == 1)
    receiver.gate.clear()
    user.site("two")
    end = user.events(entity="site")[-1]["position"]
    eventually(lambda: world.value("SELECT position FROM feed WHERE name = 'published'") >= end)
    task = asyncio.run_coroutine_threadsafe(shift.run(world.tasks_db, Settings(**SOON), seconds=0.01), world.loop)
    eventually(lambda: len(receiver.arrived) == 2)
    user.post(f"/webhooks/{hook['id']}/replay", {"position": hook["position"]})
    receiver.gate.set()
    task.result(120)
    work(world, lambda: len(receiver.accepted) == 4)
    names = [delivery.event["data"]["name"] for delivery in receiver.accepted]
    assert names == ["one", "two", "one", "two"]


def test_a_webhook_is_paused_after_the_last_attempt_and_goes_on_with_the_same_event(
    world: World, user: User, receiver: Receiver
) -> None:
    hook = webhook(user, receiver)
    receiver.answers.extend([500] * 3)
    user.site("kept")
    work(world, lambda: not state_of(user, hook)["enabled"], webhook_attempts=3)
    assert len(receiver.deliveries) == 3
    state = state_of(user, hook)
    assert state["problem"] == "3 attempts failed, the last one so: the receiver answered 500 Internal Server Error"
    assert state["position"] < receiver.deliveries[0].position, "the event is not given up"
    (paused,) = user.events(type="webhook.paused")
    assert (paused["actor"], paused["data"]) == ("system:webhooks", {"enabled": False, "reason": state["problem"]})
    work(world, lambda: True)
    assert len(receiver.deliveries) == 3, "a paused webhook gets nothing"
    user.patch(f"/webhooks/{hook['id']}", {"enabled": True})
    assert state_of(user, hook)["problem"] is None
    work(world, lambda: receiver.accepted)
    assert receiver.accepted[0].headers["webhook-id"] == receiver.deliveries[0].headers["webhook-id"]


def test_a_receiver_that_is_gone_pauses_its_webhook_at_once(world: World, user: User, receiver: Receiver) -> None:
    hook = webhook(user, receiver)
    receiver.answers.append(410)
    user.site()
    work(world, lambda: not state_of(user, hook)["enabled"])
    assert len(receiver.deliveries) == 1
    assert state_of(user, hook)["problem"] == "the receiver answered 410 Gone"


def test_a_redirect_is_not_followed(world: World, user: User, receiver: Receiver) -> None:
    with Receiver() as elsewhere:
        receiver.location = elsewhere.url
        receiver.answers.append(307)
        hook = webhook(user, receiver)
        user.site()
        work(world, lambda: state_of(user, hook)["failures"], webhook_retry_sec=3600)
        assert "redirects are not followed" in state_of(user, hook)["problem"]
        assert not elsewhere.arrived


def test_an_answer_that_does_not_come_is_a_failure_and_a_long_one_is_not_read(
    world: World, user: User, receiver: Receiver
) -> None:
    hook = webhook(user, receiver)
    receiver.gate.clear()
    user.site()
    work(world, lambda: state_of(user, hook)["failures"], webhook_timeout_sec=0.2, webhook_retry_sec=3600)
    assert state_of(user, hook)["problem"] == "no answer within 0.2 s"
    receiver.padding = b"x" * (64 << 20)
    receiver.gate.set()
    world.sql("UPDATE webhook SET next_attempt = now()")
    work(world, lambda: state_of(user, hook)["failures"] == 0)


def test_an_address_that_is_not_public_is_refused_unless_the_operator_allows_it(
    world: World, user: User, receiver: Receiver
) -> None:
    hook = webhook(user, receiver)
    user.site()
    work(world, lambda: not state_of(user, hook)["enabled"], webhook_private_addresses=False)
    assert not receiver.arrived
    assert "127.0.0.1 has an address that is not public" in state_of(user, hook)["problem"]
    assert Settings().webhook_private_addresses is False


def test_a_slow_receiver_holds_up_no_other_webhook(world: World, user: User, receiver: Receiver) -> None:
    with Receiver() as slow:
        slow.gate.clear()
        webhook(user, slow, name="slow")
        webhook(user, receiver, name="quick", filter={"entity": "site"})
        user.site("first")
        task = asyncio.run_coroutine_threadsafe(shift.run(world.tasks_db, Settings(**SOON), seconds=60), world.loop)
        eventually(lambda: slow.arrived and receiver.accepted)
        user.site("second")
        eventually(lambda: len(receiver.accepted) == 2)
        assert len(slow.arrived) == 1
        user.delete("/webhooks/?all=true")
    task.result(120)


def test_the_secret_is_in_no_row_event_or_log(
    world: World, user: User, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    key = user.key()
    with caplog.at_level(logging.DEBUG):
        hook = user.post("/webhooks/", {"name": "hook", "url": receiver.url}, **key)
        again = user.post("/webhooks/", {"name": "hook", "url": receiver.url}, **key)
        rotated = user.post(f"/webhooks/{hook['id']}/rotate")
        receiver.answers.append(500)
        user.site()
        work(world, lambda: receiver.accepted)
    assert again["secret"] == hook["secret"], "a repeat of the call has its answer"
    assert hook["secret"] != rotated["secret"]
    for row in (
        state_of(user, hook),
        *user.get("/webhooks/")["results"],
        user.patch(f"/webhooks/{hook['id']}", {"name": "other"}),
    ):
        assert row["secret"] is None
    for secret in (hook["secret"], rotated["secret"]):
        text = secret.removeprefix("whsec_")
        for table, column in (
            ("event_log", "t::text"),
            ("webhook", "t::text"),
            ("command", "convert_from(t.answer, 'UTF8')"),
        ):
            assert not world.value(f"SELECT count(*) FROM {table} t WHERE {column} LIKE '%' || $1 || '%'", text)
        assert text not in caplog.text


def test_for_a_day_after_a_rotation_both_secrets_sign(world: World, user: User, receiver: Receiver) -> None:
    old = webhook(user, receiver, filter={"entity": "site"})
    new = user.post(f"/webhooks/{old['id']}/rotate")
    user.site()
    work(world, lambda: len(receiver.accepted) == 1)
    world.sql("UPDATE webhook SET rotated_at = now() - interval '25 hours'")
    user.site()
    work(world, lambda: len(receiver.accepted) == 2)
    first, second = receiver.accepted
    assert [d.signed_with(old["secret"]) for d in (first, second)] == [True, False]
    assert [d.signed_with(new["secret"]) for d in (first, second)] == [True, True]
    assert [e["data"] for e in user.events(type="webhook.secret_rotated")] == [{"secret_version": 2}]


def test_the_role_that_works_for_users_cannot_read_the_key_of_the_secrets(world: World, user: User) -> None:
    user.post("/webhooks/", {"name": "hook", "url": "https://example.org/"})
    assert world.value("SELECT count(*) FROM server_key WHERE name = 'webhooks'") == 1
    with pytest.raises(Exception, match="permission denied"):
        world.sql("SELECT key FROM server_key", role="storax_app")


@pytest.fixture
def worker(world: World) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts the part of the server that runs tasks, as a process."""
    environment = {
        **os.environ, "STORAX_DATABASE_URL": as_login(world.database_url, "storax_tasks"),
        "STORAX_REDIS_URL": as_login(world.redis_url, "storax_tasks"), "STORAX_WEBHOOK_PRIVATE_ADDRESSES": "true",
    }  # fmt: skip
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-m", "storax_workers", "tasks"], env=environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait(60)


def test_a_killed_worker_is_followed_by_one_that_goes_on_behind_the_last_delivery(
    world: World, user: User, receiver: Receiver, worker: Callable[[], subprocess.Popen[bytes]]
) -> None:
    webhook(user, receiver, filter={"entity": "site"})
    first = worker()
    user.site("one")
    eventually(lambda: len(receiver.accepted) == 1)
    receiver.gate.clear()
    for name in ("two", "three"):
        user.site(name)
    eventually(lambda: len(receiver.arrived) == 2)
    first.send_signal(signal.SIGKILL)
    first.wait(60)
    receiver.gate.set()
    eventually(lambda: len(receiver.deliveries) == 2)  # the answer that nobody heard
    worker()
    eventually(lambda: len(receiver.deliveries) == 4)
    names = [delivery.event["data"]["name"] for delivery in receiver.deliveries]
    assert names == ["one", "two", "two", "three"], "at least once, in order"
