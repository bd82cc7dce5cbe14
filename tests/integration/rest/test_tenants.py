"""Tenants are walls: another's thing is answered exactly as one that is not there."""

import re
from typing import Any

import asyncpg
import pytest

from storax_core.resources import RESOURCES
from waiting import eventually
from world import World, problem


@pytest.fixture(scope="module")
def owned(world: World) -> dict[str, Any]:
    """A tenant with one of everything; ``ids`` by path."""
    user = world.user()
    site = user.site("secret-site")
    app = user.app(site, name="Secret", transfers={"f": {"direction": "in", "required": False}})
    job = user.job(app, tags={"secret": "yes"})["id"]
    user.job(app, transfers={"f": "x:/f"})
    user.job(app, parent_ids=[job])
    session, project = user.session(site), user.post("/projects/", {"name": "secret"})["id"]
    ids = {
        "sites": site, "apps": app, "jobs": job, "sessions": session, "batch-jobs": user.post("/batch-jobs/", {"site_id": site})["id"],
        "transfers": user.get("/transfers/")["results"][0]["id"], "tokens": user.get("/tokens/")["results"][0]["id"],
        "users": user.id, "events": user.events(entity="job")[0]["id"], "projects": project,
        "data-frames": user.post("/data-frames/", {"project_id": project, "name": "secret"})["id"],
        "pipelines": user.post("/pipelines/", {"project_id": project, "name": "secret", "edition": 1})["id"],
        "saved-views": user.post("/saved-views/", {"name": "secret", "query": "state=FAILED"})["id"],
        "webhooks": user.post("/webhooks/", {"name": "secret", "url": "https://example.org/"})["id"],
    }  # fmt: skip
    return {"user": user, "ids": ids}


def bodies(path: str, method: str) -> list[Any]:
    if path.endswith("/report"):
        return [{"reports": [{"id": 1, "lease_epoch": 1, "moves": [{"to": "RUNNING", "at": "2026-01-01T00:00:00Z"}]}]}]
    return {"patch": [{}, {"state": "FAILED"}, {"name": "x"}, {"description": "x"}]}.get(method, [{}])


def test_every_operation_on_anothers_thing_is_answered_as_if_it_were_not_there(
    world: World, owned: dict[str, Any]
) -> None:
    stranger, before = world.user(), world.value("SELECT max(position) FROM event_log")
    paths = stranger.http.get(f"{world.url}/openapi.json").json()["paths"]
    calls = 0
    for path, methods in paths.items():
        if "{id}" not in path:
            continue
        local = path.removeprefix("/api/v1")
        foreign = owned["ids"][local.split("/")[1]]
        for method in methods:
            for body in bodies(local, method):
                answers = [stranger.ask(method.upper(), local.replace("{id}", str(n)), body) for n in (foreign, 10**15)]
                refusals = [_without_numbers(problem(a)) for a in answers]
                assert refusals[0] == refusals[1], (method, path, body)
                assert answers[0].status_code in (404, 422), (method, path, body, answers[0].text)
                calls += answers[0].status_code == 404
    assert calls >= 25
    assert world.value("SELECT max(position) FROM event_log WHERE owner_id = $1", owned["user"].id) <= before


def _without_numbers(refusals: dict[str, Any]) -> dict[str, Any]:
    return {k: re.sub(r"\d+", "N", str(v)) for k, v in refusals.items() if k != "request_id"}


