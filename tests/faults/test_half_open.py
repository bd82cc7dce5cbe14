"""Connections that carry nothing any more and do not say so: everyone starts over within seconds."""

import asyncio
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import httpx
import pytest

from proxy import Proxy
from storax_core.database.connections import Database
from storax_core.log import watermark
from storax_core.queues import QueueDown, Queues
from storax_workers.feeder import LEAD, LEADER_SESSION
from waiting import eventually
from world import User, World

PROMISED_SEC = 15.0
STARVED_SEC = 5.0  # what a busy machine may add
LEADERS = f"""SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = {watermark.LEADER_KEY} AND granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


@pytest.fixture(scope="module")
def postgres(database_url: str) -> Iterator[Proxy]:
    with Proxy(database_url) as proxy:
        proxy.url = proxy.url.replace("//:", "//storax:", 1)
        yield proxy


@pytest.fixture(scope="module")
def valkey(redis_url: str) -> Iterator[Proxy]:
    with Proxy(redis_url) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def frail(world: World, postgres: Proxy, valkey: Proxy) -> Iterator[World]:
    """A platform whose connections can become half-open, beside one whose connections cannot."""
    world.stop_feeder()
    with World(postgres.url, valkey.url) as running:
        yield running


@pytest.fixture
def user(frail: World, world: World) -> User:
    """A user whose calls go to the frail platform."""
    account = world.user()
    frail.users.append(User(frail, account.name, account.id, account.token))
    return frail.users[-1]


class Deadline:
    """The time that everyone has to start over."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def kept(self) -> None:
        """Fail if the time is over."""
        took = time.monotonic() - self._begun
        print(f"started over after {took:.1f} s")
        assert took < PROMISED_SEC + STARVED_SEC


def answers(user: User, path: str) -> bool:
    try:
        return user.ask("GET", path, timeout=60).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.slow("a connection is silent for six seconds before it counts as half-open")
def test_calls_are_served_again_after_every_connection_to_postgres_became_half_open(
    postgres: Proxy, user: User
) -> None:
    site = f"/sites/{user.site()}"
    with ThreadPoolExecutor(24) as pool:
        list(pool.map(lambda _: user.ask("GET", site), range(100)))  # the pools are full of connections
        calls = [pool.submit(user.ask, "GET", site) for _ in range(24)]
        postgres.half_open()
        deadline = Deadline()
        eventually(lambda: answers(user, site))
        deadline.kept()
        eventually(lambda: all(list(pool.map(lambda _: answers(user, site), range(24)))))
        deadline.kept()
        assert {call.result(60).status_code for call in calls} <= {200, 503}


@pytest.mark.slow("a step of the feeder may take ten seconds")
def test_the_log_is_published_again_after_the_leaders_connection_became_half_open(
    frail: World, world: World, postgres: Proxy, user: User
) -> None:
    user.site()
    last = world.value("SELECT max(position) FROM event_log")
    eventually(lambda: (world.value("SELECT max(position) FROM feed") or 0) >= last)
    postgres.half_open()
    deadline = Deadline()
    direct = world.user()
    direct.site()
    last = world.value("SELECT max(position) FROM event_log")
    eventually(lambda: world.value("SELECT max(position) FROM feed") >= last)
    deadline.kept()


@pytest.mark.slow("Postgres waits ten seconds for a word of the leader")
def test_a_leader_that_nobody_hears_from_loses_its_lock(frail: World, postgres: Proxy, database_url: str) -> None:
    async def lead() -> tuple[Database, Any]:
        db = await Database.connect(postgres.url, size=2)
        session = db.session(**LEADER_SESSION)
        conn = await session.__aenter__()
        while not await conn.fetchval(LEAD):
            await asyncio.sleep(0.1)
        return db, session

    async def work() -> None:
        db, session = await lead()
        observer = await asyncpg.connect(database_url)
        postgres.half_open()
        deadline = Deadline()
        while await observer.fetchval(LEADERS):
            await asyncio.sleep(0.1)
        deadline.kept()
        await observer.close()
        await session.__aexit__(None, None, None)
        await db.close()

    frail.stop_feeder()
    try:
        asyncio.run(work())
    finally:
        frail.start_feeder()


def test_a_stream_goes_on_after_every_connection_to_redis_became_half_open(valkey: Proxy, user: User) -> None:
    with user.stream(after=0) as stream:
        user.site()
        eventually(lambda: len(stream.ids) == len(user.events()))
        for _ in range(2):
            valkey.half_open()
            deadline = Deadline()
            user.site()
            eventually(lambda: len(stream.ids) == len(user.events()))
            deadline.kept()
            eventually(lambda: user.http.get(f"{user.world.url}/readyz").json()["redis"] == "up")
            deadline.kept()


def test_the_channel_of_wake_ups_is_opened_anew_when_redis_is_silent(valkey: Proxy) -> None:
    async def listen() -> None:
        queues = Queues(valkey.url)
        wakes = queues.wakes()
        await anext(wakes)
        valkey.half_open()
        deadline = Deadline()
        with pytest.raises(QueueDown):
            await anext(wakes)
        deadline.kept()
        await queues.close()

    asyncio.run(listen())


def test_the_kernel_ends_a_connection_whose_machine_is_gone(database_url: str) -> None:
    """At both ends: the probes that TCP sends, and how long sent bytes may be unacknowledged."""

    async def settings() -> tuple[int, int, list[str]]:
        db = await Database.connect(database_url, size=2)
        names = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout")
        async with db.worker() as conn:
            wire = conn._con._transport.get_extra_info("socket")
            alive = wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            silent = [wire.getsockopt(socket.IPPROTO_TCP, option) for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)]  # fmt: skip
            server = [await conn.fetchval(f"SHOW {name}") for name in names]
        await db.close()
        return alive, silent[0] + silent[1] * silent[2], server

    alive, silent_sec, server = asyncio.run(settings())
    assert alive
    assert silent_sec <= PROMISED_SEC
    assert server == ["5", "2", "3", "10000"]
