"""A revoked token ends within 5 seconds: new calls, open polls and streams, and the tokens that were made with it."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from storax_api import service
from storax_api.identity import token_watch
from waiting import eventually, in_time
from world import User, World, problem

ALLOWED_SEC = 5.0


@pytest.fixture
def user(world: World) -> User:
    return world.user()


@contextmanager
def token_of(user: User, **fields: Any) -> Iterator[tuple[User, int]]:
    """Another token of a user, and its id."""
    created = user.post("/tokens/", fields)
    other = User(user.world, user.name, user.id, created["token"])
    with other.http:
        yield other, created["id"]


def test_the_times_add_up() -> None:
    assert service.TOKEN_CACHE_SEC < ALLOWED_SEC
    assert token_watch.EVERY_SEC < ALLOWED_SEC / 2


@pytest.mark.parametrize("limits", [{}, {"max_nodes_per_job": 4}], ids=["by hints", "by scans"])
def test_an_open_poll_ends_with_its_token_and_leases_nothing(user: User, limits: dict[str, Any]) -> None:
    site = user.site()
    app, session = user.app(site), user.session(site)

    def attempt() -> float:
        with token_of(user, site_id=site) as (agent, number), ThreadPoolExecutor(1) as pool:
            agent.acquire(session)  # so that the next poll begins with a sleep
            body, wait = {"max_num_jobs": 1, **limits}, {"wait": 30}
            poll = pool.submit(agent.ask, "POST", f"/sessions/{session}/acquire", body, params=wait)
            time.sleep(0.5)
            assert not poll.done()
            user.delete(f"/tokens/{number}")
            began = time.monotonic()
            answer = poll.result(30)
            took = time.monotonic() - began
            problem(answer, "unauthorized")
            return took

    in_time(ALLOWED_SEC, attempt)
    job = user.job(app)["id"]
    assert user.get(f"/jobs/{job}")["session_id"] is None
    assert [row["id"] for row in user.acquire(session, 5)] == [job]


def test_a_poll_that_a_hint_wakes_looks_at_its_token_first(
    user: User, monkeypatch: pytest.MonkeyPatch, hints_alone: None
) -> None:
    """Where the watch is late, the hint itself does not lease a job to a revoked token."""
    site = user.site()
    app, session = user.app(site), user.session(site)
    with token_of(user, site_id=site) as (agent, number), ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(user.world.app.state.service.waits, "refuse", lambda _: None)
        agent.acquire(session)
        poll = pool.submit(agent.ask, "POST", f"/sessions/{session}/acquire", {"max_num_jobs": 1}, params={"wait": 30})
        eventually(user.world.asleep)
        user.delete(f"/tokens/{number}")
        time.sleep(service.TOKEN_CACHE_SEC + 0.2)
        job = user.job(app)["id"]
        problem(poll.result(30), "unauthorized")
    assert user.get(f"/jobs/{job}")["session_id"] is None


@pytest.mark.parametrize("path", ["/sessions/{session}/acquire-batch-jobs", "/sites/{site}/file-requests"])
def test_every_other_poll_of_an_agent_ends_too(user: User, path: str) -> None:
    site = user.site()
    session = user.session(site)
    path = path.format(site=site, session=session)

    def attempt() -> float:
        with token_of(user, site_id=site) as (agent, number), ThreadPoolExecutor(1) as pool:
            poll = pool.submit(agent.ask, "POST", path, {}, params={"wait": 30})
            time.sleep(0.5)
            user.delete(f"/tokens/{number}")
            began = time.monotonic()
            problem(poll.result(30), "unauthorized")
            return time.monotonic() - began

    in_time(ALLOWED_SEC, attempt)


def test_an_idle_stream_ends_with_its_token(user: User) -> None:
    def attempt() -> float:
        with token_of(user) as (other, number), other.stream() as stream:
            user.delete(f"/tokens/{number}")
            began = time.monotonic()
            assert stream.ended.wait(30)
            return time.monotonic() - began

    in_time(ALLOWED_SEC, attempt)


def test_an_open_poll_ends_with_an_expired_token(world: World, user: User) -> None:
    site = user.site()
    session = user.session(site)
    with token_of(user) as (agent, number), ThreadPoolExecutor(1) as pool:
        poll = pool.submit(agent.ask, "POST", f"/sessions/{session}/acquire", {"max_num_jobs": 1}, params={"wait": 30})
        time.sleep(0.5)
        expires = world.value("SELECT expires_at FROM token WHERE id = $1", number)
        world.sql("UPDATE token SET expires_at = now() - interval '1 s' WHERE id = $1", number)
        problem(poll.result(30), "unauthorized")
        world.sql("UPDATE token SET expires_at = $2 WHERE id = $1", number, expires)  # as the log tells


def test_the_family_of_a_token_goes_with_it(user: User) -> None:
    def attempt() -> float:
        with token_of(user) as (child, first), token_of(child) as (grandchild, second), token_of(user) as (_, sister):
            mine = user.get("/auth/me")["token_id"]
            assert [child.get(f"/tokens/{n}")["parent_id"] for n in (first, second)] == [mine, first]
            grandchild.get("/auth/me")
            assert child.get("/auth/me")["tokens_created"] == 1
            user.delete(f"/tokens/{first}")
            began = time.monotonic()
            eventually(lambda: grandchild.ask("GET", "/auth/me").status_code == 401, step=0.1)
            took = time.monotonic() - began
            assert user.get(f"/tokens/{sister}")["id"] == sister
            (gone,) = user.events(entity="token", entity_id=second, type="token.deleted")
            assert gone["data"] == {"deleted_with": {"entity": "token", "id": first}}
            return took

    in_time(ALLOWED_SEC, attempt)


def test_a_token_that_is_revoked_makes_no_other(user: User) -> None:
    """Revocations and new tokens at the same time: nothing of the family is left, whichever came first."""
    for _ in range(5):
        with token_of(user) as (child, number):
            barrier = threading.Barrier(9)

            def make(child: User = child, barrier: threading.Barrier = barrier) -> int:
                barrier.wait(30)
                return child.ask("POST", "/tokens/", {}).status_code

            with ThreadPoolExecutor(8) as pool:
                created = [pool.submit(make) for _ in range(8)]
                barrier.wait(30)
                user.delete(f"/tokens/{number}")
                assert {m.result(60) for m in created} <= {201, 401}
            own = user.get("/auth/me")["token_id"]
            assert [row["id"] for row in user.get("/tokens/")["results"]] == [own]
