"""Failures grouped by what went wrong: which lines are one, who sees them, and that a group's values select its jobs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from world import User, World

SAME = [
    ("MemoryError: cannot allocate 17.5 GiB", "MemoryError: cannot allocate 3 GiB"),
    ("cannot open /scratch/a/b-7.dat: no such file", "cannot open ./x: no such file"),
    (
        'File "/home/a/relax.py", line 7\nOSError: [Errno 28] "~/out"\n\n',
        "OSError: [Errno 5] '/tmp/y'".replace("'", '"'),
    ),
    ("node 0x7f3a: lost 550e8400-e29b-41d4-a716-446655440000", "node 0x1: lost 123e4567-e89b-12d3-a456-426614174000"),
    (
        "\x1b[31mSCF did not converge after 100 steps, dE = 1.2e-05\x1b[0m",
        "SCF did not converge after 3 steps, dE = -4",
    ),
]
DIFFERENT = [
    ("KeyError: 'energy'", "KeyError: 'force'"), ("speed 3 GB/s", "speed 3 MB/s"), ("cannot read /a", "cannot write /a"),
]  # fmt: skip


@pytest.fixture
def user(world: World) -> User:
    return world.user()


def fail(user: User, app: int, site: int, errors: list[str], **fields: Any) -> list[int]:
    """Let a job of the App fail for each error, and return their ids."""
    user.jobs(app, len(errors), **fields)
    session = user.session(site)
    leased = user.acquire(session, len(errors))
    for job, error in zip(leased, errors, strict=True):
        data = {"message": "exit code 3", "stderr_tail": error}
        user.report(session, job, "RUNNING", "RUN_ERROR", data=data, return_code=3)
    user.delete(f"/sessions/{session}")
    assert set(user.states(*(job["id"] for job in leased))) == {"FAILED"}
    return [job["id"] for job in leased]


def signature(world: World, text: str) -> str:
    return str(world.value("SELECT failure_signature($1)", text))


@pytest.mark.parametrize(("one", "other"), SAME)
def test_numbers_and_paths_make_no_difference(world: World, one: str, other: str) -> None:
    assert signature(world, one).replace("-#", "#") == signature(world, other).replace("-#", "#") != ""


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_other_words_make_a_difference(world: World, one: str, other: str) -> None:
    assert signature(world, one) != signature(world, other)


def test_the_last_line_counts_and_it_is_bounded(world: World) -> None:
    assert signature(world, "first\nlast\r\n \n") == "last"
    assert len(signature(world, "x" * 1_000_000)) == 300


def test_failures_are_grouped_and_a_group_selects_its_jobs(user: User) -> None:
    site = user.site()
    one, other = user.app(site), user.app(site)
    memory = fail(user, one, site, [f"out of memory on node {n}" for n in range(3)], tags={"a": "1"})
    fail(user, one, site, ["disk full"])
    fail(user, other, site, ["out of memory on node 9"])
    answer = user.post("/jobs/failures", {})
    groups = answer["groups"]
    assert [(g["app_id"], g["return_code"], g["failure_line"], g["jobs"]) for g in groups] == [
        (one, 3, "out of memory on node #", 3), (other, 3, "out of memory on node #", 1), (one, 3, "disk full", 1),
    ]  # fmt: skip
    assert (answer["jobs"], answer["more"]) == (5, False)
    assert groups[0]["newest_id"] == max(memory)
    assert groups[0]["first"] < groups[0]["last"]
    selected = {name: groups[0][name] for name in ("app_id", "return_code", "failure_line")}
    assert [j["id"] for j in user.post("/jobs/query", {"filter": selected, "ordering": ["id"]})["results"]] == memory
    assert user.post("/jobs/retry", {"filter": selected})["retried"] == 3
    assert [g["jobs"] for g in user.post("/jobs/failures", {})["groups"]] == [1, 1]


def test_groups_are_narrowed_by_filters_time_and_number(user: User) -> None:
    site = user.site()
    app = user.app(site)
    fail(user, app, site, ["disk full", "disk full"], tags={"campaign": "a"})
    fail(user, app, site, ["no licence"], tags={"campaign": "b"})
    assert [g["jobs"] for g in user.post("/jobs/failures", {"filter": {"tags": {"campaign": "a"}}})["groups"]] == [2]
    assert len(user.post("/jobs/failures", {"limit": 1})["groups"]) == 1
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert user.post("/jobs/failures", {"filter": {"last_update_after": later}})["groups"] == []
    refusal = user.refused("POST", "/jobs/failures", {"filter": {"state": "RUNNING"}}, status=422, code="invalid")
    assert "FAILED" in refusal["detail"]


def test_failures_of_more_than_a_week_ago_are_left_out_unless_asked_for(world: World, user: User) -> None:
    site = user.site()
    (job,) = fail(user, user.app(site), site, ["disk full"])
    move = "UPDATE job_state SET last_update = last_update + make_interval(days => $2) WHERE id = $1"
    world.sql(move, job, -8)
    recent, ever = ({}, {"last_update_after": "2000-01-01T00:00:00Z"})
    numbers = [user.post("/jobs/failures", {"filter": filters})["jobs"] for filters in (recent, ever)]
    world.sql(move, job, 8)
    assert numbers == [0, 1]


def test_another_users_failures_are_not_there(world: World, user: User) -> None:
    site = user.site()
    (job,) = fail(user, user.app(site), site, ["my secret"])
    other = world.user()
    assert other.post("/jobs/failures", {})["groups"] == []
    assert other.post("/jobs/query", {"filter": {"failure_line": "my secret"}})["results"] == []
    assert other.post("/jobs/failures", {"filter": {"id": job}})["groups"] == []
    assert user.post("/jobs/failures", {})["jobs"] == 1
