"""Webhooks in a real Chromium: readable at every width, with a problem and without, and usable without JavaScript."""

from typing import Any

import pytest

from acceptance import test_web_page
from acceptance.test_web_page import EVIL, SHOTS, WIDTHS, Tabs, audit
from browsing import PASSWORD, take_picture
from needs import needs
from world import User, World

pytestmark = needs("browser")
# The browser and its tabs are those of the other pages.
chromium, tabs = test_web_page.chromium, test_web_page.tabs
URL = "https://example.org/storax"


@pytest.fixture(scope="module")
def user(world: World) -> User:
    """A user with a password."""
    return world.user("alice", password=PASSWORD)


@pytest.fixture(scope="module", autouse=True)  # before the browser, in whose thread no event loop can start
def hooks(world: World, user: User) -> dict[str, int]:
    """Webhooks in each state, one of them with long and hostile texts."""
    filters: dict[str, Any] = {
        "failures": {"to_state": ["FAILED", "CANCELLED"], "tags": {"campaign": "surface-7"}},
        "all events": {},
        EVIL: {"tags": {EVIL: "y" * 200, "b": "c"}, "type": "job.state_changed", "actor": "user:1"},
        "dashboard": {"to_state": "JOB_FINISHED"},
    }
    long = f"{URL}?{'x' * 400}"
    ids = {}
    for name, wanted in filters.items():
        row = {"name": name, "url": long if name == EVIL else f"{URL}/{len(ids)}", "filter": wanted}
        ids[name] = user.post("/webhooks/", row)["id"]
    world.sql("UPDATE webhook SET position = 1234567, last_delivery = now() WHERE id = $1", ids["failures"])
    retrying = "UPDATE webhook SET failures = 4, problem = $2, next_attempt = '2026-01-31 08:00Z' WHERE id = $1"
    world.sql(retrying, ids["all events"], "the receiver answered 503 Service Unavailable")
    user.patch("/webhooks/", [{"id": ids[name], "enabled": False} for name in (EVIL, "dashboard")])
    paused = "UPDATE webhook SET failures = 15, problem = $2 WHERE id = $1"
    world.sql(paused, ids[EVIL], f"15 attempts failed, the last one so: ConnectError: {EVIL} {'z' * 200}")
    return ids


@pytest.mark.slow("the page at three widths, light and dark, with axe and pictures")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", WIDTHS)
def test_the_page_is_readable_at_every_width_in_light_and_dark(
    tabs: Tabs, hooks: dict[str, int], size: str, scheme: str
) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    with tabs(width=WIDTHS[size], color_scheme=scheme) as tab:
        page = tab.open("webhooks")
        problems = problems_of(page, f"webhooks-{size}-{scheme}")
        for at in range(3):
            page.click(f"#webhook-{hooks['failures']} summary >> nth={at}")
        problems += problems_of(page, f"webhooks-more-{size}-{scheme}")
        page = tab.open("webhooks?to_state=FAILED&entity=job&tags=campaign:surface-7")
        problems += problems_of(page, f"webhooks-new-{size}-{scheme}")
        problems += problems_of(tab.open("webhooks?typ=x"), f"webhooks-wrong-{size}-{scheme}")
        page = tab.open("webhooks")
        page.click(f"#webhook-{hooks['dashboard']} summary:has-text('secret')")
        page.click(f"#webhook-{hooks['dashboard']} button:has-text('another secret')")
        page.wait_for_selector("#secret")
        problems += problems_of(page, f"webhooks-secret-{size}-{scheme}")
    assert not problems


def problems_of(page: Any, name: str) -> list[str]:
    """Take a picture, and return what is wrong with the page."""
    take_picture(page, SHOTS / f"{name}.png", full_page=True)
    beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    wide = [f"{beyond} pixels beyond the window"] if beyond > 0 else []
    return [f"{name}: {line}" for line in (*audit(page), *wide)]


def test_without_javascript_a_webhook_is_created_paused_and_deleted(tabs: Tabs, user: User) -> None:
    with tabs(java_script_enabled=False) as tab:
        page = tab.open("events?to_state=FAILED")
        page.click("text=Have such events posted")
        page.fill("form >> [name=name]", "by hand")
        page.fill("form >> [name=url]", URL)
        page.click("text=Create webhook")
        assert page.inner_text("#secret").startswith("whsec_")
        page.click("text=Go to the webhooks")
        (row,) = user.get("/webhooks/", name="by hand")["results"]
        page.click(f"#webhook-{row['id']} button:has-text('Pause')")
        assert "disabled" in page.inner_text(".box.good[role=status]")
        page.click(f"#webhook-{row['id']} summary:has-text('Delete')")
        page.click(f"#webhook-{row['id']} button.danger")
        assert "deleted" in page.inner_text(".box.good[role=status]")
        assert user.get("/webhooks/", name="by hand")["results"] == []
