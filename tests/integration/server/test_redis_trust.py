"""Whoever can write to Redis gets no file, no rights and no false answer by it: what it holds are hints and signed messages."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import orjson
import pytest
import redis

from storax_core.queues import FILLED, MAC_BYTES, Mailboxes, Queues
from waiting import eventually
from world import User, World

KEY = bytes(32)


@pytest.fixture
def server(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def user(world: World) -> User:
    return world.user()


def skipped(world: World) -> int:
    """Return how many entries of Redis the API has skipped and counted."""
    return int(world.app.state.service.queues.bad_entries)


def request_for(job: int, **fields: Any) -> bytes:
    """Return what the API asks an agent for, as the last release wrote it."""
    file = {
        "job_id": job,
        "workdir": "",
        "attempt": 1,
        "path": "/etc/passwd",
        "stream": "stdout",
        "offset": 0,
        "size": 99,
    }
    return orjson.dumps({"id": str(uuid4()), "until": time.time() + 60, **file, **fields})


def test_a_forged_request_for_a_file_reaches_no_agent(world: World, user: User, server: redis.Redis) -> None:
    site = user.site()
    (job,) = user.jobs(user.app(site), 1)
    before = skipped(world)
    for mac in (b"", bytes(MAC_BYTES), b"\xff" * MAC_BYTES):
        server.rpush(f"box:files:{user.id}:{site}", mac + request_for(job))
    assert user.post(f"/sites/{site}/file-requests", params={"wait": 3}) == {"requests": []}
    assert skipped(world) == before + 3


def test_a_request_that_was_copied_or_altered_reaches_no_agent(user: User, server: redis.Redis) -> None:
    site, other = user.site(), user.site()
    (job,) = user.jobs(user.app(site), 1)
    box = f"box:files:{user.id}:{site}"
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(user.ask_again, "GET", f"/jobs/{job}/file", params={"wait": 20})
        (signed,) = eventually(lambda: server.lrange(box, 0, -1))
        server.rpush(f"box:files:{user.id}:{other}", signed)
        assert user.post(f"/sites/{other}/file-requests", params={"wait": 0.2}) == {"requests": []}
        altered = orjson.dumps(orjson.loads(signed[MAC_BYTES:]) | {"path": "secret"})
        server.lpush(box, signed[:MAC_BYTES] + altered)
        (request,) = user.ask_again("POST", f"/sites/{site}/file-requests", params={"wait": 20}).json()["requests"]
        assert request["path"] is None
        user.ask_again("POST", f"/sites/{site}/file-replies", {"replies": [{"id": request["id"], "data": "dHJ1ZQ=="}]})
        assert answer.result(30).content == b"true"


def test_a_forged_answer_is_dropped_and_the_agents_own_is_waited_for(
    world: World, user: User, server: redis.Redis
) -> None:
    site = user.site()
    (job,) = user.jobs(user.app(site), 1)
    before = skipped(world)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(user.ask_again, "GET", f"/jobs/{job}/file", params={"wait": 20})
        (request,) = user.ask_again("POST", f"/sites/{site}/file-requests", params={"wait": 20}).json()["requests"]
        forged = orjson.dumps({"id": request["id"], "data": "Zm9yZ2Vk", "size": 6})
        box = f"box:file:{user.id}:{site}:{request['id']}"
        for mac in (b"", bytes(MAC_BYTES)):
            server.rpush(box, mac + forged)
            eventually(lambda: not server.exists(box))
        user.ask_again(
            "POST", f"/sites/{site}/file-replies", {"replies": [{"id": request["id"], "data": "dHJ1ZQ==", "size": 4}]}
        )
        assert answer.result(30).content == b"true"
    assert skipped(world) == before + 2


def test_messages_pass_only_with_the_key_of_this_server_and_the_wait_stays_as_long(
    world: World, redis_url: str
) -> None:
    async def work() -> tuple[bytes | None, bytes | None, float]:
        queues = Queues(redis_url)
        mine, foreign = (Mailboxes(queues, key=key, kept=9, seconds=9) for key in (KEY, bytes(31) + b"x"))
        box = str(uuid4())
        await foreign.put(box, b"false")
        await mine.put(box, b"true")
        first = await mine.take(box, 5)
        for _ in range(5):
            await foreign.put(box, b"false")
        began = time.monotonic()
        second = await mine.take(box, 0.3)
        await queues.close()
        return first, second, time.monotonic() - began

    first, second, seconds = world.run(work())
    assert (first, second) == (b"true", None)
    assert seconds > 0.25


def test_the_key_is_of_one_server_and_no_user_reads_it(world: World, user: User) -> None:
    site = user.site()
    for _ in range(2):
        user.post(f"/sites/{site}/file-requests")
    ((key,),) = world.sql("SELECT key FROM server_key WHERE name = 'job files'")
    assert len(key) == 32
    assert key not in (bytes(32), KEY)
    with pytest.raises(Exception, match="permission denied"):
        world.sql("SELECT key FROM server_key", role="storax_app")


def test_a_forged_hint_leases_no_job_of_another_user_or_site(world: World, user: User, server: redis.Redis) -> None:
    """Nor one that is held already, nor one that may not run yet."""
    site, other_site, stranger = user.site(), user.site(), world.user()
    app, session = user.app(site), user.session(site)
    (elsewhere,), (foreign,) = user.jobs(user.app(other_site), 1), stranger.jobs(stranger.app(), 1)
    (held,) = user.jobs(app, 1)
    assert [job["id"] for job in user.acquire(user.session(site), 1)] == [held]
    (child,) = user.jobs(app, 1, parent_ids=[held])
    for wait in (0.0, 0.5):
        server.zadd(f"ready:{site}", dict.fromkeys(map(str, (elsewhere, foreign, held, child)), -(10**15)))
        assert user.acquire(session, 9, wait=wait) == []
    assert stranger.get(f"/jobs/{foreign}")["session_id"] is None


def test_a_forged_hint_leases_no_batch_job_of_another_user_or_site(
    world: World, user: User, server: redis.Redis
) -> None:
    site, stranger = user.site(), world.user()
    session = user.session(site)
    ids = [
        whose.post("/batch-jobs/", {"site_id": where})["id"]
        for whose, where in ((user, user.site()), (stranger, stranger.site()))
    ]
    server.zadd(f"batch:{site}", dict.fromkeys(map(str, ids), 0))
    assert user.post(f"/sessions/{session}/acquire-batch-jobs?wait=0.5", {})["batch_jobs"] == []


def test_a_forged_cancel_stops_no_job(user: User, server: redis.Redis) -> None:
    site = user.site()
    user.jobs(user.app(site), 1)
    session = user.session(site)
    (job,) = user.acquire(session, 1)
    server.zadd(f"cancel:{session}", {str(job["id"]): 1})
    answer = user.post(f"/sessions/{session}/acquire", {"max_num_jobs": 1}, params={"wait": 0.5})
    assert answer["cancel"] == []
    assert user.get(f"/jobs/{job['id']}")["cancel_requested"] is False


def test_forged_marks_and_false_hints_keep_no_job_from_its_site(world: World, user: User, server: redis.Redis) -> None:
    """A mark that the queues are filled, one that Postgres was searched a moment ago, and hints at nothing."""
    site = user.site()
    app, session = user.app(site), user.session(site)
    server.set(FILLED, "yes")
    server.set(f"scanned:ready:{session}", "1")
    world.stop_feeder()
    try:
        jobs = user.jobs(app, 1)
        server.delete(f"ready:{site}")
        server.zadd(f"ready:{site}", {str(10**15 + n): -1 for n in range(5)})
        assert [job["id"] for job in user.acquire(session, 1, wait=5)] == jobs
    finally:
        world.start_feeder()
