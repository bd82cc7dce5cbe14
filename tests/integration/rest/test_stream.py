"""The event stream: no gap and no repeat, whatever happens to the connection, to Redis and to the feeder."""

import contextlib
import random
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import redis

from proxy import Proxy
from storax_api.events import broadcast
from waiting import eventually
from world import Listener, User, World, problem


@pytest.fixture(scope="module")
def proxy(redis_url: str) -> Iterator[Proxy]:
    with Proxy(redis_url) as running:
        yield running


@pytest.fixture(scope="module")
def world(database_url: str, redis_url: str, proxy: Proxy) -> Iterator[World]:
    """The platform with a Redis that can be taken away."""
    with World(database_url, proxy.url) as running:
        yield running


@pytest.fixture
def user(world: World, proxy: Proxy) -> Iterator[User]:
    yield world.user()
    proxy.heal()


def log_of(user: User, after: int = 0, **filters: Any) -> list[int]:
    return [e["position"] for e in user.events(position__gt=after, **filters)]


def complete(stream: Listener, user: User, after: int = 0, **filters: Any) -> None:
    """The stream carries exactly what the log holds, in order."""
    eventually(lambda: stream.ids[-1:] == log_of(user, after, **filters)[-1:])
    assert stream.ids == log_of(user, after, **filters)
    assert [e["position"] for e in stream.events] == stream.ids


def end_of(user: User) -> int:
    return log_of(user)[-1]


def test_the_past_comes_first_and_then_the_present(user: User) -> None:
    user.jobs(user.app(), 5)
    with user.stream(after=0) as stream:
        complete(stream, user)
        user.jobs(user.app(), 5)
        complete(stream, user)


def test_who_begins_to_listen_is_served_though_nobody_listened_for_long(
    world: World, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "NOBODY_SEC", 3600.0)
    monkeypatch.setattr(broadcast, "ROUND_SEC", 7200.0)
    app = user.app()
    eventually(lambda: user.jobs(app) and not world.app.state.broadcast._arrival.is_set())
    with user.stream(after=0) as stream:
        complete(stream, user)
        user.jobs(app, 2)
        complete(stream, user)


def test_without_a_place_the_stream_begins_now(user: User) -> None:
    user.jobs(user.app(), 3)
    eventually(lambda: user.world.value("SELECT coalesce(max(position), 0) FROM feed") >= end_of(user))
    after = end_of(user)
    with user.stream() as stream:
        user.site()
        complete(stream, user, after)


@pytest.mark.parametrize("way", ["after", "last-event-id"])
def test_a_position_beyond_the_end_of_the_log_is_refused_with_the_end(user: User, way: str) -> None:
    user.site()
    end = user.world.value("SELECT last_value FROM event_log_position_seq")
    options: dict[str, Any] = (
        {"params": {"after": end + 1}} if way == "after" else {"headers": {"Last-Event-ID": str(end + 1)}}
    )
    answer = user.ask("GET", "/events/stream", **options)
    assert answer.status_code == 410
    lost = problem(answer, "lost_position")
    assert (lost["restored_to"], f"ends at {end}" in lost["detail"]) == (end, True)


def test_a_position_that_is_not_yet_published_is_waited_for(user: User) -> None:
    user.world.stop_feeder()
    try:
        user.site()
        last = end_of(user)
        with user.stream(after=last) as stream:
            user.site()
            user.world.start_feeder()
            complete(stream, user, last)
    finally:
        user.world.stop_feeder()
        user.world.start_feeder()


def test_an_event_looks_the_same_from_the_past_the_present_and_the_list(user: User) -> None:
    with user.stream(after=0) as live:
        app = user.app(parameters={"x": {"required": False, "default": {"a": [1, None, "ä"]}}})
        user.patch(f"/jobs/{user.job(app, tags={'k': 'v'})['id']}", {"state": "FAILED"})
        complete(live, user)
    with user.stream(after=0) as past:
        complete(past, user)
    assert live.events == past.events == user.events()


