"""The event stream while its tables are locked, its reads time out and Redis holds what is not ours: nothing is missed."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from typing import cast

import pytest
import redis

from chaos.kit.database import holding
from storax_api.events import broadcast
from storax_core.queues import Queues
from waiting import eventually
from world import Listener, User, World

BLOCKED = """SELECT count(*) FILTER (WHERE pg_cancel_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%feed%' AND pid <> pg_backend_pid()"""


@pytest.fixture
def user(world: World) -> User:
    return world.user()


@pytest.fixture
def server(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def complete(stream: Listener, user: User, after: int = 0) -> None:
    """The stream carries exactly what the log holds, in order."""
    wanted = [e["position"] for e in user.events(position__gt=after)]
    eventually(lambda: stream.ids[-1:] == wanted[-1:])
    assert stream.ids == wanted


def published(user: User) -> int:
    last = int(user.events()[-1]["position"])
    eventually(lambda: (user.world.value("SELECT max(position) FROM feed") or 0) >= last)
    return last


def test_streams_that_are_open_or_opened_while_the_checkpoint_stands_still_miss_nothing(
    world: World, user: User
) -> None:
    app = user.app()
    after = published(user)
    with user.stream(after=after) as early, contextlib.ExitStack() as late:
        with holding(world.database_url, "SELECT * FROM feed FOR UPDATE"):
            user.jobs(app, 5)
            stream = late.enter_context(user.stream(after=after))
            time.sleep(3)
            assert early.ids == stream.ids == []
            user.jobs(app, 5)
        complete(early, user, after)
        complete(stream, user, after)


def test_reads_of_the_feeds_table_that_are_cancelled_end_no_stream(world: World, user: User) -> None:
    """As by a lock that is held for longer than any statement may take."""
    with user.stream(after=0) as stream:
        app = user.app()
        complete(stream, user)
        before = world.app.state.broadcast.restarts
        with holding(world.database_url, "LOCK TABLE feed IN ACCESS EXCLUSIVE MODE"):
            cancelled = 0

            def read_twice() -> bool:
                nonlocal cancelled
                cancelled += world.value(BLOCKED)
                return cancelled > 1 and world.app.state.broadcast.restarts > before

            eventually(read_twice)
        user.jobs(app, 3)
        complete(stream, user)
        user.jobs(app, 3)
        complete(stream, user)
        assert not stream.ended.is_set()


def test_a_stream_outlives_a_read_that_fails(world: World, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    with user.stream(after=0) as stream:
        app = user.app()
        complete(stream, user)
        with holding(world.database_url, "LOCK TABLE event_log IN ACCESS EXCLUSIVE MODE"):
            world.run(_resync(world))
            eventually(lambda: world.value(BLOCKED.replace("%feed%", "%event_log%")))
        user.jobs(app, 3)
        complete(stream, user)


async def _resync(world: World) -> None:
    broadcast = world.app.state.broadcast
    broadcast._resync_all(broadcast._last)


@pytest.mark.parametrize("far_behind", [broadcast.FAR_BEHIND, 1])
def test_a_follower_whose_entries_the_stream_has_dropped_starts_over_from_postgres(
    world: World, user: User, server: "redis.Redis", monkeypatch: pytest.MonkeyPatch, far_behind: int
) -> None:
    """Whether it reads them for all viewers at once, or each viewer by itself."""
    app, queues, behind = user.app(), world.app.state.broadcast._queues, threading.Event()
    follow = queues.follow

    async def late(after: str, seconds: float) -> list[str]:
        while not behind.is_set():
            await asyncio.sleep(0.01)
        return cast("list[str]", await follow(after, seconds))

    with user.stream(after=0) as stream:
        complete(stream, user)
        monkeypatch.setattr(broadcast, "ROUND_SEC", 3600.0)
        monkeypatch.setattr(queues, "follow", late)
        monkeypatch.setattr(broadcast, "FAR_BEHIND", far_behind)
        for _ in range(3):
            last = user.jobs(app, 5) and published(user)
            eventually(lambda last=last: newest_entry(server) >= last)
        server.xtrim("feed", maxlen=1, approximate=False)
        behind.set()
        complete(stream, user)
        user.jobs(app, 3)
        complete(stream, user)


@pytest.mark.parametrize("fields", [{"e": b"{"}, {"x": b"y"}, {"e": b"\xff\x00"}], ids=str)
def test_an_entry_of_the_stream_that_is_not_ours_costs_no_event(
    user: User, server: "redis.Redis", fields: dict[str, bytes]
) -> None:
    app = user.app()
    with user.stream(after=0) as stream:
        complete(stream, user)
        server.xadd("feed", fields, id=f"{newest_entry(server)}-7")
        user.jobs(app, 3)
        complete(stream, user)


def newest_entry(server: "redis.Redis") -> int:
    """Return the position of the newest entry of the stream, which the feeder fills after readers see the events."""
    entries = eventually(lambda: server.xrevrange("feed", count=1))
    return int(entries[0][0].decode().partition("-")[0])


def test_an_entry_far_ahead_of_the_log_holds_the_stream_up_for_a_moment_alone(
    world: World, user: User, server: "redis.Redis"
) -> None:
    """Redis refuses all that follows it, until the feeder drops the stream."""
    app = user.app()
    with user.stream(after=0) as stream:
        complete(stream, user)
        server.xadd("feed", {"e": b"{}"}, id=f"{10**15}-0")
        for _ in range(3):
            user.jobs(app, 3)
            complete(stream, user)
        eventually(lambda: newest_entry(server) < 10**15)
        user.jobs(app, 3)
        complete(stream, user)


def test_a_feed_of_another_type_is_made_anew(world: World, user: User, server: "redis.Redis") -> None:
    app = user.app()
    with user.stream(after=0) as stream:
        complete(stream, user)
        server.set("feed", "text")
        user.jobs(app, 3)
        complete(stream, user)
        user.jobs(app, 3)
        complete(stream, user)
        eventually(lambda: server.type("feed") == b"stream")


@pytest.mark.parametrize("member", ["x", "", "-1", "1.5", "9" * 19, "9" * 40, "²"])
def test_a_hint_that_is_no_id_answers_no_call_with_500(user: User, server: "redis.Redis", member: str) -> None:
    site = user.site()
    app, session = user.app(site), user.session(site)
    server.zadd(f"ready:{site}", {member: -(10**15)})
    jobs = user.jobs(app, 2)
    taken = user.acquire(session, 1) + user.acquire(session, 1, wait=20)
    assert sorted(j["id"] for j in taken) == jobs
    server.zadd(f"ready:{site}", {member: -(10**15)})
    assert user.acquire(session, 1, wait=0.3) == []


@pytest.mark.parametrize("key", ["ready:{}", "batch:{}"])
def test_a_queue_of_another_type_is_made_anew(user: User, server: "redis.Redis", key: str) -> None:
    site = user.site()
    app, session = user.app(site), user.session(site)
    server.set(key.format(site), "text")
    jobs = user.jobs(app, 2)
    assert [j["id"] for j in user.acquire(session, 2, wait=20)] == jobs
    user.post("/batch-jobs/", {"site_id": site})
    assert len(user.post(f"/sessions/{session}/acquire-batch-jobs?wait=20", {})["batch_jobs"]) == 1
    eventually(lambda: server.type(key.format(site)) in (b"zset", b"none"))


@pytest.mark.parametrize("message", [b"", b"{", b"[]", b"\xff", b'{"until":"soon"}', b'{"until":null}'], ids=str)
def test_a_request_for_a_file_that_is_none_is_skipped(user: User, server: "redis.Redis", message: bytes) -> None:
    site = user.site()
    server.rpush(f"box:files:{user.id}:{site}", message)
    assert user.post(f"/sites/{site}/file-requests?wait=0.1") == {"requests": []}


def test_what_was_skipped_is_counted(world: World, redis_url: str) -> None:
    async def work() -> int:
        queues = Queues(redis_url)
        await queues._redis.zadd("ready:777", {"x": 1, "5": 2})
        assert await queues.pop("ready", 777, 5) == [5]
        await queues.close()
        return queues.bad_entries

    assert world.run(work()) == 1
