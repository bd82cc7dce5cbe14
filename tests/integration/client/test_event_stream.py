"""``EventLog.objects.stream()``: what the server's log holds, in order, each event once, over breaks and restarts."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from ports import free_port
from proxy import Proxy
from storax import App, Client, EventLog, Job, Site, errors
from storax._events import asynchronous
from storax_api.events import stream as server_side
from waiting import HANG_SEC, eventually
from world import ANYBODY, User, World, as_login


def positions(query: Any) -> list[int]:
    return [int(event.position) for event in query.order_by("position")]


def streamed(query: Any, number: int, after: int = 0) -> list[int]:
    """The first events of a stream."""
    with query.stream(after=after) as events:
        return [next(events).position for _ in range(number)]


def viewers(world: World) -> int:
    return len(world.app.state.broadcast._subscribers)


def nobody_listens(world: World) -> None:
    """Wait until the server has noticed that every stream was closed, also those of the test before."""
    eventually(lambda: viewers(world) == 0)


class Follower:
    """A thread that follows a query; ``seen`` are the positions that it was given."""

    def __init__(self, query: Any, after: int | None = 0, **options: Any) -> None:
        self.events = query.stream(after=after, **options)
        self.seen: list[int] = []
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            for event in self.events:
                self.seen.append(event.position)
        except errors.StoraxError as error:
            self.error = error

    def has_all_of(self, query: Any) -> bool:
        """Wait until it has the last event of the query, and compare."""
        wanted = positions(query)
        eventually(lambda: self.error or self.seen[-1:] == wanted[-1:])
        assert self.error is None, self.error
        return self.seen == wanted

    def end(self) -> None:
        self.events.close()
        self._thread.join(30)
        assert not self._thread.is_alive(), "close() did not end the loop that waits"


@contextlib.contextmanager
def following(query: Any, after: int | None = 0, **options: Any) -> Iterator[Follower]:
    follower = Follower(query, after, **options)
    try:
        yield follower
    finally:
        follower.end()


# ---- filters ---------------------------------------------------------------------------------------------------------

# Some are tested in the API's memory, the others need Postgres.
QUERIES = {
    "all": lambda: EventLog.objects.all(),
    "type": lambda: EventLog.objects.filter(type="job.created"),
    "types": lambda: EventLog.objects.filter(type=["app.created", "job.updated"]),
    "tags": lambda: EventLog.objects.filter(tags={"color": "red"}),
    "not": lambda: EventLog.objects.exclude(type="job.created"),
    "not both": lambda: EventLog.objects.exclude(entity="job", version=1),
    "null": lambda: EventLog.objects.filter(to_state__isnull=True),
    "data": lambda: EventLog.objects.filter(data={"priority": 3}),
    "ne": lambda: EventLog.objects.filter(entity="job", version__gt=1, type__ne="job.deleted"),
}


@pytest.mark.parametrize("name", QUERIES)
def test_the_server_sends_what_the_same_query_reads_past_and_present(user: User, name: str) -> None:
    query = QUERIES[name]()
    app = App.objects.create(site_id=Site.objects.create(name="here").id, name="Plain", command_template="true")

    def change() -> None:
        for color in ("red", "blue"):
            job = Job.objects.create(app_id=app.id, workdir="w", tags={"color": color})
            job.priority = 3
            job.save()
        App.objects.create(site_id=app.site_id, name=f"App{job.id}", command_template="true")

    change()
    with following(query) as past, following(query, None) as present:
        begun = present.events.position
        assert begun is not None
        for _ in range(3):
            change()
        assert past.has_all_of(query)
        assert present.has_all_of(query.filter(position__gt=begun))


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (lambda: EventLog.objects.filter(position__gt=5), "cannot be filtered by 'position__gt'"),
        (lambda: EventLog.objects.exclude(id=5), "cannot be filtered by 'id'"),
        (lambda: EventLog.objects.order_by("-position"), "has the order of the log"),
        (lambda: EventLog.objects.as_of(1), "has the order of the log"),
        (lambda: EventLog.objects.all()[:3], "slice"),
        (lambda: EventLog.objects.filter(type=[]), "No event can match"),
        (lambda: EventLog.objects.filter(site_id=None), "site_id__isnull=True"),
        (lambda: EventLog.objects.filter(type="job.creatd"), "job.created"),
    ],
)
def test_what_a_stream_cannot_do_is_refused_at_the_call(user: User, query: Any, message: str) -> None:
    with pytest.raises(errors.InvalidInput, match=message):
        query().stream(after=0)


# ---- places ----------------------------------------------------------------------------------------------------------


def test_a_stream_goes_on_behind_any_event_in_another_process(user: User) -> None:
    user.jobs(user.app(), 20)
    wanted = positions(EventLog.objects)
    for place in (0, 5, len(wanted) - 1):
        assert streamed(EventLog.objects, len(wanted) - place - 1, wanted[place]) == wanted[place + 1 :]
    event = EventLog.objects.get(position=wanted[3])
    assert next(EventLog.objects.stream(after=event)).position == wanted[4]


def test_a_stream_from_now_misses_nothing_that_follows_the_call(user: User) -> None:
    """It may begin with what happened a moment before, and was not published yet."""
    for n in range(5):
        events = EventLog.objects.filter(entity="site").stream()
        site = Site.objects.create(name=f"site{n}")
        assert any(event.entity_id == site.id for event in events)


def test_the_place_of_a_stream_moves_on_where_nothing_matches(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or else a reader of rare events would search the whole log again each time it is started."""
    monkeypatch.setattr(server_side, "BEAT_SEC", 0.1)
    with following(EventLog.objects.filter(type="app.deleted")) as rare:
        user.jobs(user.app(), 3)
        eventually(lambda: rare.events.position >= positions(EventLog.objects)[-1])
        assert rare.seen == []