def test_events_arrive_within_a_moment(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream is told of them: a look at Postgres, made so rare here that it does not count, is not what brings them."""
    with user.stream(after=0) as stream:
        user.site()
        complete(stream, user)
        with monkeypatch.context() as rarely:
            rarely.setattr(broadcast, "QUIET_SEC", 120.0)
            user.site()
            complete(stream, user)  # from now on it waits for so long
            begun = time.monotonic()
            user.site()
            complete(stream, user)
            assert time.monotonic() - begun < 30
        user.site()
        complete(stream, user)


@pytest.mark.parametrize(
    "filters",
    [
        {"type": "job.created"},
        {"entity": ["site", "app"]},
        {"to_state": "FAILED"},
        {"to_state": ["FAILED", "PREPROCESSED"], "entity": "job"},
    ],
)
def test_a_filter_holds_for_past_and_present(user: User, filters: dict[str, Any]) -> None:
    def work() -> None:
        (job,) = user.jobs(user.app(), 1)
        user.patch(f"/jobs/{job}", {"state": "FAILED"})

    work()
    with user.stream(after=0, **filters) as stream:
        complete(stream, user, **filters)
        work()
        complete(stream, user, **filters)


def test_one_jobs_events_are_followed_by_its_id_however_it_is_written(user: User) -> None:
    a, b = user.jobs(user.app(), 2)
    eventually(lambda: user.world.value("SELECT coalesce(max(position), 0) FROM feed") >= end_of(user))
    after = end_of(user)
    with user.stream(job_id=f"0{a}") as stream:
        user.patch("/jobs/", {"filter": {"id": [a, b]}, "patch": {"priority": 2}})
        user.patch(f"/jobs/{a}", {"priority": 3})
        complete(stream, user, after, job_id=a)


@pytest.mark.parametrize("parameter", ["include", "carry"])
def test_a_stream_includes_the_job_of_an_event_that_comes_alone(user: User, parameter: str) -> None:
    jobs = user.jobs(user.app(), 3)
    with user.stream(to_state="FAILED", **{parameter: "job"}) as stream, user.stream(to_state="FAILED") as plain:
        user.patch(f"/jobs/{jobs[0]}", {"state": "FAILED"})
        eventually(lambda: plain.events and stream.events)
        assert stream.events[0].pop("job") == user.get(f"/jobs/{jobs[0]}")
        assert stream.events == plain.events
        user.world.stop_feeder()  # it may publish the first event of a call before the second has its position
        try:
            user.patch("/jobs/", {"filter": {"id": jobs[1:]}, "patch": {"state": "FAILED"}})
        finally:
            user.world.start_feeder()
        eventually(lambda: len(stream.events) == 3)
        assert not any("job" in e for e in stream.events)


@pytest.mark.parametrize(
    ("query", "near"),
    [
        ("typ=job.created", "type"),
        ("position__gt=5", "after"),
        ("exclude=%7B%22id%22:5%7D", "after"),
        ("exclude=x", ""),
        ("limit=5", ""),
        ("after=x", ""),
        ("after=-1", ""),
        ("after=²", ""),
        ("after=" + "9" * 30, ""),
        ("job_id=x", ""),
        ("carry=all", "job"),
        ("include=all", "job"),
    ],
)
def test_what_the_stream_does_not_know_is_refused(user: User, query: str, near: str) -> None:
    answer = user.ask("GET", f"/events/stream?{query}")
    assert answer.status_code == 422
    assert near in problem(answer, "invalid")["hint"]


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "²".encode("latin-1"), "9" * 25])
def test_a_last_event_id_that_is_no_place_is_refused(user: User, last: Any) -> None:
    answer = user.ask("GET", "/events/stream", headers={"Last-Event-ID": last})
    assert answer.status_code == 422


def test_a_reader_that_reconnects_goes_on_where_it_was(user: User) -> None:
    """A client that hangs up at random moments and comes back by Last-Event-ID, while others write."""
    rng, app, seen = random.Random(1), user.app(), 0
    got: list[int] = []
    for _ in range(12):
        with contextlib.closing(Listener(user, {"after": 0}, {"Last-Event-ID": str(seen)})) as stream:
            user.jobs(app, rng.randint(1, 5))
            time.sleep(rng.random() / 20)
        got += stream.ids
        seen = got[-1] if got else 0
    with user.stream(after=seen) as stream:
        eventually(lambda: (got + stream.ids)[-1:] == log_of(user)[-1:])
        assert got + stream.ids == log_of(user)


def test_readers_that_come_in_the_middle_of_a_storm_miss_nothing(user: User) -> None:
    read_in_a_storm(user, user.app())


def test_readers_that_come_while_redis_comes_back_miss_nothing(proxy: Proxy, user: User) -> None:
    """The first batch that Redis takes again does not follow the last that it took: those between are in Postgres."""
    app = user.app()
    for _ in range(3):
        proxy.cut()
        user.jobs(app, 2)
        proxy.heal()
        read_in_a_storm(user, app)


def forge(server: redis.Redis, user: User, stranger: User, after: int) -> int:
    """Add entries to the stream as who can write to Redis would, in each shape that a reader ever took."""
    false = user.events()[-1] | {"owner_id": stranger.id, "type": "job.forged", "actor": "user:forged"}
    place = after
    for body in (
        {b"e": orjson.dumps({"after": after, "events": [false | {"position": after + 1}]})},
        {b"e": b"no JSON"},
        {b"x": b"no field that a reader knows"},
    ):
        place += 1
        server.xadd("feed", body, id=f"{place}-0")
    return place


def test_a_forged_entry_of_the_stream_shows_nobody_an_event_and_hides_none(
    world: World, user: User, redis_url: str
) -> None:
    """Who can write to Redis rings a bell; what is shown are the viewer's own events, from Postgres."""
    stranger = world.user()
    stranger.jobs(stranger.app(), 2)
    user.jobs(user.app(), 2)
    with user.stream(after=0) as own, stranger.stream(after=0) as other, redis.Redis.from_url(redis_url) as server:
        complete(own, user)
        complete(other, stranger)
        for after in (world.value("SELECT max(position) FROM event_log"), 10**12):
            forge(server, user, stranger, after)
            user.site()
            stranger.site()
            complete(own, user)
            complete(other, stranger)
        user.site()
        complete(own, user)
        assert not {e["type"] for e in own.events + other.events} & {"job.forged"}
        # The feeder drops a stream that is ahead of the log, so that its own positions are taken again.
        eventually(
            lambda: (newest := server.xrevrange("feed", count=1)) and int(newest[0][0].partition(b"-")[0]) < 10**12
        )


def read_in_a_storm(user: User, app: int) -> None:
    streams: list[tuple[int, Listener]] = []
    with contextlib.ExitStack() as all_streams:
        for n in range(25):
            user.jobs(app, 3)
            if n % 3 == 0:
                after = end_of(user)
                streams.append((after, all_streams.enter_context(user.stream(after=after))))
        for after, stream in streams:
            complete(stream, user, after)


def test_a_flushed_redis_costs_no_event(world: World, user: User, redis_url: str) -> None:
    app = user.app()
    with user.stream(after=0) as stream, redis.Redis.from_url(redis_url) as server:
        for _ in range(20):
            user.jobs(app, 2)
            server.flushdb()
        complete(stream, user)


def test_a_redis_that_is_away_and_back_costs_no_event(proxy: Proxy, user: User) -> None:
    app = user.app()
    with user.stream(after=0) as stream:
        for _ in range(3):
            user.jobs(app, 2)
            proxy.cut()
            user.jobs(app, 2)
            complete(stream, user)
            user.jobs(app, 2)
            proxy.heal()
            user.jobs(app, 2)
        complete(stream, user)


def test_calls_are_served_while_redis_is_away_or_hangs(proxy: Proxy, user: User) -> None:
    site = user.site()
    app = user.app(site)
    session = user.session(site)
    for trouble in (proxy.cut, proxy.freeze):
        trouble()
        begun = time.monotonic()
        jobs = user.jobs(app, 5)
        held = user.acquire(session, 5, wait=60)
        assert [j["id"] for j in held] == jobs
        user.finish(session, *held)
        user.get("/jobs/", count="true")
        assert time.monotonic() - begun < 45, trouble
        begun = time.monotonic()
        assert user.acquire(session, 5, wait=1) == []
        assert time.monotonic() - begun < 45, trouble
        proxy.heal()
        eventually(lambda: user.http.get(f"{user.world.url}/readyz").json()["redis"] == "up")


def test_a_job_made_while_redis_is_away_is_found_by_who_waits(proxy: Proxy, user: User, hints_alone: None) -> None:
    from concurrent.futures import ThreadPoolExecutor

    site = user.site()
    app, session = user.app(site), user.session(site)
    proxy.cut()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(user.acquire, session, 5, wait=60)
        time.sleep(0.3)
        jobs = user.jobs(app, 2)
        assert [j["id"] for j in waiting.result(30)] == jobs[: len(waiting.result())]


def test_queues_are_filled_again_after_a_flush(user: User, redis_url: str) -> None:
    site = user.site()
    user.jobs(user.app(site), 30)
    user.session(site)
    with redis.Redis.from_url(redis_url) as server:
        eventually(lambda: server.zcard(f"ready:{site}") == 30)
        server.flushdb()
        eventually(lambda: server.zcard(f"ready:{site}") == 30)


def test_a_feeder_that_is_replaced_repeats_and_loses_nothing(world: World, user: User) -> None:
    app = user.app()
    with user.stream(after=0) as stream:
        for _ in range(3):
            user.jobs(app, 2)
            world.stop_feeder()
            user.jobs(app, 2)
            world.start_feeder()
        complete(stream, user)


def test_a_stream_of_another_log_is_set_aside(world: World, user: User, redis_url: str) -> None:
    """A database made anew beside an old Redis: places of the old log must not silence the new one."""
    world.stop_feeder()
    with redis.Redis.from_url(redis_url) as server:
        server.xadd("feed", {"e": b'{"after":0,"events":[]}'}, id=f"{10**9}-0")
    with user.stream(after=0) as stream:
        world.start_feeder()
        user.site()
        complete(stream, user)
        user.site()
        complete(stream, user)


def test_a_reader_who_does_not_read_holds_nobody_up(world: World, user: User) -> None:
    app = user.app()
    idle = user.http.build_request("GET", f"{world.url}/api/v1/events/stream?after=0")
    response = user.http.send(idle, stream=True)
    try:
        with user.stream(after=0) as stream:
            for _ in range(30):
                user.post("/jobs/", [{"app_id": app, "workdir": "w", "data": {"x": "y" * 2000}}] * 50)
            complete(stream, user)
    finally:
        response.close()


def test_events_that_come_together_are_sent_together(user: User) -> None:
    """A send for each event would cost the API more than the event."""
    app, created = user.app(), {"type": "job.created", "after": 0}
    user.jobs(app, 100)
    with user.http.stream("GET", f"{user.world.url}/api/v1/events/stream", params=created, timeout=60) as answer:
        pieces = answer.iter_raw()  # at least one for each send
        assert pieces_until(pieces, events=100) <= 20
        user.jobs(app, 100)
        assert pieces_until(pieces, events=100) <= 20


def pieces_until(pieces: Iterator[bytes], *, events: int) -> int:
    """Read until so many events have come, and return in how many pieces they came."""
    text, number = b"", 0
    while text.count(b"\nid: ") + text.startswith(b"id: ") < events or not text.endswith(b"\n\n"):
        text, number = text + next(pieces), number + 1
    return number
