"""The pages of what ran when, and how fast: their numbers, bounds and windows."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from browsing import PASSWORD, Browser, Page
from storax_core.queries.activity import reads as activity
from world import User, World

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202egnp.exe"
NOW = datetime.now(UTC).replace(microsecond=0)  # set anew by ``night``: this file's turn may come much later


def ago(minutes: float) -> str:
    """Return a moment before the start of this file's tests."""
    return (NOW - timedelta(minutes=minutes)).isoformat()


def hour() -> str:
    """Return the window of the night, however late a test runs."""
    return f"since={ago(60)[:19]}Z&until={ago(0)[:19]}Z"


def ran(user: User, session: int, job: dict[str, Any], begin: float, end: float, last: str = "RUN_DONE") -> None:
    """Report a run that began and ended so many minutes ago."""
    moves = [{"to": "RUNNING", "at": ago(begin)}, {"to": last, "at": ago(end)}]
    row = {"id": job["id"], "lease_epoch": job["lease_epoch"], "moves": moves, "patch": {}}
    assert not user.post(f"/sessions/{session}/report", {"reports": [row]})["refused"]


@pytest.fixture(scope="module")
def night(user: User) -> dict[str, Any]:
    """Three runs: 50 to 40, 45 to 35 and 20 to 10 minutes ago, the last of which failed, in one allocation of 4 nodes."""
    global NOW
    NOW = datetime.now(UTC).replace(microsecond=0)
    site = user.site()
    app = user.app(site)
    name = user.get(f"/apps/{app}")["name"]
    jobs = user.jobs(app, 3, tags={"night": "yes", "evil": EVIL}, num_nodes=2)
    session = user.session(site)
    rows = {row["id"]: row for row in user.acquire(session, 3, max_nodes_per_job=8)}
    for job, (begin, end, last) in zip(
        jobs, [(50, 40, "RUN_DONE"), (45, 35, "RUN_DONE"), (20, 10, "RUN_ERROR")], strict=True
    ):
        ran(user, session, rows[job], begin, end, last)
    return {"site": site, "app": app, "name": name, "jobs": jobs}


def bars(page: Page) -> list[str]:
    """Return what the bars of the chart say, without the labels of lanes."""
    return [e.text for e in page.all("title") if e.parent and e.parent.tag == "rect"]


def test_the_timeline_has_a_bar_for_each_run_and_the_time_in_which_nothing_ran(
    browser: Browser, night: dict[str, Any]
) -> None:
    page = browser.open(f"timeline?tags=night:yes&since={ago(60)[:16]}&by=job")
    assert sorted(bar.partition(" from")[0] for bar in bars(page)) == [f"job {job}: 10 min" for job in night["jobs"]]
    assert "15 min from " in page.text  # between the second run and the third
    assert "3 runs" in page.text


@pytest.mark.parametrize(("by", "lanes"), [("job", 3), ("app", 1), ("allocation", 1)])
@pytest.mark.parametrize("most", [300, 2])
def test_lanes_are_jobs_apps_or_allocations_also_where_runs_are_summed_up(
    browser: Browser, night: dict[str, Any], by: str, lanes: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "MOST_BARS", most)
    page = browser.open(f"timeline?tags=night:yes&{hour()}&by={by}")
    assert len(page.all("rect", **{"class": "lane"})) == lanes
    assert ("how many ran at once" in page.text) == (most == 2)
    assert len(bars(page)) == 3 or most == 2


def test_the_level_of_a_series_is_the_time_of_the_runs_in_each_part(
    browser: Browser, night: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "MOST_BARS", 2)
    since, until = ago(96 + 4)[:19], ago(4)[:19]  # 96 minutes, so a part is a minute
    page = browser.open(f"timeline?tags=night:yes&since={since}Z&until={until}Z&by=app")
    levels = [float(text.rpartition(": ")[2].partition(" ")[0]) for text in bars(page)]
    assert sum(levels) == pytest.approx(30, abs=0.1)  # minutes of runs
    assert max(levels) == pytest.approx(2, abs=0.01)
    assert len(levels) == 25


def test_filters_choose_the_runs_and_a_wrong_one_says_what_is_wrong(browser: Browser, night: dict[str, Any]) -> None:
    assert len(bars(browser.open(f"timeline?{hour()}&app_name={night['name']}"))) == 3
    assert "Nothing ran in this window." in browser.open("timeline?app_name=no.such").text
    assert "Nothing ran in this window." in browser.open("timeline?site_name=no.such").text
    assert "Nothing ran in this window." in browser.open(f"timeline?until={ago(500)[:16]}&hours=1").text
    for wrong in (
        "hours=0",
        "hours=x",
        "hours=9999",
        "since=2000-01-01T00:00",
        "since=5",
        "tags=x",
        "until=0001-01-01T00:00",
        "until=9999-12-31T23:59",
        "by=node",
        "x=1",
    ):
        page = browser.open(f"timeline?{wrong}")
        assert page.status == 422, wrong
        assert page.all("div", role="alert")[0].text.strip()