# ---- breaks and restarts ---------------------------------------------------------------------------------------------


def test_a_connection_that_breaks_again_and_again_costs_no_event(world: World, user: User) -> None:
    app = user.app()
    with Proxy(world.url) as proxy, Client(proxy.url, user.token), following(EventLog.objects) as follower:
        for _ in range(4):
            user.jobs(app, 2)
            proxy.cut()
            user.jobs(app, 2)
            proxy.heal()
        with Client(world.url, user.token):
            assert follower.has_all_of(EventLog.objects)


def test_redis_and_the_feeder_may_come_and_go(world: World, user: User, redis_url: str) -> None:
    app = user.app()
    with following(EventLog.objects) as follower, redis.Redis.from_url(redis_url) as server:
        for _ in range(3):
            user.jobs(app, 2)
            server.flushdb()
            world.stop_feeder()
            user.jobs(app, 2)
            world.start_feeder()
        assert follower.has_all_of(EventLog.objects)


class ApiProcess:
    """An API of its own on one port, which can be killed and started again."""

    def __init__(self, world: World) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        urls = {
            "DATABASE": as_login(world.database_url, "storax_api"),
            "REDIS": as_login(world.redis_url, "storax_api"),
        }
        self._env = (
            os.environ | {f"STORAX_{name}_URL": url for name, url in urls.items()} | {"STORAX_PORT": str(self.port)}
        )
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        argv = [sys.executable, "-m", "storax_api"]
        self._running = subprocess.Popen(argv, env=self._env, stderr=subprocess.DEVNULL)
        eventually(self._answers, seconds=HANG_SEC, step=0.05)

    def _answers(self) -> bool:
        with contextlib.suppress(Exception):
            return bool(ANYBODY.get(f"{self.url}/healthz").status_code == 200)
        return False

    def stop(self, how: signal.Signals) -> None:
        if self._running:
            self._running.send_signal(how)
            self._running.wait(60)


@pytest.mark.slow("an API process starts three times")
def test_a_stream_outlives_the_api_stopped_or_killed(world: World, user: User) -> None:
    api, app = ApiProcess(world), user.app()
    outages: list[errors.Unavailable] = []
    api.start()
    try:
        with Client(api.url, user.token), following(EventLog.objects, on_outage=outages.append) as follower:
            for number, how in enumerate((signal.SIGTERM, signal.SIGKILL), 1):
                user.jobs(app, 2)
                api.stop(how)
                user.jobs(app, 2)
                eventually(lambda: follower.error or len(outages) >= number)  # noqa: B023
                api.start()
                with Client(world.url, user.token):
                    assert follower.has_all_of(EventLog.objects)
            assert len(outages) == 2, "each outage is told once"
    finally:
        api.stop(signal.SIGKILL)


def test_a_server_that_stays_away_is_an_error_and_the_place_is_kept(world: World, user: User) -> None:
    user.jobs(user.app(), 2)
    with Proxy(world.url) as proxy, Client(proxy.url, user.token):
        follower = Follower(EventLog.objects, patience=0.5)
        with Client(world.url, user.token):
            assert follower.has_all_of(EventLog.objects)
        proxy.cut()
        eventually(lambda: follower.error)
        assert isinstance(follower.error, errors.Unavailable)
        assert follower.events.position == follower.seen[-1]
        with pytest.raises(errors.Unavailable):
            EventLog.objects.stream(after=0, patience=0.1)


def test_a_revoked_token_ends_the_stream_with_its_error(world: World, user: User) -> None:
    token = user.post("/tokens/", {"name": "short"})
    with Client(world.url, token["token"]):
        follower = Follower(EventLog.objects)
        user.delete(f"/tokens/{token['id']}")
        eventually(lambda: follower.error)
    assert isinstance(follower.error, errors.Unauthorized)


