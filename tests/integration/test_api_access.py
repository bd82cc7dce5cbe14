"""Who may come in, and that tenants are walls: another's thing is answered exactly as one that is not there."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from storax_core.resources import RESOURCES
from world import User, World, problem, until

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
    with httpx.Client(base_url=f"{world.url}/api/v1") as client:
        yield client


# ---- tokens ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer nonsense", "Basic dTpw", "bearer stx_" + "x" * 43, "Bearer " + "x" * 9000],
)
def test_without_a_good_token_nothing_is_told(nobody: httpx.Client, header: str | None) -> None:
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
    made = user.post("/tokens/", {"name": "laptop", "expires_in_days": 30})
    assert re.fullmatch(r"stx_[A-Za-z0-9_-]{43}", made["token"])
    assert made["token"] not in user.http.get("/tokens/").text
    assert "hash" not in user.get(f"/tokens/{made['id']}")
    stored = world.value("SELECT hash FROM token WHERE id = $1", made["id"])
    assert re.fullmatch("[0-9a-f]{64}", stored)
    days = world.value("SELECT extract(day FROM expires_at - now()) FROM token WHERE id = $1", made["id"])
    assert days in (29, 30)
    assert user.events(entity="token", entity_id=made["id"])[0]["data"].keys() == {
        "id",
        "name",
        "user_id",
        "expires_at",
    }


def test_a_revoked_token_is_refused_within_five_seconds(world: World, user: User) -> None:
    made = user.post("/tokens/", {"name": "old"})
    other = User(world, user.name, user.id, made["token"])
    with other.http:
        assert other.get("/auth/me")["user_id"] == user.id
        user.delete(f"/tokens/{made['id']}")
        begun = time.monotonic()
        until(lambda: other.ask("GET", "/auth/me").status_code == 401, seconds=5, step=0.1)
        assert time.monotonic() - begun < 5
        other.refused("GET", "/auth/me", status=401, code="unauthorized")


def test_an_open_stream_ends_with_its_token(world: World, user: User) -> None:
    made = user.post("/tokens/", {"name": "old"})
    other = User(world, user.name, user.id, made["token"])
    with other.http, other.stream() as stream:
        user.delete(f"/tokens/{made['id']}")
        time.sleep(3.1)
        user.site()
        assert stream.ended.wait(3)
        assert [e["type"] for e in stream.events if e["entity"] == "site"] == []


def test_an_expired_token_is_refused(world: World, user: User) -> None:
    made = user.post("/tokens/", {"name": "short"})
    world.sql("UPDATE token SET expires_at = now() - interval '1 second' WHERE id = $1", made["id"])
    other = User(world, user.name, user.id, made["token"])
    with other.http:
        assert "expired" in other.refused("GET", "/auth/me", status=401, code="unauthorized")["detail"]
    told = world.value(
        "SELECT data->>'expires_at' FROM event_log WHERE entity = 'token' AND entity_id = $1", made["id"]
    )
    world.sql("UPDATE token SET expires_at = $2::text::timestamptz WHERE id = $1", made["id"], told)


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


def test_logins_at_once_all_succeed_and_hold_nobody_up(world: World, nobody: httpx.Client) -> None:
    user = world.user("dora", password=PASSWORD)
    with ThreadPoolExecutor(6) as pool:
        logins = [
            pool.submit(nobody.post, "/auth/login", json={"username": "dora", "password": PASSWORD}) for _ in range(6)
        ]
        begun = time.monotonic()
        user.get("/auth/me")
        assert time.monotonic() - begun < 1
        assert [w.result(20).status_code for w in logins] == [200] * 6
    assert len(user.events(type="user.logged_in")) == 6


@pytest.mark.parametrize("body", [{}, {"username": "a"}, {"username": "", "password": "x"}, {"username": "a", "password": ""}, {"username": "a\x00", "password": "x"},
                                  {"username": 5, "password": "x"}, {"username": "a", "password": "x" * 1025}, {"username": "a", "password": "x", "otp": 1}, [], "x"])  # fmt: skip
def test_a_login_of_the_wrong_shape_is_refused(nobody: httpx.Client, body: Any) -> None:
    answer = nobody.post("/auth/login", json=body)
    assert answer.status_code == 422
    problem(answer, "invalid")


def test_registration_is_closed_unless_it_was_opened(nobody: httpx.Client, open_world: World) -> None:
    body = {"username": "eve", "password": PASSWORD}
    assert nobody.post("/auth/register", json=body).status_code == 401
    with httpx.Client(base_url=f"{open_world.url}/api/v1") as client:
        assert client.post("/auth/register", json=body).json()["username"] == "eve"
        again = client.post("/auth/register", json=body)
        assert (again.status_code, problem(again)["code"]) == (409, "conflict")
        assert client.post("/auth/register", json={"username": "fay", "password": "short"}).status_code == 422
        with ThreadPoolExecutor(5) as pool:
            codes = sorted(
                r.status_code
                for r in pool.map(
                    lambda _: client.post("/auth/register", json={"username": "gus", "password": PASSWORD}), range(5)
                )
            )
        assert codes == [201, 409, 409, 409, 409]
        assert client.post("/auth/login", json=body).status_code == 200


# ---- tenants --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def owned(world: World) -> dict[str, Any]:
    """A tenant with one of everything; ``ids`` by path."""
    user = world.user()
    site = user.site("secret-site")
    app = user.app(site, name="Secret", transfers={"f": {"direction": "in", "required": False}})
    job = user.job(app, tags={"secret": "yes"})["id"]
    user.job(app, transfers={"f": "x:/f"})
    session = user.session(site)
    ids = {
        "sites": site, "apps": app, "jobs": job, "sessions": session, "batch-jobs": user.post("/batch-jobs/", {"site_id": site})["id"],
        "transfers": user.get("/transfers/")["results"][0]["id"], "tokens": user.get("/tokens/")["results"][0]["id"],
        "users": user.id, "events": user.events(entity="job")[0]["id"],
    }  # fmt: skip
    return {"user": user, "ids": ids}


def bodies(path: str, method: str) -> list[Any]:
    if path.endswith("/report"):
        return [{"reports": [{"id": 1, "lease_epoch": 1, "moves": [{"to": "RUNNING", "at": "2026-01-01"}]}]}]
    return {"patch": [{}, {"state": "FAILED"}, {"name": "x"}, {"description": "x"}]}.get(method, [{}])


def test_every_operation_on_anothers_thing_is_answered_as_if_it_were_not_there(
    world: World, owned: dict[str, Any]
) -> None:
    stranger, before = world.user(), world.value("SELECT max(position) FROM event_log")
    paths = stranger.http.get(f"{world.url}/openapi.json").json()["paths"]
    asked = 0
    for path, methods in paths.items():
        if "{id}" not in path:
            continue
        local = path.removeprefix("/api/v1")
        foreign = owned["ids"][local.split("/")[1]]
        for method in methods:
            for body in bodies(local, method):
                answers = [stranger.ask(method.upper(), local.replace("{id}", str(n)), body) for n in (foreign, 10**15)]
                told = [_without_numbers(problem(a)) for a in answers]
                assert told[0] == told[1], (method, path, body)
                assert answers[0].status_code in (404, 422), (method, path, body, answers[0].text)
                asked += answers[0].status_code == 404
    assert asked >= 25
    assert world.value("SELECT max(position) FROM event_log WHERE owner_id = $1", owned["user"].id) <= before


def _without_numbers(told: dict[str, Any]) -> dict[str, Any]:
    return {k: re.sub(r"\d+", "N", str(v)) for k, v in told.items() if k != "request_id"}


def test_bulk_calls_pass_anothers_things_by(world: World, owned: dict[str, Any]) -> None:
    stranger, ids = world.user(), owned["ids"]
    for path in ("sites", "apps", "jobs", "batch-jobs", "sessions", "transfers", "tokens", "users", "events"):
        mine = {r["id"] for r in stranger.get(f"/{path}/", limit=1000)["results"]}
        assert ids[path] not in mine
        assert stranger.post(f"/{path}/query", {"filter": {"id": [ids[path]]}, "count": True})["count"] == 0
    for path in ("sites", "apps", "jobs", "batch-jobs", "sessions", "tokens"):
        assert stranger.post(f"/{path}/delete", {"filter": {"id": ids[path]}})["deleted"] == 0
    for path, patch in (
        ("sites", {"path": "/x"}),
        ("jobs", {"priority": 1}),
        ("jobs", {"state": "FAILED"}),
        ("batch-jobs", {"state": "queued"}),
        ("transfers", {"state": "done"}),
    ):
        stranger.refused("PATCH", f"/{path}/", [{"id": ids[path], **patch}], status=404, code="not_found")
        assert stranger.patch(f"/{path}/", {"filter": {"id": ids[path]}, "patch": patch}) == {"updated": 0}
    assert stranger.post("/jobs/cancel", {"filter": {"id": ids["jobs"]}}) == {"cancelled": 0, "requested": 0}
    assert stranger.post("/jobs/counts", {"by": "state"})["counts"] == {}
    assert owned["user"].get(f"/jobs/{ids['jobs']}")["version"] == 1


def test_nothing_can_be_hung_on_anothers_things(world: World, owned: dict[str, Any]) -> None:
    stranger, ids = world.user(), owned["ids"]
    own_app = stranger.app()
    for path, body in (
        ("apps", {"site_id": ids["sites"], "name": "A", "command_template": "true"}), ("batch-jobs", {"site_id": ids["sites"]}),
        ("sessions", {"site_id": ids["sites"]}), ("jobs", {"app_id": ids["apps"], "workdir": "w"}),
        ("jobs", {"app_id": own_app, "workdir": "w", "parent_ids": [ids["jobs"]]}),
    ):  # fmt: skip
        assert "does not exist" in stranger.refused("POST", f"/{path}/", body, status=422, code="invalid")["detail"]
    stranger.refused("PATCH", f"/apps/{own_app}", {"site_id": ids["sites"]}, status=422, code="invalid")


def test_joins_do_not_look_over_the_wall(world: World, owned: dict[str, Any]) -> None:
    stranger = world.user()
    stranger.app(name="Secret")
    for path, filters in (
        ("jobs", {"app_name": "Secret"}), ("jobs", {"site_name": "secret-site"}), ("jobs", {"tags": {"secret": "yes"}}),
        ("jobs", {"parent_id": owned["ids"]["jobs"]}), ("events", {"tags": {"secret": "yes"}}), ("events", {"job_id": owned["ids"]["jobs"]}),
        ("transfers", {"tags": {}}), ("apps", {"site_name": "secret-site"}),
    ):  # fmt: skip
        assert stranger.post(f"/{path}/query", {"filter": filters})["results"] == []
    assert stranger.post("/jobs/query", {"exclude": [{"tags": {"secret": "no"}}]})["results"] == []


def test_a_session_hands_out_no_jobs_of_another(world: World, owned: dict[str, Any]) -> None:
    stranger = world.user()
    session = stranger.session(stranger.site())
    world.redis.zadd(f"ready:{stranger.get('/sites/')['results'][0]['id']}", {str(owned["ids"]["jobs"]): 1})
    assert stranger.acquire(session, 100) == []
    assert owned["user"].get(f"/jobs/{owned['ids']['jobs']}")["lease_epoch"] == 0


def test_a_stream_carries_ones_own_events_alone(world: World, owned: dict[str, Any]) -> None:
    stranger = world.user()
    with stranger.stream(after=0) as stream:
        owned["user"].site()
        mine = stranger.site()
        until(lambda: [e for e in stream.events if e["entity"] == "site"])
        assert [e["entity_id"] for e in stream.events if e["entity"] == "site"] == [mine]
        assert {e["entity"] for e in stream.events} == {"user", "token", "site"}
        assert not any("owner_id" in e for e in stream.events)


# ---- the second wall ------------------------------------------------------------------------------------------------

TABLES = sorted({t for r in RESOURCES for t in (r.table, r.state_table)} | {"job_parent", "command", "job_tally"})


@pytest.mark.parametrize("table", TABLES)
def test_the_database_shows_a_caller_no_row_of_another_even_without_a_filter(
    world: World, owned: dict[str, Any], table: str
) -> None:
    stranger = world.user()
    app = stranger.app()
    stranger.job(app, parent_ids=[stranger.job(app)["id"]])

    async def look() -> tuple[int, int]:
        async with world.db.owner(stranger.id) as conn:
            seen = await conn.fetchval(f"SELECT count(*) FROM {table} WHERE owner_id <> $1", stranger.id)
            return seen, await conn.fetchval(f"SELECT count(*) FROM {table}")

    foreign, own = world.run(look())
    assert foreign == 0
    assert own == world.value(f"SELECT count(*) FROM {table} WHERE owner_id = $1", stranger.id)
    assert world.value(f"SELECT count(*) FROM {table} WHERE owner_id <> $1", stranger.id) > 0 or table == "command"


@pytest.mark.parametrize("table", ["site", "job", "job_state", "event_log", "token", "user_account", "session"])
def test_the_database_lets_a_caller_change_no_row_of_another(world: World, owned: dict[str, Any], table: str) -> None:
    import asyncpg

    async def work() -> str:
        async with world.db.owner(world_user) as conn:
            if table != "event_log":
                assert (
                    await conn.execute(f"UPDATE {table} SET owner_id = owner_id WHERE owner_id = $1", owned["user"].id)
                    == "UPDATE 0"
                )
                assert await conn.execute(f"DELETE FROM {table} WHERE owner_id = $1", owned["user"].id) == "DELETE 0"
            copy = f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM jsonb_populate_record(NULL::{table}, $1::jsonb)"
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.execute(copy, row)
        return "kept out"

    world_user = world.user().id
    row = world.value(f"SELECT to_jsonb(t)::text FROM {table} t WHERE owner_id = $1 LIMIT 1", owned["user"].id)
    assert world.run(work()) == "kept out"


def test_a_connection_without_an_owner_sees_nothing(world: World, owned: dict[str, Any]) -> None:
    for table in TABLES:
        assert world.sql(f"SELECT count(*) FROM {table}", role="storax_app")[0][0] == 0


def test_a_connection_lent_to_one_owner_shows_the_next_one_its_own(world: World) -> None:
    """The pool keeps no setting of the last borrower."""
    users = [world.user() for _ in range(5)]
    for u in users:
        u.site()

    async def look(owner: int) -> set[int]:
        async with world.db.owner(owner) as conn:
            return {r[0] for r in await conn.fetch("SELECT owner_id FROM site")}

    for u in users * 4:
        assert world.run(look(u.id)) == {u.id}
