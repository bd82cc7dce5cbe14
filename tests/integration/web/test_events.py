"""Events: a tail that leaves nothing out, everything as it was, what changed between two instants, and whose it is."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from browsing import PASSWORD, Browser, Page
from storax_api.web.events import tail
from waiting import eventually
from world import User, World

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202egnp.exe"


def end(world: World) -> int:
    """The last position, once it is published."""
    position = int(world.value("SELECT max(position) FROM event_log"))
    eventually(lambda: (world.value("SELECT max(position) FROM feed") or 0) >= position)
    return position


@pytest.fixture(scope="module")
def story(world: World, user: User) -> dict[str, int]:
    """Jobs at three instants: created, one failed and one deleted, one changed."""
    site = user.site("cluster")
    app = user.app(site)
    start = end(world)
    jobs = user.jobs(app, 4, tags={"story": "yes"})
    created = end(world)
    session = user.session(site)
    (leased,) = user.acquire(session, 1)
    user.report(session, leased, "RUNNING", "RUN_ERROR", data={"message": EVIL}, return_code=3)
    failed = end(world)
    rest = [job for job in jobs if job != leased["id"]]
    user.delete(f"/jobs/{rest[0]}")
    user.patch(f"/jobs/{rest[1]}", {"priority": 7, "tags": {"evil": EVIL}})
    return {
        "start": start, "created": created, "failed": failed, "end": end(world), "app": app, "site": site,
        "leased": leased["id"], "deleted": rest[0], "changed": rest[1], "same": rest[2],
    }  # fmt: skip


def positions(page: Page) -> list[int]:
    """Return the positions of the events on a page, from its top."""
    ids = [e.attributes.get("id", "") for e in page.all("tr")]
    return [int(name.removeprefix("event-")) for name in ids if name.startswith("event-")]


def cells(page: Page) -> dict[str, list[str]]:
    """Return the texts of the cells of each row that has an id."""
    rows = {e.attributes["id"]: e for e in page.all("tr") if "id" in e.attributes}
    return {
        name: [" ".join(e.text.split()) for e in page.all("td") if e.ancestor("tr") is row]
        for name, row in rows.items()
    }


def followed(browser: Browser, page: Page) -> Iterator[Page]:
    """Ask as the row at the top does, until it waits for a change."""
    while True:
        (row,) = page.all("tr", id="newer")
        page = Page(browser.part(str(browser.http.base_url.join("events").join(row.attributes["hx-get"]))))
        yield page
        if page.all("tr", id="newer")[0].attributes["hx-trigger"] != "load":
            return


def test_the_tail_leaves_nothing_out_and_repeats_nothing(
    browser: Browser, world: World, user: User, story: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "AT_ONCE", 7)
    end(world)
    page = browser.open("events?entity=job&limit=5")
    seen = positions(page)
    for number in (1, 20):
        user.jobs(story["app"], number, tags={"tail": "yes"})
        end(world)
        for part in followed(browser, page):
            seen, page = positions(part) + seen, part
    wanted = [event["position"] for event in user.events(entity="job")]
    assert seen == sorted(wanted, reverse=True)[: len(seen)]
    assert len(seen) == 5 + 21


def test_a_page_that_is_full_stops_and_says_so(
    browser: Browser, story: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "MOST_SHOWN", 10)
    page = Page(browser.part(f"newer-events?entity=job&after={story['start']}&shown=9"))
    (row,) = page.all("tr", id="newer")
    assert "hx-get" not in row.attributes
    assert "Start again at the newest" in row.text
    assert browser.part("newer-events?after=x&shown=1").status_code == 422


def test_the_url_filters_events_and_they_page_to_their_end(browser: Browser, user: User, story: dict[str, int]) -> None:
    wanted = [event["position"] for event in user.events(job_id=story["leased"])]
    seen, address = [], f"events?job_id={story['leased']}&limit=2"
    while address:
        page = browser.open(address)
        seen += positions(page)
        address = page.links().get("Next page", "")
    assert seen == sorted(wanted, reverse=True)
    assert not browser.open(f"events?position__lte={story['failed']}").all("tr", id="newer")
    for path in (
        "events?colour=red",
        "events?timestamp_after=soon",
        "events/then?as_of=soon",
        "events/then?as_of=1&x=1",
    ):
        wrong = browser.open(path)
        assert wrong.status == 422, path
        assert wrong.all("div", role="alert")[0].text.strip()


def test_jobs_are_shown_as_they_were(browser: Browser, story: dict[str, int]) -> None:
    then = browser.open(f"events/then?tags=story:yes&as_of={story['created']}")
    rows = cells(then)
    assert rows["then-PREPROCESSED"] == ["PREPROCESSED", "4", "1"]
    assert rows["then-FAILED"] == ["FAILED", "0", "1"]
    assert f"job-{story['deleted']}" in rows
    assert rows[f"job-{story['leased']}"][1] == "PREPROCESSED"
    failed = browser.open(f"events/then?tags=story:yes&state=FAILED&as_of={story['failed']}")
    assert str(story["leased"]) in failed.links()
    assert str(story["same"]) not in failed.links()
    assert then.all("input", type="range")[0].attributes["value"] == str(story["created"])


def test_an_instant_can_be_a_time_and_steps_lead_from_it(browser: Browser, story: dict[str, int]) -> None:
    before = browser.open("events/then?as_of=2000-01-01T00:00")
    assert before.status == 200
    assert "No job matched then." in before.text
    now = browser.open("events/then")
    assert browser.open(now.links()["an hour before"].partition("/ui/")[2]).status == 200
    assert browser.open("events/then?as_of=2900-01-01T00:00").status == 422


def test_what_changed_between_two_instants(browser: Browser, story: dict[str, int]) -> None:
    page = browser.open(f"events/changes?first={story['created']}&last={story['end']}")
    rows = cells(page)
    assert rows[f"difference-{story['deleted']}"][1:4] == ["deleted", "PREPROCESSED", ""]
    assert rows[f"difference-{story['leased']}"][1:4] == ["changed", "PREPROCESSED", "FAILED"]
    assert "return_code: null → 3" in rows[f"difference-{story['leased']}"][4]
    assert "priority: 0 → 7" in rows[f"difference-{story['changed']}"][4]
    assert f"difference-{story['same']}" not in rows
    created = browser.open(f"events/changes?first={story['start']}&last={story['created']}")
    assert [row[1] for row in cells(created).values()] == ["created"] * 4
    wrong = browser.open(f"events/changes?first={story['end']}&last={story['created']}")
    assert (wrong.status, "Exchange them." in wrong.text) == (422, True)
    assert "Choose two instants." in browser.open("events/changes").text
    assert browser.open(f"events/changes?first={story['start']}&kind=site").status == 200


def test_no_text_of_a_user_becomes_markup(browser: Browser, story: dict[str, int]) -> None:
    for path in ("events", "events/then", f"events/changes?first={story['created']}"):
        page = browser.open(path)
        assert page.status == 200, path
        assert not page.all("img")
        assert len(page.all("script")) == 3
        assert "\u202e" not in page.html
        assert "<script>alert(1)</script>" in page.text, path


def test_another_users_events_are_not_there(
    new_browser: Callable[[], Browser], world: World, story: dict[str, Any]
) -> None:
    stranger = new_browser()
    other = world.user(password=PASSWORD)
    stranger.sign_in(other.name)
    assert "story" not in stranger.open("events").text
    assert not set(positions(stranger.open("events"))) & set(range(story["start"] + 1, story["end"] + 1))
    part = stranger.part(f"newer-events?after={story['start']}&shown=0").text
    assert f"event-{story['created']}" not in part
    assert f"job-{story['leased']}" not in stranger.open(f"events/then?as_of={story['failed']}").html
    changed = stranger.open(f"events/changes?first={story['start']}&last={story['end']}")
    assert "events of 0 jobs" in changed.text
