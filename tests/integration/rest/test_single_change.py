"""A change of one job is one statement: as any other change, of the job as it is now."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import pytest

from waiting import eventually
from world import User, World

STATE_FIELDS = {"num_nodes": 3, "priority": -4, "wall_time_min": 7}
WIDE_FIELDS = {
    "workdir": "w/ü 'quoted'",
    "tags": {"a": "ß\n", "b": '"\\ \x07'},
    "data": {"n": [1, 1.5, None, True], "big": 2**62},
}
PATCHES = [STATE_FIELDS, WIDE_FIELDS, {**STATE_FIELDS, **WIDE_FIELDS}, {"gpus_per_rank": 1}, {"gpus_per_rank": 1e-6}]


@pytest.fixture(scope="module")
def user(world: World) -> User:
    return world.user()


@pytest.mark.parametrize("patch", PATCHES)
def test_the_answer_is_what_a_read_answers(user: User, patch: dict[str, Any]) -> None:
    job = user.job(user.app())["id"]
    changed = user.ask("PATCH", f"/jobs/{job}", patch)
    read = user.get(f"/jobs/{job}")
    assert repr(changed.json()) == repr(read)  # 0 is not 0.0
    assert {name: read[name] for name in patch} == patch
    assert read["version"] == 2


@pytest.mark.parametrize("patch", PATCHES[:3])
def test_the_log_holds_what_it_holds_of_a_job_changed_among_others(user: User, patch: dict[str, Any]) -> None:
    single, other = (user.job(user.app())["id"] for _ in range(2))
    user.patch(f"/jobs/{single}", patch, **user.key())
    user.patch("/jobs/", [{"id": other, **patch}])
    (first,), (second,) = (user.events(job_id=job, type="job.updated") for job in (single, other))
    own = ("id", "position", "timestamp", "entity_id", "job_id", "command_id", "site_id")
    assert {n: v for n, v in first.items() if n not in own} == {n: v for n, v in second.items() if n not in own}
    assert first["data"] == patch


def test_a_version_that_is_not_the_job_s_changes_nothing(user: User) -> None:
    job = user.job(user.app())["id"]
    user.patch(f"/jobs/{job}", {"priority": 1, "if_version": 1})
    error = user.refused("PATCH", f"/jobs/{job}", {"priority": 2, "if_version": 1}, status=409, code="stale_version")
    assert error["detail"] == f"job {job} is at version 2, not 1"
    assert user.get(f"/jobs/{job}")["priority"] == 1


def test_a_job_of_another_user_is_not_there(world: World, user: User) -> None:
    job = user.job(user.app())["id"]
    error = world.user().refused("PATCH", f"/jobs/{job}", {"priority": 2}, status=404, code="not_found")
    assert error["detail"].startswith(f"job {job} does not exist")
    assert user.get(f"/jobs/{job}")["version"] == 1


def test_no_field_changes_nothing(user: User) -> None:
    job = user.job(user.app())["id"]
    assert user.patch(f"/jobs/{job}", {})["version"] == 1
    assert len(user.events(job_id=job)) == 1


def test_parameters_are_checked_with_the_app(user: User) -> None:
    job = user.job(user.app(parameters={"x": {"required": False}}))["id"]
    error = user.refused("PATCH", f"/jobs/{job}", {"parameters": {"y": 1}, "priority": 2}, status=422, code="invalid")
    assert "'y'" in error["detail"]
    assert user.get(f"/jobs/{job}")["version"] == 1


def test_a_repeat_gets_the_first_answer_after_the_job_changed(world: World, user: User) -> None:
    job, key = user.job(user.app())["id"], user.key()
    first = user.ask("PATCH", f"/jobs/{job}", {"priority": 1}, **key)
    user.patch(f"/jobs/{job}", {"priority": 9})
    again = user.ask("PATCH", f"/jobs/{job}", {"priority": 1}, **key)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.text, again.headers["X-Storax-Position"]) == (first.text, first.headers["X-Storax-Position"])
    assert user.get(f"/jobs/{job}")["priority"] == 9


def test_a_key_that_was_used_for_another_change_is_refused(user: User) -> None:
    job, key = user.job(user.app())["id"], user.key()
    user.ask("PATCH", f"/jobs/{job}", {"priority": 1}, **key)
    user.refused("PATCH", f"/jobs/{job}", {"priority": 2}, status=422, code="key_reused", **key)
    assert user.get(f"/jobs/{job}")["priority"] == 1


def test_the_answer_has_what_another_call_wrote_while_it_waited(world: World, user: User) -> None:
    """The statement began before the other call's commit, and answers as if it had begun after it."""
    job = user.job(user.app())["id"]
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

    async def change(pool: ThreadPoolExecutor) -> list[Any]:
        conn = await asyncpg.connect(world.database_url)
        calls = []
        try:
            async with conn.transaction():
                await conn.execute("SELECT FROM job_state WHERE id = $1 FOR UPDATE", job)
                for patch in ({"workdir": "moved"}, {"priority": 5}):
                    calls.append(pool.submit(user.patch, f"/jobs/{job}", patch))
                    await asyncio.to_thread(eventually, lambda: world.value(blocked) == len(calls))
            return [await asyncio.to_thread(call.result, 60) for call in calls]
        finally:
            await conn.close()

    with ThreadPoolExecutor(2) as pool:
        first, second = asyncio.run(change(pool))
    assert (first["workdir"], first["version"]) == ("moved", 2)
    assert (second["workdir"], second["priority"], second["version"]) == ("moved", 5, 3)
    assert user.get(f"/jobs/{job}") == second
