"""What ran when in a window: the same runs from REST, Python and the page Timeline, and of many the busiest lanes."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storax import Client, Job, errors
from world import User, World

NOW = datetime.now(UTC).replace(microsecond=0)  # set anew by ``night``: this file's turn may come much later


def ago(minutes: float) -> str:
    """Return a moment before the start of this file's tests."""
    return (NOW - timedelta(minutes=minutes)).isoformat()


def hour() -> dict[str, str]:
    """Return the window of the runs, however late a test runs."""
    return {"since": ago(60), "until": ago(0)}


@pytest.fixture(scope="module")
def night(world: World) -> tuple[User, dict[str, int]]:
    """Runs of an App from 50 to 40 and from 45 to 25 minutes ago, and of another one from 70 to 55, which failed."""
    global NOW
    NOW = datetime.now(UTC).replace(microsecond=0)
    user = world.user()
    ids: dict[str, int] = {}
    for place, spans in (("near", [(50, 40), (45, 25)]), ("far", [(70, 55)])):
        site = user.site()
        app = user.app(site)
        user.jobs(app, len(spans), tags={"place": place}, num_nodes=2)
        session = user.session(site)
        for job, (begin, end) in zip(user.acquire(session, 3, max_nodes_per_job=8), spans, strict=True):
            last = "RUN_DONE" if place == "near" else "RUN_ERROR"
            moves = [{"to": "RUNNING", "at": ago(begin)}, {"to": last, "at": ago(end)}]
            row = {"id": job["id"], "lease_epoch": job["lease_epoch"], "moves": moves, "patch": {}}
            assert not user.post(f"/sessions/{session}/report", {"reports": [row]})["refused"]
            ids[f"{place}{begin}"] = job["id"]
        ids |= {place: site, f"{place}_app": app}
    return user, ids


def test_the_runs_are_clipped_to_the_window_the_newest_first(night: tuple[User, dict[str, int]]) -> None:
    user, ids = night
    answer = user.post("/jobs/runs", hour())
    assert [row["job_id"] for row in answer["runs"]] == [ids["near45"], ids["near50"], ids["far70"]]
    assert (answer["more"], answer["lanes"]) == (False, [])
    last = answer["runs"][2]
    assert last == {
        "job_id": ids["far70"], "app_id": ids["far_app"], "site_id": ids["far"], "batch_job_id": None, "nodes": 2.0,
        "outcome": "RUN_ERROR", "began_before": True, "started": ago(60), "ended": ago(55),
    }  # fmt: skip


def test_of_more_runs_the_lanes_are_those_of_all(night: tuple[User, dict[str, int]]) -> None:
    user, ids = night
    answer = user.post("/jobs/runs", {**hour(), "limit": 1, "by": "app"})
    assert [row["job_id"] for row in answer["runs"]] == [ids["near45"]]
    assert answer["more"]
    assert [(row["lane"], row["number"]) for row in answer["lanes"]] == [(ids["near_app"], 2), (ids["far_app"], 1)]
    minutes = [sum(row["levels"]) * answer["step_sec"] / 60 for row in answer["lanes"]]
    assert minutes == pytest.approx([30, 5], abs=0.05)
    (lane,) = user.post("/jobs/runs", {**hour(), "limit": 1})["lanes"]
    assert (lane["lane"], lane["number"]) == (0, 3), "jobs without a BatchJob are one lane"


def test_python_has_the_same_runs_blocking_and_awaited(world: World, night: tuple[User, dict[str, int]]) -> None:
    user, ids = night
    with Client(world.url, user.token):
        query = Job.objects.filter(app_id=ids["near_app"], tags={"place": "near"})
        window = (NOW - timedelta(minutes=60), NOW)
        ran = query.runs(*window)
        assert [(run.job_id, run.outcome) for run in ran.runs] == [
            (ids["near45"], "RUN_DONE"), (ids["near50"], "RUN_DONE")
        ]  # fmt: skip
        assert (ran.runs[0].started, ran.runs[0].ended) == (NOW - timedelta(minutes=45), NOW - timedelta(minutes=25))
        awaited = Job.aobjects.filter(app_id=ids["near_app"], tags={"place": "near"})
        assert asyncio.run(awaited.runs(*window)) == ran
        (lane,) = query.runs(*window, limit=1, by="allocation").lanes
        assert len(lane.levels) == len(ran.times)
        assert len(query.runs(NOW, NOW + timedelta(microseconds=20)).times) == len(ran.times)
        assert not Job.objects.filter(id=[]).runs().runs
        with pytest.raises(errors.InvalidInput, match="site_id, app_id and tags, not by state"):
            Job.objects.filter(state="FAILED").runs()
        with pytest.raises(errors.SlicedQuery):
            Job.objects.all()[:5].runs()


def test_another_user_has_no_run_of_it(world: World, night: tuple[User, dict[str, int]]) -> None:
    stranger, ids = world.user(), night[1]
    for filters in ({}, {"site_id": ids["near"]}, {"app_id": ids["near_app"]}, {"tags": {"place": "near"}}):
        answer = stranger.post("/jobs/runs", {**hour(), "filter": filters, "limit": 1})
        assert (answer["runs"], answer["lanes"]) == ([], [])


@pytest.mark.parametrize(
    "body",
    [
        {"since": ago(0), "until": ago(1)}, {"since": ago(60 * 24 * 32), "until": ago(0)}, {"filter": {"state": "FAILED"}},
        {"limit": 0}, {"limit": 10_001}, {"limit": "5"}, {"by": "site"}, {"by": None}, {"exclude": [{"site_id": 1}]}, [],
    ],
)  # fmt: skip
def test_a_question_that_cannot_be_answered_is_refused(night: tuple[User, dict[str, int]], body: Any) -> None:
    answer = night[0].ask("POST", "/jobs/runs", body)
    assert answer.status_code == 422, (body, answer.text)
    assert answer.json()["detail"]
