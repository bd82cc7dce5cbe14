"""Jobs by time: the numbers of the log, whoever counted them, in a time that the number of jobs does not change."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storax import Client, Job, errors
from storax_core.lifecycle.states import JobState
from storax_core.log import flow
from waiting import eventually
from world import User, World


@pytest.fixture
def user(world: World) -> User:
    return world.user()


def totals(answer: dict[str, Any]) -> dict[str, int]:
    """Return the sums of an answer: jobs created, and ended by state."""
    return {"created": sum(answer["created"]), **{name: sum(values) for name, values in answer["ended"].items()}}


def now_in(answer: dict[str, Any]) -> dict[str, int]:
    """Return the numbers of jobs by state at the end of the window."""
    return {state: values[-1] for state, values in answer["states"].items() if values[-1]}


def count(world: World) -> None:
    """Count the log up to its end, as the feeder does now and then."""

    async def run() -> None:
        async with world.db.worker() as conn:
            await flow.count(conn)

    world.run(run())


def counted(world: World, user: User) -> int:
    """Return how many moves of the user's jobs are kept as counts."""
    return int(world.value("SELECT coalesce(sum(n), 0)::bigint FROM job_flow WHERE owner_id = $1", user.id))


def test_created_and_ended_jobs_are_those_of_the_log_before_and_after_they_are_counted(
    world: World, user: User
) -> None:
    world.stop_feeder()
    try:
        site = user.site()
        jobs = user.jobs(user.app(site), 5)
        session = user.session(site)
        user.finish(session, *user.acquire(session, 2))
        user.post("/jobs/cancel", {"filter": {"id": jobs[4]}})
        behind = user.post("/jobs/throughput", {})
        assert counted(world, user) == 0
        assert totals(behind) == {"created": 5, "JOB_FINISHED": 2, "FAILED": 0, "CANCELLED": 1}
    finally:
        world.start_feeder()
    last = world.value("SELECT max(position) FROM event_log WHERE owner_id = $1", user.id)
    eventually(lambda: world.value("SELECT coalesce(max(position), 0) FROM feed WHERE name = 'published'") >= last)
    count(world)
    assert counted(world, user) >= 8
    kept = user.post("/jobs/throughput", {})
    assert totals(kept) == totals(behind)
    assert now_in(kept) == now_in(behind) == {"PREPROCESSED": 2, "JOB_FINISHED": 2, "CANCELLED": 1}


def test_a_deleted_job_was_there_until_it_was_deleted(world: World, user: User) -> None:
    jobs = user.jobs(user.app(), 3)
    user.post("/jobs/delete", {"filter": {"id": jobs[:2]}})
    answer = user.post("/jobs/throughput", {})
    assert totals(answer)["created"] == 3
    assert now_in(answer) == {"PREPROCESSED": 1}


def test_the_states_of_a_part_are_those_at_its_end(world: World, user: User) -> None:
    user.jobs(user.app(), 2)
    now = datetime.now(UTC)
    world.sql("DELETE FROM job_flow WHERE owner_id = $1", user.id)
    move = "INSERT INTO job_flow VALUES ($1, date_trunc('minute', $2::timestamptz, 'UTC'), 7, $3, $4, $5)"
    world.sql(move, user.id, now - timedelta(hours=5), "", "PREPROCESSED", 4)
    world.sql(move, user.id, now - timedelta(hours=3), "PREPROCESSED", "FAILED", 3)
    world.sql(move, user.id, now - timedelta(hours=2), "FAILED", "", 3)
    answer = user.post("/jobs/throughput", {"step_sec": 3600, "since": (now - timedelta(hours=6)).isoformat()})
    first, behind = answer["states"]["PREPROCESSED"][1], answer["states"]["PREPROCESSED"][-1]
    assert behind == 2
    assert max(answer["states"]["FAILED"]) == 3
    assert answer["states"]["FAILED"][-1] == 0
    assert first - answer["states"]["PREPROCESSED"][-2] == 3
    assert sum(answer["ended"]["FAILED"]) == 3


