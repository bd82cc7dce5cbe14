"""Sites and allocations: what agents report of themselves, what they have to do, and whose it is."""

from collections.abc import Callable
from typing import Any

import pytest

from browsing import PASSWORD, Browser
from world import User, World

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202egnp.exe"


@pytest.fixture(scope="module")
def filled(user: User) -> dict[str, int]:
    """A site whose agent reports what fails, with jobs and allocations; every text of it would do harm as markup."""
    site, quiet = user.site("cluster", path=f"/{EVIL}"), user.site("quiet")
    app = user.app(site)
    user.jobs(app, 5)
    session = user.session(site)
    leased = user.acquire(session, 2)
    user.report(session, leased[0], "RUNNING")
    batch = {"site_id": site, "num_nodes": 4, "wall_time_min": 90, "queue": "debug", "project": EVIL}
    waiting, failed = (user.post("/batch-jobs/", batch)["id"] for _ in range(2))
    user.patch(f"/batch-jobs/{waiting}", {"state": "queued", "scheduler_id": "4711", "status_info": {"reason": EVIL}})
    user.patch(f"/batch-jobs/{failed}", {"state": "submit_failed", "status_info": {"error": "no such account"}})
    loops = {"transfers": {"error": f"no space left {EVIL}", "since": "2026-01-01T00:00:00Z"}}
    aside = {"count": 3, "newest": [{"name": "a.json", "reason": EVIL, "at": "2026-01-01T00:00:00Z"}, None]}
    queued = {"4711": {"state": "PENDING (Priority)", "queue": "debug"}}
    queues = {"debug": {"max_nodes": 8, "max_walltime": 60}}
    report = {"failing_loops": loops, "set_aside": aside, "queued_jobs": queued, "allowed_queues": queues}
    user.patch(f"/sites/{site}", report)
    return {"site": site, "quiet": quiet, "waiting": waiting, "failed": failed}


def row(browser: Browser, path: str, name: str) -> str:
    (element,) = browser.open(path).all("tr", id=name)
    return " ".join(element.text.split())


def test_a_site_says_what_fails_and_what_it_has_to_do(browser: Browser, filled: dict[str, int]) -> None:
    page = browser.open("sites")
    (listed,) = page.all("tr", id=f"site-{filled['site']}")
    cells = [" ".join(e.text.split()) for e in page.all("td") if e.parent is listed]
    assert cells[4:] == ["5", "4", "1", "1", "0"]
    assert "transfers: no space left" in cells[3]
    assert "3 records set aside" in cells[3]
    assert "nothing" in row(browser, "sites", f"site-{filled['quiet']}")
    one = browser.open(f"sites/{filled['site']}")
    assert "since 2026-01-01T00:00:00Z" in one.text
    assert "a.json" in one.text
    assert '{"max_nodes":8,"max_walltime":60}' in one.text


def test_a_report_that_no_agent_writes_is_shown_too(browser: Browser, user: User) -> None:
    odd = {"failing_loops": {"odd": 7, "list": [1]}, "set_aside": {"count": "x", "newest": 5}, "queued_jobs": {"": 3}}
    site = user.site("odd", **odd)
    pages = [browser.open(path) for path in (f"sites/{site}", "sites", "")]
    user.delete(f"/sites/{site}")
    assert [(page.status, "odd: 7" in page.text) for page in pages] == [(200, True)] * 3


def test_an_allocation_says_what_the_scheduler_says_of_it(browser: Browser, filled: dict[str, int]) -> None:
    waiting = row(browser, "allocations", f"allocation-{filled['waiting']}")
    assert "queued" in waiting
    assert "1 h 30 min" in waiting
    assert "4711 PENDING (Priority)" in waiting
    assert "<script>alert(1)</script>" in waiting
    assert "no such account" in row(browser, f"sites/{filled['site']}", f"allocation-{filled['failed']}")


def test_the_url_filters_allocations(browser: Browser, filled: dict[str, int]) -> None:
    page = browser.open("allocations?state=submit_failed&queue=debug")
    listed = [e.attributes["id"] for e in page.all("tr") if e.attributes.get("id", "").startswith("allocation-")]
    assert listed == [f"allocation-{filled['failed']}"]
    assert ("state", "submit_failed") in page.form("allocations").fields
    assert "No allocation matches." in browser.open("allocations?queue=none").text
    for path in ("allocations?state=NOT", "allocations?colour=red", "sites?colour=red"):
        wrong = browser.open(path)
        assert wrong.status == 422, path
        assert wrong.all("div", role="alert")[0].text.strip()


def test_allocations_page_by_key_to_their_end(browser: Browser, user: User, filled: dict[str, int]) -> None:
    batch = {"site_id": filled["quiet"], "num_nodes": 1, "wall_time_min": 5, "queue": "paged"}
    wanted = [user.post("/batch-jobs/", batch)["id"] for _ in range(5)]
    seen, address = [], "allocations?queue=paged&limit=2"
    while address:
        page = browser.open(address)
        seen += [int(e.attributes["id"].partition("-")[2]) for e in page.all("tr") if "id" in e.attributes]
        address = page.links().get("Next page", "")
    assert seen == sorted(wanted, reverse=True)


@pytest.mark.parametrize("path", ["sites", "sites/{site}", "allocations"])
def test_no_text_of_an_agent_becomes_markup(browser: Browser, filled: dict[str, int], path: str) -> None:
    page = browser.open(path.format(**filled))
    assert page.status == 200
    assert not page.all("img")
    assert len(page.all("script")) == 3
    assert "\u202e" not in page.html
    assert "\\u202egnp.exe" in page.text


def test_another_users_sites_are_not_there(
    new_browser: Callable[[], Browser], world: World, filled: dict[str, Any]
) -> None:
    stranger = new_browser()
    stranger.sign_in(world.user(password=PASSWORD).name)
    assert stranger.open(f"sites/{filled['site']}").status == 404
    assert "There are no sites yet." in stranger.open("sites").text
    assert "There are no allocations." in stranger.open("allocations").text
    assert "No allocation matches." in stranger.open(f"allocations?id={filled['failed']}").text
