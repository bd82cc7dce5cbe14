"""Pages of the past: they say of archived events what they said before, and name a file of an archive that is gone."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import archiving
from archiving import PER_SEAL, archived, differing, end, story
from browsing import Browser, Page
from world import User, World

CHARTS = ("timeline?by=job", "timeline?by=app", "metrics?")


small = archiving.small_ranges  # in each test here


def said(page: Page) -> list[str]:
    """Return the texts of the cells and bars of a page, without how long ago something was."""
    assert page.status == 200, page.text
    texts = [" ".join(e.text.split()) for e in page.elements if e.tag in ("td", "title", "dd")]
    return [re.sub(r"\bnow\b|[\w .]+ ago", "ago", text) for text in texts]


def charts(browser: Browser, window: str) -> dict[str, list[str]]:
    return {path: said(browser.open(f"{path}&{window}")) for path in CHARTS}


def everything(browser: Browser, known: dict[str, Any], between: tuple[int, int], window: str) -> dict[str, list[str]]:
    """What the pages that read the log say."""
    first, last = between
    job = known["failed"]
    paths = [
        f"events?position__lte={last}&limit=200", f"events?position__lte={last}&job_id={job}",
        f"events?position__lte={last}&type=job.updated", f"events/then?as_of={first}", f"events/then?as_of={last}",
        f"events/changes?first={first}&last={last}&kind=job", f"jobs/{job}?events=full",
        "failures?id=" + str(job),
    ]  # fmt: skip
    return {**{path: said(browser.open(path)) for path in paths}, **charts(browser, window)}


def until_now() -> str:
    """Return a window that ends now: what happens later is not in it."""
    now = datetime.now(UTC) + timedelta(seconds=1)
    return f"since={(now - timedelta(hours=1)).isoformat()[:19]}Z&until={now.isoformat()[:19]}Z"


def test_pages_of_the_past_say_what_they_said_before_it_was_archived(
    world: World, user: User, browser: Browser, tmp_path: Path
) -> None:
    known = story(user)
    middle = end(world)
    user.report(known["session"], *user.acquire(known["session"], 1), "RUNNING", "RUN_ERROR", data={"message": "m"})
    last, window = end(world), until_now()
    user.jobs(known["app"], 2 * PER_SEAL, tags={"later": "yes"})
    before = everything(browser, known, (middle, last), window)
    assert all(before.values()), before
    for upto in (middle, 2**60):
        done = archived(world, tmp_path, before=upto)
        assert done, upto
        changed = differing(before, everything(browser, known, (middle, last), window))
        assert {path: set(was) ^ set(now) for path, (was, now) in changed.items()} == {}
    assert done[-1].high >= last


def test_a_page_names_the_file_of_an_archive_that_is_gone(
    world: World, user: User, browser: Browser, tmp_path: Path
) -> None:
    known = story(user)
    first = user.events()[0]["position"]
    last = archived(world, tmp_path)[-1].high
    (files := tmp_path / "elsewhere").mkdir()
    gone = sorted(tmp_path.glob("events-*"))
    for file in gone:
        file.rename(files / file.name)
    try:
        _require_names(browser, first, last, known["failed"])
    finally:
        for file in gone:
            (files / file.name).rename(file)
    assert browser.open(f"jobs/{known['failed']}").status == 200


def _require_names(browser: Browser, first: int, last: int, job: int) -> None:
    for path in (
        "events?ordering=position", f"events/then?as_of={last - 1}", f"events/changes?first={first}",
        "timeline?hours=1", "metrics?hours=1",
    ):  # fmt: skip
        page = browser.open(path)
        assert page.status == 409, path
        (alert,) = page.all("div", role="alert")
        assert "a file of archived events, cannot be read" in alert.text, path
        assert "storax admin archives --check" in alert.text, path
    assert browser.open("failures").status == 200
    assert browser.open("jobs").status == 200
    refused = browser.open(f"jobs/{job}")
    assert (refused.status, "a file of archived events" in refused.text) == (409, True)
