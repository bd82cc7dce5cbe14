"""The page of failures: groups as REST answers them, their jobs, and "retry all of these"."""

from collections.abc import Callable
from typing import Any

import pytest

from browsing import PASSWORD, Browser, Page
from world import User, World

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202egnp.exe & %2F+#"


@pytest.fixture(scope="module")
def failed(user: User) -> dict[str, Any]:
    """Five failed jobs that no test changes."""
    return five_failed(user)


def five_failed(user: User) -> dict[str, Any]:
    """Five jobs: three that failed alike, one with an error that would do harm as markup, one without an exit code."""
    site = user.site("cluster")
    app = user.app(site, name="Relax")
    user.jobs(app, 5, tags={"night": "1"})
    session = user.session(site)
    leased = user.acquire(session, 5)
    errors = [f"out of memory on node {n}" for n in range(3)] + [EVIL, "lost"]
    for job, error in zip(leased, errors, strict=True):
        code = {} if error == "lost" else {"return_code": 9}
        user.report(session, job, "RUNNING", "RUN_ERROR", data={"stderr_tail": error}, **code)
    ids = [job["id"] for job in leased]
    return {"app": app, "alike": ids[:3], "evil": ids[3], "lost": ids[4]}


def rows(page: Page) -> list[list[str]]:
    """Return the texts of the cells of each group."""
    groups = [e for e in page.all("tr") if e.ancestor("tbody")]
    return [[" ".join(e.text.split()) for e in page.all("td") if e.ancestor("tr") is group] for group in groups]


def listed(page: Page) -> list[int]:
    """Return the jobs of a list."""
    return sorted(
        int(e.attributes["value"]) for e in page.all("input", name="id") if e.attributes.get("type") == "checkbox"
    )


def way(page: Page, place: int, text: str) -> str:
    """Return where a link of a group leads."""
    group = [e for e in page.all("tr") if e.ancestor("tbody")][place]
    (link,) = [e for e in page.all("a") if e.ancestor("tr") is group and e.text.strip() == text]
    return link.attributes["href"].removeprefix("./")


def test_each_group_leads_to_its_jobs(browser: Browser, user: User, failed: dict[str, Any]) -> None:
    page = browser.open("failures")
    assert rows(page)[0][:5] == ["3", "Retry all…", "out of memory on node #", "Relax", "9"]
    assert len(rows(page)) == len(user.post("/jobs/failures", {})["groups"]) == 3
    assert listed(browser.open(way(page, 0, "3"))) == failed["alike"]
    others = [listed(browser.open(way(page, place, "1"))) for place in (1, 2)]
    assert sorted(others) == sorted([[failed["evil"]], [failed["lost"]]])


def test_no_error_becomes_markup(browser: Browser, failed: dict[str, Any]) -> None:
    page = browser.open("failures")
    assert "<script>alert(#)</script>" in page.text
    assert not page.all("img")
    assert len(page.all("script")) == 3
    assert "\u202e" not in page.html


def test_the_url_filters_and_a_wrong_filter_says_so(browser: Browser, failed: dict[str, Any]) -> None:
    assert len(rows(browser.open("failures?app_name=Relax&tags=night:1"))) == 3
    assert "No failed job matches." in browser.open("failures?tags=night:2").text
    assert "No failed job matches." in browser.open("failures?last_update_after=2900-01-01T00:00").text
    for path in ("failures?colour=red", "failures?last_update_after=soon", "failures?state=RUNNING"):
        wrong = browser.open(path)
        assert wrong.status == 422, path
        assert wrong.all("div", role="alert")[0].text.strip()


def test_another_users_failures_are_not_there(
    new_browser: Callable[[], Browser], world: World, failed: dict[str, Any]
) -> None:
    stranger = new_browser()
    stranger.sign_in(world.user(password=PASSWORD).name)
    page = stranger.open("failures")
    assert "No job failed in the last 7 days." in page.text
    assert "No failed job matches." in stranger.open(f"failures?id={failed['evil']}").text


def test_all_jobs_of_a_group_are_retried(new_browser: Callable[[], Browser], world: World) -> None:
    user, browser = world.user(password=PASSWORD), new_browser()
    browser.sign_in(user.name)
    failed = five_failed(user)
    confirm = browser.open(way(browser.open("failures"), 0, "Retry all…"))
    assert "Retry 3 jobs?" in confirm.text
    done = browser.send(confirm.form("jobs/apply"))
    assert done.status == 200
    assert "3 jobs will run again." in done.text
    assert set(user.states(*failed["alike"])) == {"RESTART_READY"}
    assert user.states(failed["evil"], failed["lost"]) == ["FAILED", "FAILED"]
    assert len(rows(browser.open("failures"))) == 2