def test_bulk_calls_pass_anothers_things_by(world: World, owned: dict[str, Any]) -> None:
    stranger, ids = world.user(), owned["ids"]
    for path in (
        "sites",
        "apps",
        "jobs",
        "batch-jobs",
        "sessions",
        "transfers",
        "tokens",
        "users",
        "events",
        "projects",
        "data-frames",
        "pipelines",
        "saved-views",
    ):
        mine = {r["id"] for r in stranger.get(f"/{path}/", limit=1000)["results"]}
        assert ids[path] not in mine
        assert stranger.post(f"/{path}/query", {"filter": {"id": [ids[path]]}, "count": True})["count"] == 0
    for path in (
        "sites",
        "apps",
        "jobs",
        "batch-jobs",
        "sessions",
        "tokens",
        "projects",
        "data-frames",
        "pipelines",
        "saved-views",
    ):
        assert stranger.post(f"/{path}/delete", {"filter": {"id": ids[path]}})["deleted"] == 0
    for path, patch in (
        ("sites", {"path": "/x"}),
        ("jobs", {"priority": 1}),
        ("jobs", {"state": "FAILED"}),
        ("batch-jobs", {"state": "queued"}),
        ("transfers", {"state": "done"}),
        ("projects", {"autosave": True}),
        ("data-frames", {"nrows": 1}),
        ("pipelines", {"tags": ["x"]}),
        ("saved-views", {"name": "x"}),
    ):
        stranger.refused("PATCH", f"/{path}/", [{"id": ids[path], **patch}], status=404, code="not_found")
        assert stranger.patch(f"/{path}/", {"filter": {"id": ids[path]}, "patch": patch}) == {"updated": 0}
    assert stranger.post("/jobs/cancel", {"filter": {"id": ids["jobs"]}}) == {"cancelled": 0, "requested": 0}
    assert stranger.post("/jobs/counts", {"by": "state"})["counts"] == {}
    for filters in ({}, {"site_id": ids["sites"]}, {"app_id": ids["apps"]}, {"tags": {"secret": "yes"}}):
        measured = stranger.post("/jobs/metrics", {"filter": filters})
        assert [measured[name] for name in ("run_times", "waits", "stages")] == [[], [], []], filters
        assert not any(map(sum, (*measured["ended"].values(), measured["used"], measured["allocated"]))), filters
    assert owned["user"].get(f"/jobs/{ids['jobs']}")["version"] == 1


def test_nothing_can_be_hung_on_anothers_things(world: World, owned: dict[str, Any]) -> None:
    stranger, ids = world.user(), owned["ids"]
    own_app = stranger.app()
    for path, body in (
        ("apps", {"site_id": ids["sites"], "name": "A", "command_template": "true"}), ("batch-jobs", {"site_id": ids["sites"]}),
        ("sessions", {"site_id": ids["sites"]}), ("jobs", {"app_id": ids["apps"], "workdir": "w"}),
        ("jobs", {"app_id": own_app, "workdir": "w", "parent_ids": [ids["jobs"]]}),
        ("data-frames", {"project_id": ids["projects"], "name": "x"}),
        ("pipelines", {"project_id": ids["projects"], "name": "x", "edition": 1}),
    ):  # fmt: skip
        assert "does not exist" in stranger.refused("POST", f"/{path}/", body, status=422, code="invalid")["detail"]
    stranger.refused("PATCH", f"/apps/{own_app}", {"site_id": ids["sites"]}, status=422, code="invalid")


def test_joins_do_not_look_over_the_wall(world: World, owned: dict[str, Any]) -> None:
    stranger = world.user()
    stranger.app(name="Secret")
    for path, filters in (
        ("jobs", {"app_name": "Secret"}), ("jobs", {"tags": {"secret": "yes"}}),
        ("jobs", {"parent_id": owned["ids"]["jobs"]}), ("events", {"tags": {"secret": "yes"}}), ("events", {"job_id": owned["ids"]["jobs"]}),
        ("transfers", {"tags": {}}),
    ):  # fmt: skip
        assert stranger.post(f"/{path}/query", {"filter": filters})["results"] == []
    for path in (
        "jobs",
        "apps",
    ):  # a name that only another has is as wrong as one that nobody has, and suggests nothing
        refusals = stranger.refused(
            "POST", f"/{path}/query", {"filter": {"site_name": "secret-site"}}, status=422, code="invalid"
        )
        assert refusals["hint"] == f"Known: {stranger.get('/sites/')['results'][0]['name']}."
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
        eventually(lambda: [e for e in stream.events if e["entity"] == "site"])
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

    async def row_counts() -> tuple[int, int]:
        async with world.db.owner(stranger.id) as conn:
            seen = await conn.fetchval(f"SELECT count(*) FROM {table} WHERE owner_id <> $1", stranger.id)
            return seen, await conn.fetchval(f"SELECT count(*) FROM {table}")

    foreign, own = world.run(row_counts())
    assert foreign == 0
    assert own == world.value(f"SELECT count(*) FROM {table} WHERE owner_id = $1", stranger.id)
    assert world.value(f"SELECT count(*) FROM {table} WHERE owner_id <> $1", stranger.id) > 0 or table == "command"


@pytest.mark.parametrize("table", ["site", "job", "job_state", "event_log", "token", "user_account", "session"])
def test_the_database_lets_a_caller_change_no_row_of_another(world: World, owned: dict[str, Any], table: str) -> None:
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

    async def visible_owners(owner: int) -> set[int]:
        async with world.db.owner(owner) as conn:
            return {r[0] for r in await conn.fetch("SELECT owner_id FROM site")}

    for u in users * 4:
        assert world.run(visible_owners(u.id)) == {u.id}
