"""How fast jobs ran: the same numbers from REST and Python, of the chosen jobs, and refusals that say the way out."""

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


def ran(user: User, session: int, job: dict[str, Any], begin: float, end: float, last: str) -> None:
    """Report a run that began and ended so many minutes ago."""
    moves = [{"to": "RUNNING", "at": ago(begin)}, {"to": last, "at": ago(end)}]
    row = {"id": job["id"], "lease_epoch": job["lease_epoch"], "moves": moves, "patch": {}}
    assert not user.post(f"/sessions/{session}/report", {"reports": [row]})["refused"]


@pytest.fixture(scope="module")
def night(world: World) -> tuple[User, dict[str, int]]:
    """Runs of two Apps at two sites: of 10, 20 and 30 minutes, and of 5 minutes; a site's 4 nodes for 30 minutes."""
    global NOW
    NOW = datetime.now(UTC).replace(microsecond=0)
    user = world.user()
    ids: dict[str, int] = {}
    for place, spans in (("near", [(50, 40), (45, 25), (40, 10)]), ("far", [(20, 15)])):
        site = user.site()
        app = user.app(site)
        user.jobs(app, len(spans), tags={"place": place}, num_nodes=2)
        session = user.session(site)
        for job, (begin, end) in zip(user.acquire(session, 3, max_nodes_per_job=8), spans, strict=True):
            ran(user, session, job, begin, end, "RUN_DONE" if place == "near" else "RUN_ERROR")
        ids |= {place: site, f"{place}_app": app}
    batch = user.post("/batch-jobs/", {"site_id": ids["near"], "num_nodes": 4, "wall_time_min": 60})["id"]
    user.patch(f"/batch-jobs/{batch}", {"state": "running", "start_time": ago(40)})
    user.patch(f"/batch-jobs/{batch}", {"state": "finished", "end_time": ago(10)})
    return user, ids


def test_durations_are_those_of_the_runs_by_app(night: tuple[User, dict[str, int]]) -> None:
    user, ids = night
    answer = user.post("/jobs/metrics", hour())
    near, far = answer["run_times"]
    assert near == {
        "app_id": ids["near_app"], "number": 3, "min": 600, "lower_quartile": 900, "median": 1200, "upper_quartile": 1500,
        "p95": pytest.approx(1740), "max": 1800,
    }  # fmt: skip
    assert (far["app_id"], far["number"], far["median"]) == (ids["far_app"], 1, 300)
    stages = {row["state"]: row["number"] for row in answer["stages"]}
    assert stages["RUNNING"] == 4
    assert not stages.keys() & {row["state"] for row in answer["waits"]}
    part = answer["step_sec"] / 60
    assert sum(answer["used"]) * part == pytest.approx(2 * 65, abs=0.1), "two nodes each, for 65 minutes in all"
    assert sum(answer["allocated"]) * part == pytest.approx(4 * 30, abs=0.1)


def test_filters_choose_the_jobs_and_the_window_the_runs(night: tuple[User, dict[str, int]]) -> None:
    user, ids = night
    for filters, apps in (
        ({"site_id": ids["near"]}, ["near_app"]), ({"site_id": [ids["near"], ids["far"]]}, ["near_app", "far_app"]),
        ({"app_id": ids["far_app"]}, ["far_app"]), ({"tags": {"place": "far"}}, ["far_app"]), ({"site_id": []}, []),
        ({"tags": {"place": "far"}, "site_id": ids["near"]}, []),
    ):  # fmt: skip
        answer = user.post("/jobs/metrics", {"filter": filters, **hour()})
        assert [row["app_id"] for row in answer["run_times"]] == [ids[app] for app in apps], filters
    early = user.post("/jobs/metrics", {"since": ago(60), "until": ago(42)})
    assert [row["number"] for row in early["run_times"]] == [2], "the runs that began in it"


def test_python_has_the_same_numbers_blocking_and_awaited(world: World, night: tuple[User, dict[str, int]]) -> None:
    user, ids = night
    with Client(world.url, user.token):
        query = Job.objects.filter(app_id=ids["near_app"], tags={"place": "near"})
        window = (NOW - timedelta(minutes=60), NOW)
        day = query.metrics(*window)
        assert day.run_times.keys() == {ids["near_app"]}
        assert day.run_times[ids["near_app"]].median == 1200
        assert (day.since, day.until, day.times[48]) == (*window, NOW - timedelta(minutes=30))
        assert day.utilisation == pytest.approx(1, abs=0.01)
        awaited = Job.aobjects.filter(app_id=ids["near_app"], tags={"place": "near"})
        assert asyncio.run(awaited.metrics(*window)) == day
        nothing = Job.objects.filter(id=[]).metrics()
        assert (nothing.run_times, nothing.waits, sum(nothing.used)) == ({}, {}, 0)
        with pytest.raises(errors.InvalidInput, match="site_id, app_id and tags, not by state"):
            Job.objects.filter(state="FAILED").metrics()
        with pytest.raises(errors.SlicedQuery):
            Job.objects.all()[:5].metrics()


@pytest.mark.parametrize(
    "body",
    [
        {"since": ago(0), "until": ago(1)}, {"since": ago(60 * 24 * 32), "until": ago(0)}, {"since": "yesterday"},
        {"since": "0001-01-01T00:00:00Z"}, {"until": "0001-01-01T00:00:00Z"}, {"until": "9999-12-31T23:59:59Z"},
        {"filter": {"state": "FAILED"}}, {"filter": {"tags": "x"}}, {"filter": {"tags": None}}, {"filter": {"app_id": "x"}},
        {"filter": {"site_id": 2**63}}, {"exclude": [{"site_id": 1}]}, {"as_of": 1}, {"limit": 1}, [],
    ],
)  # fmt: skip
def test_a_question_that_cannot_be_answered_is_refused(night: tuple[User, dict[str, int]], body: Any) -> None:
    answer = night[0].ask("POST", "/jobs/metrics", body)
    assert answer.status_code == 422, (body, answer.text)
    assert answer.json()["detail"]