def test_no_text_of_a_user_becomes_markup_in_a_chart(browser: Browser, night: dict[str, Any]) -> None:
    for path in ("timeline", "metrics"):
        page = browser.open(str(httpx.URL(path, params={"tags": f"evil:{EVIL}", "hours": 1})))
        assert page.status == 200
        assert "<script>alert(1)</script>" in page.text
        assert not page.all("img")
        assert "\u202e" not in page.text
        assert not [element for element in page.elements if "style" in element.attributes]


def test_another_user_sees_nothing_of_it(
    new_browser: Callable[[], Browser], world: World, night: dict[str, Any]
) -> None:
    stranger = new_browser()
    stranger.sign_in(world.user(password=PASSWORD).name)
    assert "Nothing ran in this window." in stranger.open("timeline?hours=168").text
    assert not bars(stranger.open(f"timeline?app_name={night['name']}&hours=1"))
    assert "No job ended in this window." in stranger.open("metrics?hours=168").text


def rows_of(page: Page, section: str) -> list[list[str]]:
    """Return the tables' rows of a section of the page of metrics."""
    rows = []
    for row in page.all("tr"):
        around = row.ancestor("section")
        if around and around.attributes["aria-labelledby"] == section:
            rows.append([" ".join(e.text.split()) for e in page.elements if e.tag == "td" and e.parent is row])
    return [row for row in rows if row]


def test_metrics_are_those_of_the_runs(browser: Browser, night: dict[str, Any]) -> None:
    page = browser.open(f"metrics?tags=night:yes&{hour()}")
    assert page.status == 200
    assert rows_of(page, "run-times") == [[night["name"], "3", *["10 min"] * 6]]
    used = [float(row[1]) for row in rows_of(page, "utilisation")]
    assert len(used) == activity.BINS
    assert sum(used) / activity.BINS == pytest.approx(2 * 30 / 60, abs=0.02)  # 2 nodes for 30 of 60 minutes
    assert max(used) == pytest.approx(4, abs=0.1)


@pytest.mark.usefixtures("night")  # which sets the present
def test_utilisation_is_the_share_of_the_nodes_of_batch_jobs(browser: Browser, user: User) -> None:
    site = user.site()
    app = user.app(site)
    name = user.get(f"/sites/{site}")["name"]
    batch = user.post("/batch-jobs/", {"site_id": site, "num_nodes": 4, "wall_time_min": 60})["id"]
    user.patch(f"/batch-jobs/{batch}", {"state": "running", "start_time": ago(30)})
    user.patch(f"/batch-jobs/{batch}", {"state": "finished", "end_time": ago(10)})
    user.jobs(app, 1, num_nodes=2)
    session = user.session(site)
    (job,) = user.acquire(session, 1, max_nodes_per_job=8)
    ran(user, session, job, 30, 20)
    page = browser.open(f"metrics?site_name={name}&{hour()}")
    assert "25 %" in page.text  # 2 of 4 nodes, half of the time
    other = browser.open(f"metrics?site_name={name}&until={ago(40)[:16]}&hours=1")
    assert "No node was allocated, and nothing ran." in other.text


def test_waits_and_stages_are_the_times_between_changes_of_state(browser: Browser, user: User) -> None:
    app = user.app()
    site = user.get(f"/apps/{app}")["site_id"]
    user.jobs(app, 4, tags={"waits": "yes"})
    session = user.session(site)
    user.finish(session, *user.acquire(session, 2))  # reported with a clock that is a year late
    page = browser.open("metrics?tags=waits:yes&hours=1")
    assert [row[:2] for row in rows_of(page, "waits")] == [["PREPROCESSED", "2"]]
    assert ["RUNNING", "2"] in [row[:2] for row in rows_of(page, "stages")]
    assert rows_of(page, "run-times")[0][2] == "0 s"


def test_ended_jobs_are_counted_in_the_part_of_their_end(browser: Browser, user: User) -> None:
    app = user.app()
    jobs = user.jobs(app, 3, tags={"ends": "yes"})
    user.post("/jobs/cancel", {"filter": {"id": jobs}})
    page = browser.open("metrics?tags=ends:yes&hours=1")
    counts = [row[3] for row in rows_of(page, "throughput")]
    assert counts == ["0"] * (activity.BINS - 1) + ["3"]
    assert "No job ended in this window." in browser.open("metrics?tags=ends:no&hours=1").text