def test_one_site_is_counted_alone_and_other_filters_are_refused(world: World, user: User) -> None:
    site, other = user.site(), user.site()
    user.jobs(user.app(site), 3)
    user.jobs(user.app(other), 1)
    assert totals(user.post("/jobs/throughput", {"filter": {"site_id": site}}))["created"] == 3
    assert totals(user.post("/jobs/throughput", {"filter": {"site_id": [site, other]}}))["created"] == 4
    assert totals(user.post("/jobs/throughput", {"filter": {"site_id": []}}))["created"] == 0
    for body in ({"filter": {"state": "FAILED"}}, {"exclude": [{"site_id": site}]}, {"filter": {"site_id": "x"}}):
        assert user.ask("POST", "/jobs/throughput", body).status_code == 422, body


@pytest.mark.parametrize(
    "body",
    [
        {"step_sec": 90}, {"step_sec": 0}, {"since": "2000-01-01T00:00:00Z"}, {"since": "2999-01-01T00:00:00Z"}, {"until": "0001-01-01T00:00:00Z"},
        {"until": "2000-01-01T00:00:00Z", "since": "2001-01-01T00:00:00Z"}, {"since": "yesterday"}, {"sinse": None},
        {"since": (datetime.now(UTC) - timedelta(days=30)).isoformat(), "step_sec": 60},
    ],
)  # fmt: skip
def test_a_window_that_cannot_be_counted_is_refused_with_a_way_out(user: User, body: dict[str, Any]) -> None:
    answer = user.ask("POST", "/jobs/throughput", body)
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_parts_are_whole_steps_and_their_number_is_bounded(user: User) -> None:
    answer = user.post("/jobs/throughput", {"step_sec": 3600})
    assert datetime.fromisoformat(answer["since"]).minute == 0
    assert len(answer["created"]) in (24, 25)
    week = user.post("/jobs/throughput", {"since": (datetime.now(UTC) - timedelta(days=7)).isoformat()})
    assert len(week["created"]) <= 97


def test_another_user_counts_nothing_of_it(world: World, user: User) -> None:
    user.jobs(user.app(), 2)
    stranger = world.user().post("/jobs/throughput", {})
    assert totals(stranger)["created"] == 0
    assert stranger["states"] == {}


def test_the_kept_counts_of_others_cannot_be_read(world: World, user: User) -> None:
    world.sql("INSERT INTO job_flow VALUES ($1, now(), 1, '', 'READY', 1)", user.id)
    assert world.sql("SELECT n FROM job_flow", role="storax_app") == []


def test_python_has_the_same_numbers(world: World, user: User) -> None:
    site = user.site()
    user.jobs(user.app(site), 3)
    with Client(world.url, user.token):
        flow_of_day = Job.objects.throughput(step_sec=3600)
        assert sum(flow_of_day.created) == 3
        assert flow_of_day.states["PREPROCESSED"][-1] == 3
        assert len(flow_of_day.times) == len(flow_of_day.columns["FAILED"]) == len(flow_of_day.columns["time"])
        assert flow_of_day.times[0] <= datetime.now(UTC) - timedelta(hours=23)
        assert sum(Job.objects.filter(site_id=site + 1).throughput().created) == 0
        with pytest.raises(errors.InvalidInput):
            Job.objects.filter(tags={"a": "b"}).throughput()
        with pytest.raises(errors.SlicedQuery):
            Job.objects.all()[:5].throughput()


def test_every_state_has_a_place_in_the_curves() -> None:
    from storax_api.web.overview.flow import flow_of
    from storax_core.queries.activity.throughput import Throughput

    at = datetime(2026, 1, 31, 8, tzinfo=UTC)
    states = {str(state): [1] for state in JobState}
    ended = {name: [0] for name in ("JOB_FINISHED", "FAILED", "CANCELLED")}
    shown = flow_of(Throughput(at, at + timedelta(hours=1), 3600, [0], ended, states, partial=False))
    assert sum(sum(values) for _, _, values in shown.states) == len(JobState) - 3
