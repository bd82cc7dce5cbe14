"""Wrong passwords: each is an event, and after some the next has to wait, the same for accounts that do not exist."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import httpx
import pytest

from storax_api.identity import logins
from storax_core.commands import users
from storax_core.database import login_failures
from waiting import eventually
from world import User, World, problem

PASSWORD = "correct horse battery staple"


@pytest.fixture
def nobody(world: World) -> Any:
    _forget(world)
    with httpx.Client(base_url=f"{world.url}/api/v1", timeout=60) as client:
        yield client
    _forget(world)


def _forget(world: World) -> None:
    eventually(lambda: not world.app.state.service._background)  # failures are recorded behind their answers
    world.app.state.service.logins = logins.LoginThrottle()
    world.sql("DELETE FROM login_failure")


@pytest.fixture
def user(world: World) -> User:
    return world.user(password=PASSWORD)


def log_in(client: httpx.Client, name: str, password: str) -> httpx.Response:
    return client.post("/auth/login", json={"username": name, "password": password})


def test_a_failed_login_is_an_event_without_the_password(world: World, nobody: httpx.Client, user: User) -> None:
    assert log_in(nobody, user.name, "a wrong one of mine").status_code == 401
    (event,) = eventually(lambda: user.events(type="user.login_failed"))
    assert event["data"] == {"note": {"address": "127.0.0.1"}}
    assert "a wrong one" not in str(world.sql("SELECT * FROM event_log"))


@pytest.mark.parametrize("exists", [True, False])
def test_two_hundred_guesses_are_slowed_down(
    world: World, nobody: httpx.Client, user: User, monkeypatch: pytest.MonkeyPatch, exists: bool
) -> None:
    name, looked = user.name if exists else "nobody", []
    fits = users.password_fits
    monkeypatch.setattr(users, "password_fits", lambda *of: looked.append(of) or fits(*of))
    answers = [log_in(nobody, name, f"guess {n}") for n in range(200)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {401, 429}
    assert len(looked) == 200 - len(refused) <= 12
    assert int(refused[-1].headers["Retry-After"]) >= 1
    assert "too many logins" in problem(refused[-1], "too_many_logins")["detail"]
    if exists:
        eventually(lambda: len(user.events(type="user.login_failed")) == len(looked))


def test_the_right_password_waits_as_well_and_then_ends_the_slow_down(
    world: World, nobody: httpx.Client, user: User
) -> None:
    stands = [time.monotonic()]  # the first pause is short, so the clock stands still until it was met
    world.app.state.service.logins = logins.LoginThrottle(lambda: stands[0] if stands else time.monotonic())
    for n in range(logins.LIMITS["both"].free):
        assert log_in(nobody, user.name, f"guess {n}").status_code == 401
    assert log_in(nobody, user.name, PASSWORD).status_code == 429
    stands.clear()
    assert nobody.post("/auth/login", json={"username": "other", "password": "x"}).status_code == 401
    answer = eventually(lambda: (a := log_in(nobody, user.name, PASSWORD)).status_code == 200 and a)
    assert answer.json()["username"] == user.name
    assert log_in(nobody, user.name, "guess").status_code == 401


def test_guesses_at_once_are_no_way_around(nobody: httpx.Client, user: User) -> None:
    with ThreadPoolExecutor(16) as pool:
        codes = list(pool.map(lambda n: log_in(nobody, user.name, f"guess {n}").status_code, range(120)))
    assert codes.count(401) <= logins.AT_ONCE + 10
    assert set(codes) == {401, 429}


def test_a_wrong_password_takes_as_long_as_an_unknown_name(world: World, nobody: httpx.Client, user: User) -> None:
    """Both are held against a hash: the answer of an unknown name is not the quicker one."""

    def seconds(name: str) -> float:
        began = time.perf_counter()
        assert log_in(nobody, name, "wrong").status_code == 401
        return time.perf_counter() - began

    def ratio() -> float:
        _forget(world)
        log_in(nobody, "warm-up", "x")
        pairs = [(seconds(user.name), seconds(f"nobody-{n}")) for n in range(4)]  # in turn: a busy machine slows both
        known, unknown = (min(times) for times in zip(*pairs, strict=True))
        return known / unknown

    assert any(0.5 < ratio() < 2.0 for _ in range(3))


def test_a_failed_login_is_answered_before_it_is_recorded(world: World, nobody: httpx.Client, user: User) -> None:
    """Only the failure of a user who exists is an event too: nobody sees how long that takes."""
    kept = "SELECT count(*) FROM login_failure"

    async def answered() -> tuple[int, int]:
        conn = await asyncpg.connect(world.database_url)  # not of the pool, which ends transactions that do nothing
        try:
            async with conn.transaction():
                await conn.execute("LOCK TABLE login_failure IN SHARE MODE")  # which stops those who write alone
                answer = await asyncio.to_thread(log_in, nobody, user.name, "wrong")
                return answer.status_code, await conn.fetchval(kept)
        finally:
            await conn.close()

    assert world.run(answered(), seconds=120) == (401, 0)
    eventually(lambda: world.value(kept) == 3)


@pytest.mark.parametrize("exists", [True, False])
def test_another_process_of_the_api_counts_the_same_failures(
    world: World, nobody: httpx.Client, user: User, exists: bool
) -> None:
    name, free = user.name if exists else "nobody", logins.LIMITS["both"].free
    assert {log_in(nobody, name, f"guess {n}").status_code for n in range(free)} == {401}
    eventually(lambda: world.value("SELECT max(failures) FROM login_failure") == free)
    with (
        World(world.database_url, world.redis_url, feeder=False) as other,
        httpx.Client(base_url=f"{other.url}/api/v1", timeout=60) as client,
    ):
        world.sql(
            "UPDATE login_failure SET failures = failures + 8, failed_at = now()"
        )  # a pause that outlasts the test
        answer = log_in(client, name, PASSWORD)
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 100
        other.app.state.service.logins = logins.LoginThrottle()
        assert log_in(client, name, PASSWORD).status_code == 429, "as after a restart"
        world.sql("UPDATE login_failure SET failed_at = now() - interval '10 minutes'")
        other.app.state.service.logins = logins.LoginThrottle()
        assert log_in(client, name, PASSWORD).status_code == (200 if exists else 401)
        if exists:
            assert world.value("SELECT count(*) FROM login_failure") == 2, "of account and address, not of both"


def test_counts_of_failed_logins_are_forgotten(world: World, nobody: httpx.Client) -> None:
    assert log_in(nobody, "somebody", "x").status_code == 401
    eventually(lambda: world.value("SELECT count(*) FROM login_failure") == 3)
    world.sql("UPDATE login_failure SET failed_at = now() - interval '1 hour', failures = 100")

    async def forget() -> None:
        async with world.db.worker() as conn:
            await login_failures.forget_old(conn)

    assert log_in(nobody, "somebody", "x").status_code == 401
    eventually(lambda: world.value("SELECT max(failures) FROM login_failure") == 1)
    world.sql("UPDATE login_failure SET failed_at = now() - interval '1 hour'")
    world.run(forget())
    assert world.value("SELECT count(*) FROM login_failure") == 0
