"""Who may come in: tokens that expire and can be revoked, passwords that are kept as hashes."""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from storax_api import service
from storax_core.commands import users
from waiting import eventually
from world import User, World, problem

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def open_world(database_url: str, redis_url: str, world: World) -> Any:
    """A second API on the same database, where anyone may register."""
    with World(database_url, redis_url, feeder=False, allow_registration=True) as running:
        yield running


@pytest.fixture
def user(world: World) -> User:
    return world.user()


@pytest.fixture
def nobody(world: World) -> Any:
    with httpx.Client(base_url=f"{world.url}/api/v1", timeout=60) as client:
        yield client


# ---- tokens ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer nonsense", "Basic dTpw", "bearer stx_" + "x" * 43, "Bearer " + "x" * 9000],
)
def test_without_a_valid_token_nothing_is_answered(nobody: httpx.Client, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    for method, path in (
        ("GET", "/jobs/"),
        ("POST", "/jobs/"),
        ("GET", "/events/stream"),
        ("GET", "/jobs/1"),
        ("GET", "/auth/me"),
    ):
        answer = nobody.request(method, path, headers=headers)
        assert answer.status_code == 401, (method, path, answer.text)
        assert problem(answer, "unauthorized")["hint"]
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_says_for_whom_it_speaks(user: User) -> None:
    me = user.get("/auth/me")
    assert (me["user_id"], me["username"]) == (user.id, user.name)
    assert [t["id"] for t in user.get("/tokens/")["results"]] == [me["token_id"]]
    assert [u["username"] for u in user.get("/users/")["results"]] == [user.name]


def test_a_token_is_shown_once_and_stored_as_a_hash(world: World, user: User) -> None:
    created = user.post("/tokens/", {"name": "laptop", "expires_in_days": 30})
    assert re.fullmatch(r"stx_[A-Za-z0-9_-]{43}", created["token"])
    assert created["token"] not in user.http.get("/tokens/").text
    assert "hash" not in user.get(f"/tokens/{created['id']}")
    stored = world.value("SELECT hash FROM token WHERE id = $1", created["id"])
    assert re.fullmatch("[0-9a-f]{64}", stored)
    days = world.value("SELECT extract(day FROM expires_at - now()) FROM token WHERE id = $1", created["id"])
    assert days in (29, 30)
    assert user.events(entity="token", entity_id=created["id"])[0]["data"].keys() == {
        "id",
        "name",
        "user_id",
        "expires_at",
        "parent_id",
    }


def test_a_revoked_token_is_refused_within_five_seconds(world: World, user: User) -> None:
    created = user.post("/tokens/", {"name": "old"})
    other = User(world, user.name, user.id, created["token"])
    with other.http:
        assert other.get("/auth/me")["user_id"] == user.id
        user.delete(f"/tokens/{created['id']}")
        assert service.TOKEN_CACHE_SEC < 5
        eventually(lambda: other.ask("GET", "/auth/me").status_code == 401, step=0.1)
        other.refused("GET", "/auth/me", status=401, code="unauthorized")


def test_an_open_stream_ends_with_its_token(world: World, user: User) -> None:
    created = user.post("/tokens/", {"name": "old"})
    other = User(world, user.name, user.id, created["token"])
    with other.http, other.stream() as stream:
        user.delete(f"/tokens/{created['id']}")
        time.sleep(3.1)
        user.site()
        assert stream.ended.wait(60)
        assert [e["type"] for e in stream.events if e["entity"] == "site"] == []


def test_an_expired_token_is_refused(world: World, user: User) -> None:
    created = user.post("/tokens/", {"name": "short"})
    world.sql("UPDATE token SET expires_at = now() - interval '1 second' WHERE id = $1", created["id"])
    other = User(world, user.name, user.id, created["token"])
    with other.http:
        assert "expired" in other.refused("GET", "/auth/me", status=401, code="unauthorized")["detail"]
    expires_at = world.value(
        "SELECT data->>'expires_at' FROM event_log WHERE entity = 'token' AND entity_id = $1", created["id"]
    )
    world.sql("UPDATE token SET expires_at = $2::text::timestamptz WHERE id = $1", created["id"], expires_at)


@pytest.mark.parametrize(
    "body",
    [
        {"name": 5},
        {"expires_in_days": 0},
        {"expires_in_days": 3651},
        {"expires_in_days": "9"},
        {"name": "\x00"},
        {"scope": "x"},
        [],
    ],
)
def test_a_token_of_the_wrong_shape_is_refused(user: User, body: Any) -> None:
    user.refused("POST", "/tokens/", body, status=422, code="invalid")


# ---- passwords ------------------------------------------------------------------------------------------------------


def test_a_password_is_exchanged_for_a_token(world: World, nobody: httpx.Client) -> None:
    user = world.user("ann", password=PASSWORD)
    answer = nobody.post("/auth/login", json={"username": "ann", "password": PASSWORD})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["user_id"], body["username"]) == (user.id, "ann")
    assert body["expires_at"]
    assert nobody.get("/auth/me", headers={"Authorization": f"Bearer {body['token']}"}).json()["token_id"] == body["id"]
    assert [e["type"] for e in user.events(entity=["user", "token"])][-2:] == ["user.logged_in", "token.created"]
    stored = world.value("SELECT password_hash FROM user_account WHERE username = 'ann'")
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in str(world.sql("SELECT * FROM event_log"))


