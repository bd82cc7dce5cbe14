"""A single job is created in one statement, by an App that is known from before: as any other job, by the App of now."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import pytest

from waiting import eventually
from world import User, World

ROW: dict[str, Any] = {
    "workdir": "w/ü 'quoted'",
    "tags": {"a": "ß\n", "b": '"\\ \x07'},
    "data": {"n": [1, 1.5, None, True, {"x": "\u00e9"}], "big": 2**62},
    "launch_params": {"k": "v"},
    "num_nodes": 3,
    "wall_time_min": 7,
    "priority": -4,
}


@pytest.fixture(scope="module")
def user(world: World) -> User:
    return world.user()


@pytest.mark.parametrize("more", [{}, {"gpus_per_rank": 1}, {"gpus_per_rank": 0.25}, {"gpus_per_rank": 1e-6}])
def test_the_answer_is_what_a_read_answers(user: User, more: dict[str, Any]) -> None:
    app = user.app(parameters={"p": {"required": False}})
    created = user.ask("POST", "/jobs/", {"app_id": app, "parameters": {"p": 1.0}, **ROW, **more})
    read = user.get(f"/jobs/{created.json()['id']}")
    assert repr(created.json()) == repr(read)  # 0 is not 0.0


def test_the_log_holds_what_it_holds_of_a_job_created_among_others(user: User) -> None:
    app = user.app(max_attempts=5)
    single = user.post("/jobs/", {"app_id": app, **ROW}, **user.key())["id"]
    (other,) = (row["id"] for row in user.post("/jobs/", [{"app_id": app, **ROW}])["results"])
    events = [user.events(job_id=job) for job in (single, other)]
    own = ("id", "position", "timestamp", "entity_id", "job_id", "command_id")
    assert [len(e) for e in events] == [1, 1]
    first, second = ({n: v for n, v in e[0].items() if n not in own} for e in events)
    assert (first["data"].pop("id"), second["data"].pop("id")) == (single, other)
    assert first == second


def test_the_counts_include_it(user: User) -> None:
    app = user.app()
    before = user.post("/jobs/counts", {"by": "state"})["counts"]
    state = user.job(app)["state"]
    after = user.post("/jobs/counts", {"by": "state"})["counts"]
    assert after.get(state, 0) == before.get(state, 0) + 1


def test_a_job_is_made_by_the_app_as_it_is_now(user: User) -> None:
    app = user.app(parameters={"old": {"required": True}}, max_attempts=2)
    assert user.job(app, parameters={"old": 1})["max_attempts"] == 2
    user.patch(f"/apps/{app}", {"parameters": {"new": {"required": True}}, "max_attempts": 7})
    assert user.job(app, parameters={"new": 1})["max_attempts"] == 7
    error = user.refused(
        "POST", "/jobs/", {"app_id": app, "workdir": "w", "parameters": {"old": 1}}, status=422, code="invalid"
    )
    assert "lacks parameter 'new'" in error["detail"]


def test_a_new_slot_of_an_app_holds_for_the_next_job(user: User) -> None:
    app = user.app()
    user.job(app)
    user.patch(f"/apps/{app}", {"transfers": {"in": {"direction": "in", "required": True}}})
    error = user.refused("POST", "/jobs/", {"app_id": app, "workdir": "w"}, status=422, code="invalid")
    assert "transfer slot 'in'" in error["detail"]


def test_a_job_of_an_app_that_was_deleted_is_refused(user: User) -> None:
    app = user.app()
    job = user.job(app)["id"]
    user.delete(f"/jobs/{job}")
    user.delete(f"/apps/{app}")
    error = user.refused("POST", "/jobs/", {"app_id": app, "workdir": "w"}, status=422, code="invalid")
    assert error["detail"].startswith(f"App {app} does not exist")


def test_the_app_of_another_user_is_refused_though_the_server_knows_it(world: World, user: User) -> None:
    app = user.app()
    user.job(app)
    other = world.user()
    error = other.refused("POST", "/jobs/", {"app_id": app, "workdir": "w"}, status=422, code="invalid")
    assert error["detail"].startswith(f"App {app} does not exist")


def test_a_repeat_gets_the_first_answer_after_the_job_changed(world: World, user: User) -> None:
    app, key = user.app(), user.key()
    row = {"app_id": app, **ROW}
    first = user.ask("POST", "/jobs/", row, **key)
    user.patch(f"/jobs/{first.json()['id']}", {"priority": 9})
    again = user.ask("POST", "/jobs/", row, **key)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.text, again.headers["X-Storax-Position"]) == (first.text, first.headers["X-Storax-Position"])
    assert world.value("SELECT count(*) FROM job WHERE app_id = $1", app) == 1


def test_a_create_that_waits_for_its_app_does_not_hold_back_the_events_of_others(world: World, user: User) -> None:
    app, other = user.app(), world.user()
    site = other.site()
    user.job(app)  # so that the process knows the App

    async def hold(pool: ThreadPoolExecutor) -> Any:
        conn = await asyncpg.connect(world.database_url)
        try:
            async with conn.transaction():
                await conn.execute("SELECT FROM app WHERE id = $1 FOR UPDATE", app)
                waiting = pool.submit(user.job, app)
                blocked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                # Of another connection: a transaction sees the connections that were there when it looked first.
                await asyncio.to_thread(eventually, lambda: world.value(blocked))
                await asyncio.to_thread(_is_published, world, other, site)
            return await asyncio.to_thread(waiting.result, 60)
        finally:
            await conn.close()

    with ThreadPoolExecutor(1) as pool:
        assert asyncio.run(hold(pool))["app_id"] == app


def _is_published(world: World, user: User, site: int) -> None:
    """Return once an event that the user causes now is published."""
    user.patch(f"/sites/{site}", {"path": "/new"})
    newest = max(event["position"] for event in user.events(entity="site"))
    eventually(lambda: world.run(world.app.state.broadcast.published()) >= newest)