# ---- the end ---------------------------------------------------------------------------------------------------------


def test_a_loop_that_is_left_leaves_no_connection(world: World, user: User) -> None:
    user.jobs(user.app(), 2)
    nobody_listens(world)
    for event in EventLog.objects.stream(after=0):
        assert event.position
        break
    with EventLog.objects.stream(after=0) as events:
        next(events)
    assert list(events) == [], "a closed stream has ended"
    events.close()
    nobody_listens(world)


def test_close_ends_a_loop_that_waits_in_another_thread(world: World, user: User) -> None:
    nobody_listens(world)
    follower = Follower(EventLog.objects)
    eventually(lambda: viewers(world) > 0)
    follower.end()
    assert follower.error is None
    nobody_listens(world)


# ---- awaited ---------------------------------------------------------------------------------------------------------


def test_the_awaited_twin_sees_the_same_and_ends_as_cleanly(world: World, user: User) -> None:
    app = user.app()
    user.jobs(app, 3)
    nobody_listens(world)

    async def script() -> None:
        seen: list[int] = []
        query = EventLog.aobjects.filter(entity="job")
        async with query.stream(after=0) as events:
            assert events.position == 0
            waiting = asyncio.create_task(collect(events, seen))
            await asyncio.to_thread(user.jobs, app, 3)
            wanted = await asyncio.to_thread(positions, EventLog.objects.filter(entity="job"))
            while seen[-1:] != wanted[-1:]:
                await asyncio.sleep(0.01)
            assert seen == wanted
            assert events.position == wanted[-1]
        await asyncio.wait_for(waiting, 30)
        async for event in query.stream(after=wanted[0]):
            assert event.position == wanted[1]
            break
        open_ = query.stream(after=wanted[-1])
        late = asyncio.create_task(collect(open_, []))
        await asyncio.sleep(0.2)
        late.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await late
        await open_.aclose()
        with pytest.raises(errors.InvalidInput):
            async for _ in EventLog.aobjects.filter(position__gt=1).stream():
                pass

    async def collect(events: Any, seen: list[int]) -> None:
        async for event in events:
            seen.append(event.position)

    asyncio.run(script())
    nobody_listens(world)


def test_the_awaited_twin_reads_no_further_ahead_than_its_buffer(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asynchronous, "BUFFER", 5)
    user.jobs(user.app(), 30)
    wanted = positions(EventLog.objects)

    async def script() -> None:
        async with EventLog.aobjects.stream(after=0) as events:
            first = await anext(events)
            await asyncio.sleep(0.3)
            assert events._reader is not None
            assert events._reader._queue.qsize() <= 5
            rest = [(await anext(events)).position for _ in wanted[1:]]
            assert [first.position, *rest] == wanted

    asyncio.run(script())


# ---- many viewers ----------------------------------------------------------------------------------------------------

VIEWERS = 300


@pytest.mark.slow("three hundred viewers connect and read")
def test_hundreds_of_viewers_of_one_api_process_miss_nothing(world: World) -> None:
    """The numbers of 1,000 viewers: benchmarks."""
    owners = [world.user() for _ in range(3)]
    apps = [owner.app() for owner in owners]

    async def view(owner: User) -> list[int]:
        head = f"GET /api/v1/events/stream?after=0&entity=job HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {owner.token}\r\n"
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(world.url.rpartition(":")[2]))
            writer.write(f"{head}\r\n".encode())
            status = await reader.readuntil()
            if b" 503 " not in status:
                break
            writer.close()  # the server is too busy; every client asks again
            await asyncio.sleep(1)
        assert b" 200 " in status
        seen: list[int] = []
        place = b""
        while len(seen) < 40:
            line = await reader.readuntil()  # raises at the end of the stream, where readline answers b"" for ever
            place = line[4:] if line.startswith(b"id: ") else place
            if line.startswith(b"data: "):
                seen.append(int(place))
        writer.close()
        return seen

    async def script() -> list[list[int]]:
        views = [asyncio.create_task(view(owners[n % 3])) for n in range(VIEWERS)]
        while viewers(world) < VIEWERS and not any(one.done() for one in views):
            await asyncio.sleep(0.05)
        for _ in range(8):
            for owner, app in zip(owners, apps, strict=True):
                await asyncio.to_thread(owner.jobs, app, 5)
        return await asyncio.wait_for(asyncio.gather(*views), 300)

    wanted = []
    seen = asyncio.run(script())
    for owner in owners:
        wanted.append([e["position"] for e in owner.events(entity="job")])
    assert all(one == wanted[n % 3] for n, one in enumerate(seen))
    nobody_listens(world)
