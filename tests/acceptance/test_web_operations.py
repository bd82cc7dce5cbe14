"""Failures, events and sites in a real Chromium: readable at every width, live, and usable without JavaScript."""

import pytest

from acceptance import test_web_page
from acceptance.test_web_page import EVIL, SHOTS, WIDTHS, Tabs, audit
from browsing import PASSWORD, take_picture
from needs import needs
from proxy import Proxy
from world import User, World

pytestmark = needs("browser")
# The browser and its tabs are those of the other pages.
chromium, tabs = test_web_page.chromium, test_web_page.tabs


@pytest.fixture(scope="module")
def user(world: World) -> User:
    """A user with a password."""
    return world.user("alice", password=PASSWORD)


@pytest.fixture(scope="module", autouse=True)  # before the browser, in whose thread no event loop can start
def jobs(user: User) -> dict[str, int]:
    """Failures of several kinds, allocations in several states, and an agent that has trouble."""
    site = user.site("cluster", path="/scratch/alice/site")
    user.site("laptop of Ægir with a rather long name")
    app = user.app(site, name="Relax")
    user.jobs(app, 30, tags={"campaign": "surface-7"})
    session = user.session(site)
    leased = user.acquire(session, 24)
    errors = [f"MemoryError: out of memory on node {n}" for n in range(12)]
    errors += [f"OSError: cannot write /scratch/run-{n}/out.dat: no space left on device" for n in range(5)]
    errors += [EVIL, "x" * 290]
    for job, error in zip(leased, errors, strict=False):
        data = {"message": "exit code 1", "stderr_tail": f"Traceback (most recent call last):\n{error}"}
        user.report(session, job, "RUNNING", "RUN_ERROR", data=data, return_code=139)
    for job in leased[len(errors) :]:
        user.report(session, job, "RUNNING")
    batch = {"site_id": site, "num_nodes": 128, "wall_time_min": 90, "queue": "regular", "project": "m4711"}
    ids = [user.post("/batch-jobs/", batch)["id"] for _ in range(3)]
    reason = {"reason": "PartitionTimeLimit: the queue allows 60 minutes"}
    user.patch(f"/batch-jobs/{ids[0]}", {"state": "queued", "scheduler_id": "4711", "status_info": reason})
    refusal = {"error": f"sbatch: Invalid account or account/partition combination specified {EVIL}"}
    user.patch(f"/batch-jobs/{ids[1]}", {"state": "submit_failed", "status_info": refusal})
    views = [{"name": f"{n}{'x' * 40 * (n % 3)}", "query": "state=FAILED&tags=a:" + "y" * 50 * n} for n in range(14)]
    user.post("/saved-views/", [{"name": EVIL, "query": ""}, *views])
    report = {
        "failing_loops": {"transfers": {"error": "no space left on device", "since": "2026-01-31T08:00:00Z"}},
        "set_aside": {"count": 2, "newest": [{"name": "report-17.json", "reason": "it is no JSON"}]},
        "queued_jobs": {"4711": {"state": "PENDING", "queue": "regular"}},
        "allowed_queues": {"regular": {"max_nodes": 512, "max_walltime": 1440}, "debug": {"max_nodes": 8}},
        "transfer_locations": {"archive": "rsync://archive/alice", EVIL: "local:/x"},
    }
    user.patch(f"/sites/{site}", report)
    return {"site": site, "app": app, "failed": leased[0]["id"], "first": user.events()[0]["position"]}


@pytest.mark.slow("every page at three widths, light and dark, with axe and a picture")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", WIDTHS)
def test_every_page_is_readable_at_every_width_in_light_and_dark(
    tabs: Tabs,
    jobs: dict[str, int],
    size: str,
    scheme: str,
) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    paths = {
        "failures": "failures", "failures-none": "failures?tags=no:no", "failures-wrong": "failures?stat=x",
        "events": "events?limit=15", "events-none": "events?type=none", "then": "events/then?state=FAILED&limit=8",
        "changes": f"events/changes?first={jobs['first']}", "changes-start": "events/changes",
        "sites": "sites", "site": f"sites/{jobs['site']}", "allocations": "allocations",
        "allocations-none": "allocations?queue=none", "views": "views", "jobs-views": "jobs?state=FAILED&tags=a:",
        "overview-views": "",
    }  # fmt: skip
    problems = []
    with tabs(width=WIDTHS[size], color_scheme=scheme) as tab:
        for name, path in paths.items():
            page = tab.open(path)
            take_picture(page, SHOTS / f"{name}-{size}-{scheme}.png", full_page=True)
            problems += [f"{name}: {line}" for line in audit(page)]
            beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            problems += [f"{name}: {beyond} pixels beyond the window"] if beyond > 0 else []
    assert not problems


def test_the_log_grows_at_its_top_and_leaves_nothing_out_after_a_cut(
    tabs: Tabs,
    world: World,
    user: User,
    jobs: dict[str, int],
) -> None:
    with Proxy(world.url) as proxy, tabs(url=proxy.url) as tab:
        page = tab.open("events?entity=job&limit=5")
        page.wait_for_selector("tr[id^=event-]")
        user.jobs(jobs["app"], 3)
        page.wait_for_selector("tr[id^=event-] >> nth=7")
        proxy.cut()
        page.wait_for_selector("#live-note:visible")
        user.jobs(jobs["app"], 250)
        proxy.heal()
        page.wait_for_selector("tr[id^=event-] >> nth=257")
        shown = page.evaluate("[...document.querySelectorAll('tr[id^=event-]')].map(row => +row.id.slice(6))")
        wanted = [event["position"] for event in user.events(entity="job")]
        assert shown == sorted(wanted, reverse=True)[:258]
        page.click("#event-" + str(shown[0]) + " td:nth-child(3) a")
        page.wait_for_selector("h1:has-text('Job')")
        # What htmx writes of the cut itself.
        tab.problems[:] = [line for line in tab.problems if not line.startswith("htmx: htmx:sse:error: network error")]


def test_without_javascript_all_jobs_of_a_failure_are_retried(
    tabs: Tabs,
    user: User,
    jobs: dict[str, int],
) -> None:
    with tabs(java_script_enabled=False) as tab:
        page = tab.open("failures")
        page.click("text=Retry all… >> nth=0")
        assert "Retry 12 jobs?" in page.inner_text("h1")
        page.click("main form button")
        assert "12 jobs will run again." in page.inner_text(".box.good[role=status]")
        assert user.states(jobs["failed"]) == ["RESTART_READY"]
