"""Changing single keys of a dictionary: no writer loses the key of another, and the log folds to the same rows."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from storax_core.admin.verify import verify
from world import User, World, report


@pytest.fixture
def user(world: World) -> User:
    return world.user()


def maps(user: User, job: int) -> dict[str, Any]:
    row = user.get(f"/jobs/{job}")
    return {name: row[name] for name in ("tags", "data")}


def test_of_many_writers_who_each_add_a_key_none_loses_it(user: User, world: World) -> None:
    (job,) = user.jobs(user.app(), tags={"first": "1"}, data={"deep": {"first": 1}})

    def add(number: int) -> None:
        key = f"k{number}"
        patch = {"tags__merge": {key: "v"}, "data__merge": {"deep": {key: number}}}
        how = number % 3
        if how == 0:
            user.patch(f"/jobs/{job}", patch)
        elif how == 1:
            user.patch("/jobs/", [{"id": job, **patch}])
        else:
            user.patch("/jobs/", {"filter": {"id": job}, "patch": patch})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(24)))
    keys = {f"k{n}" for n in range(24)} | {"first"}
    stored = maps(user, job)
    assert set(stored["tags"]) == set(stored["data"]["deep"]) == keys
    last = user.events(entity_id=job, entity="job", type="job.updated")[-1]
    assert set(last["data"]["tags"]) == keys, "the event holds the whole new value"
    assert asyncio.run(verify(world.database_url))["differences"] == 0


def test_keys_are_removed_at_any_depth_and_null_is_a_value(user: User) -> None:
    (job,) = user.jobs(user.app(), tags={"a": "1", "b": "2"}, data={"x": {"y": 1, "z": 2}, "n": 1})
    user.patch(f"/jobs/{job}", {"tags__remove": ["a", "never"], "data__remove": [["x", "y"], ["n", "q"]]})
    assert maps(user, job) == {"tags": {"b": "2"}, "data": {"x": {"z": 2}, "n": 1}}
    user.patch(f"/jobs/{job}", {"data__merge": {"x": 5, "n": None, "new": {"a": {}}}})
    assert maps(user, job)["data"] == {"x": 5, "n": None, "new": {"a": {}}}
    user.patch(f"/jobs/{job}", {"tags": {"whole": "1"}})
    assert maps(user, job)["tags"] == {"whole": "1"}


def test_a_state_and_single_keys_go_in_one_patch(user: User) -> None:
    (job,) = user.jobs(user.app(), tags={"a": "1"})
    user.patch(f"/jobs/{job}", {"state": "FAILED", "tags__merge": {"why": "by hand"}})
    assert (user.states(job), maps(user, job)["tags"]) == (["FAILED"], {"a": "1", "why": "by hand"})


@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        ({"tags": {}, "tags__merge": {"a": "1"}}, "tags stands beside tags__merge"),
        ({"tags__merge": {"a": 1}}, "tags__merge.a"),
        ({"tags__merge": {f"k{n}": "v" for n in range(256)}}, "at most 256 tags"),
        ({"parameters__merge": {"nosuch": 1}}, "nosuch"),
        ({"data__remove": [[]]}, "data__remove"),
        ({"tags__mrge": {}}, "no field 'tags__mrge'"),
        ({"priority__merge": {}}, "no field 'priority__merge'"),
    ],
)
def test_keys_that_break_a_rule_change_nothing(user: User, patch: dict[str, Any], reason: str) -> None:
    (job,) = user.jobs(user.app(), tags={"a": "1"})
    refusal = user.refused("PATCH", f"/jobs/{job}", patch, status=422, code="invalid")
    assert reason in refusal["detail"]
    assert user.get(f"/jobs/{job}")["version"] == 1


def test_a_missing_job_and_a_stale_version_are_named(user: User) -> None:
    (job,) = user.jobs(user.app())
    keys = {"tags__merge": {"a": "1"}}
    user.refused("PATCH", f"/jobs/{10**12}", keys, status=404, code="not_found")
    user.refused("PATCH", f"/jobs/{job}", {**keys, "if_version": 7}, status=409, code="stale_version")
    assert maps(user, job)["tags"] == {}


def test_a_hook_and_a_user_keep_each_others_keys(user: User, world: World) -> None:
    site = user.site()
    session = user.session(site)
    app = user.app(site, hooks=["postprocess"], source_code="class A: ...")
    job = user.job(app, tags={"a": "1"})["id"]
    user.finish(session, *user.acquire(session))
    (taken,) = user.acquire(session)
    user.patch(f"/jobs/{job}", {"tags": {"a": "1", "by_user": "1"}})
    row = report(taken, "POSTPROCESSED", tags__merge={"by_hook": "1"}, data__merge={"seen": True})
    assert not user.post(f"/sessions/{session}/report", {"reports": [row]})["refused"]
    assert maps(user, job) == {"tags": {"a": "1", "by_user": "1", "by_hook": "1"}, "data": {"seen": True}}
    assert asyncio.run(verify(world.database_url))["differences"] == 0


def test_too_many_tags_of_a_hook_fail_its_job_alone(user: User) -> None:
    site = user.site()
    session = user.session(site)
    jobs = user.jobs(user.app(site, hooks=["postprocess"], source_code="class A: ..."), 2, tags={"a": "1"})
    user.finish(session, *user.acquire(session, 2))
    rows = [report(one, "POSTPROCESSED", tags__merge={"b": "1"}) for one in user.acquire(session, 2)]
    rows[0]["patch"]["tags__merge"] = {f"k{n}": "v" for n in range(256)}
    assert not user.post(f"/sessions/{session}/report", {"reports": rows})["refused"]
    assert user.states(*jobs) == ["FAILED", "JOB_FINISHED"]
    (event,) = user.events(entity_id=jobs[0], entity="job", to_state="FAILED")
    assert "at most 256 tags" in event["data"]["message"]