def test_a_wrong_password_and_an_unknown_user_look_the_same(world: World, nobody: httpx.Client) -> None:
    world.user("bob", password=PASSWORD)
    world.user("carl")
    answers = [
        nobody.post("/auth/login", json={"username": name, "password": password})
        for name, password in (("bob", "wrong"), ("nobody", PASSWORD), ("carl", PASSWORD), ("carl", "x"))
    ]
    assert {a.status_code for a in answers} == {401}
    assert len({(p["detail"], p["hint"]) for p in (problem(a, "unauthorized") for a in answers)}) == 1


def test_logins_at_once_all_succeed_and_hold_nobody_up(
    world: World, nobody: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others are served while a password is being looked at, however long that takes."""
    go_on, fits = threading.Event(), users.password_fits
    monkeypatch.setattr(users, "password_fits", lambda *of: go_on.wait(60) and fits(*of))
    user = world.user("dora", password=PASSWORD)
    with ThreadPoolExecutor(4) as pool:
        logins = [
            pool.submit(nobody.post, "/auth/login", json={"username": "dora", "password": PASSWORD}) for _ in range(4)
        ]
        try:
            user.get("/auth/me")
            assert not any(w.done() for w in logins)
        finally:
            go_on.set()
        assert [w.result(60).status_code for w in logins] == [200] * 4
    assert len(user.events(type="user.logged_in")) == 4


@pytest.mark.parametrize("body", [{}, {"username": "a"}, {"username": "", "password": "x"}, {"username": "a", "password": ""}, {"username": "a\x00", "password": "x"},
                                  {"username": 5, "password": "x"}, {"username": "a", "password": "x" * 1025}, {"username": "a", "password": "x", "otp": 1}, [], "x"])  # fmt: skip
def test_a_login_of_the_wrong_shape_is_refused(nobody: httpx.Client, body: Any) -> None:
    answer = nobody.post("/auth/login", json=body)
    assert answer.status_code == 422
    problem(answer, "invalid")


def test_registration_is_closed_unless_it_was_opened(nobody: httpx.Client, open_world: World) -> None:
    body = {"username": "eve", "password": PASSWORD}
    assert nobody.post("/auth/register", json=body).status_code == 401
    with httpx.Client(base_url=f"{open_world.url}/api/v1", timeout=70) as client:
        assert client.post("/auth/register", json=body).json()["username"] == "eve"
        again = client.post("/auth/register", json=body)
        assert (again.status_code, problem(again)["code"]) == (409, "conflict")
        assert client.post("/auth/register", json={"username": "fay", "password": "short"}).status_code == 422
        for name in ("x\x01y", "x\n", " x"):  # names that nobody could read or type
            assert client.post("/auth/register", json={"username": name, "password": PASSWORD}).status_code == 422
        with ThreadPoolExecutor(5) as pool:
            codes = sorted(
                r.status_code
                for r in pool.map(
                    lambda _: client.post("/auth/register", json={"username": "gus", "password": PASSWORD}), range(5)
                )
            )
        assert codes == [201, 409, 409, 409, 409]
        assert client.post("/auth/login", json=body).status_code == 200
