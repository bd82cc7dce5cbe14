"""Webhooks on the page: where each stands, and what plain forms do to them; no secret is shown twice."""

from collections.abc import Callable
from typing import Any

import pytest

from browsing import PASSWORD, Browser, Page
from world import User, World

EVIL = '"><script>alert(1)</script>'
URL = "https://example.org/storax"


@pytest.fixture(autouse=True)
def no_webhooks(user: User) -> None:
    """Each test begins without webhooks."""
    user.delete("/webhooks/?all=true")


def create(user: User, name: str = "hook", **fields: Any) -> dict[str, Any]:
    row: dict[str, Any] = user.post("/webhooks/", {"name": name, "url": URL, **fields})
    return row


def card(page: Page, hook: dict[str, Any]) -> str:
    (section,) = page.all("section", id=f"webhook-{hook['id']}")
    return " ".join(section.text.split())


def test_a_webhook_is_created_with_its_filter_and_its_secret_is_shown_once(browser: Browser, user: User) -> None:
    form = browser.open("webhooks").form("webhooks")
    filters = {"to_state": "FAILED", "tags": "campaign:a", "type": "", "app_id": "", "job_id": "", "actor": ""}
    created = browser.send(form, name=" failures ", url=URL, site_id=" 7 ", format="storax", **filters)
    (row,) = user.get("/webhooks/")["results"]
    assert (created.status, row["name"], row["url"]) == (200, "failures", URL)
    assert row["format"] == "storax"
    assert row["filter"] == {"to_state": "FAILED", "tags": {"campaign": "a"}, "site_id": "7"}
    (secret,) = created.all("code", id="secret")
    assert secret.text.startswith("whsec_")
    assert created.answer.headers["cache-control"] == "no-store"
    again = browser.send(form, name=" failures ", url=URL, site_id=" 7 ", format="storax", **filters)
    assert [e.text for e in again.all("code", id="secret")] == [secret.text], "a form sent twice has one effect"
    assert len(user.get("/webhooks/")["results"]) == 1
    assert "whsec_" not in browser.open("webhooks").html


def test_filters_of_the_page_events_are_those_of_a_new_webhook(browser: Browser, user: User) -> None:
    view = "events?to_state=RUN_TIMEOUT&tags=run:a%26b&entity=job&position__gt=3&job_id=9"
    page = browser.open(browser.open(view).links()["Have such events posted to a URL…"])
    assert (
        browser.send(
            page.form("webhooks"), name="of events", url=URL, format="cloudevents", to_state="RUN_TIMEOUT"
        ).status
        == 200
    )
    (row,) = user.get("/webhooks/")["results"]
    assert row["filter"] == {"entity": "job", "to_state": "RUN_TIMEOUT", "tags": {"run": "a&b"}, "job_id": "9"}
    listed = browser.open("webhooks")
    (link,) = [e for e in listed.all("a") if "tags=run" in e.attributes["href"]]
    assert browser.open(link.attributes["href"]).status == 200


def test_a_webhook_of_the_page_events_gets_no_more_than_its_filter(browser: Browser, user: User) -> None:
    """A field shows one value; of several all stay, also where another field is changed."""
    page = browser.open("webhooks?tags=run:a&tags=night:b&actor=user:1")
    assert browser.send(page.form("webhooks"), name="x", url=URL, format="storax", actor="user:2").status == 200
    (row,) = user.get("/webhooks/")["results"]
    assert row["filter"] == {"tags": {"run": "a", "night": "b"}, "actor": "user:2"}
    refused = browser.open('webhooks?to_state=FAILED&exclude={"tags":{"run":"a"}}')
    assert (refused.status, "exclude" in refused.all("div", role="alert")[0].text) == (422, True)


def test_another_secret_that_is_asked_for_twice_is_one(browser: Browser, user: User) -> None:
    """A second rotation at once would end the secret that the receiver still has."""
    hook = create(user)
    form = browser.open("webhooks").form(f"webhooks/{hook['id']}/rotate")
    secrets = [browser.send(form).all("code", id="secret")[0].text for _ in range(2)]
    assert secrets[0] == secrets[1] != hook["secret"]
    assert user.get(f"/webhooks/{hook['id']}")["secret_version"] == 2
    again = browser.send(browser.open("webhooks").form(f"webhooks/{hook['id']}/rotate"))
    assert again.all("code", id="secret")[0].text not in secrets


def test_the_list_says_where_each_webhook_stands(browser: Browser, user: User, world: World) -> None:
    hooks = [create(user, name) for name in ("good", "tried", "given up", "off")]
    fine, tried, lost, off = hooks
    delivered = "UPDATE webhook SET last_delivery = now(), position = 12345 WHERE id = $1"
    failing = "UPDATE webhook SET failures = 3, problem = $2, next_attempt = '2026-01-31 08:00Z' WHERE id = $1"
    world.sql(delivered, fine["id"])
    world.sql(failing, tried["id"], "the receiver answered 500")
    user.patch("/webhooks/", [{"id": hook["id"], "enabled": False} for hook in (lost, off)])
    world.sql("UPDATE webhook SET problem = 'gone' WHERE id = $1", lost["id"])
    page = browser.open("webhooks")
    states = [page.all("section", id=f"webhook-{hook['id']}")[0] for hook in hooks]
    shown = [[e.text for e in page.all("span") if e.ancestor("section") is one and not e.attributes] for one in states]
    assert shown == [["enabled"], ["retrying"], ["paused"], ["disabled"]]
    assert "position 12 345" in card(page, fine)
    assert "the receiver answered 500" in card(page, tried)
    assert "3 attempts; the next at 2026-01-31 08:00:00 UTC" in card(page, tried)
    assert "gone" in card(page, lost)
    assert [card(page, hook).count("Resume") for hook in hooks] == [0, 0, 1, 1]


def test_a_webhook_is_paused_resumed_replayed_and_deleted(browser: Browser, user: User, world: World) -> None:
    hook = create(user)
    path = f"webhooks/{hook['id']}"
    paused = browser.send(browser.open("webhooks").form(f"{path}/enabled"))
    assert "The webhook is disabled." in paused.text
    assert user.get(f"/webhooks/{hook['id']}")["enabled"] is False
    world.sql("UPDATE webhook SET problem = 'gone', failures = 15 WHERE id = $1", hook["id"])
    resumed = browser.send(paused.form(f"{path}/enabled"))
    assert "gets events again" in resumed.text
    row = user.get(f"/webhooks/{hook['id']}")
    assert (row["enabled"], row["failures"], row["problem"]) == (True, 0, None)
    assert "The position is set." in browser.send(resumed.form(f"{path}/replay"), position="1").text
    assert user.get(f"/webhooks/{hook['id']}")["position"] == 1
    wrong = browser.send(resumed.form(f"{path}/replay"), position="-1")
    assert (wrong.status, "no position of the log" in wrong.text) == (422, True)
    rotated = browser.send(resumed.form(f"{path}/rotate"))
    assert rotated.all("code", id="secret")[0].text not in ("", hook["secret"])
    form = browser.open("webhooks").form(f"{path}/delete")
    deleted = browser.send(form)
    assert "The webhook is deleted." in deleted.text
    assert "There are no webhooks yet." in deleted.text
    assert browser.send(form).status == 404


def test_another_user_sees_and_changes_no_webhook(world: World, new_browser: Callable[[], Browser], user: User) -> None:
    hook, stranger, other = create(user, "mine alone"), world.user(password=PASSWORD), new_browser()
    theirs = create(stranger, "theirs")
    other.sign_in(stranger.name)
    page = other.open("webhooks")
    assert "mine alone" not in page.html
    for action in ("enabled", "replay", "rotate", "delete"):
        form = page.form(f"webhooks/{theirs['id']}/{action}")
        form.action = form.action.replace(f"/{theirs['id']}/", f"/{hook['id']}/")
        assert other.send(form, position="0").status == 404, action
    assert user.get(f"/webhooks/{hook['id']}")["version"] == 1
    stranger.delete("/webhooks/?all=true")


def test_a_webhook_to_a_mail_address_is_created_and_listed_as_mail(browser: Browser, user: User) -> None:
    form = browser.open("webhooks").form("webhooks")
    created = browser.send(form, name="mail", url="mailto:alice@example.org", format="cloudevents", to_state="FAILED")
    assert "Mail is not signed" in created.text
    (row,) = user.get("/webhooks/")["results"]
    assert "mailto:alice@example.org" in card(browser.open("webhooks"), row)


def test_a_form_without_its_token_changes_nothing(browser: Browser, user: User) -> None:
    hook = create(user)
    page = browser.open("webhooks")
    assert browser.send(page.form("webhooks"), without="csrf", name="x", url=URL, format="storax").status == 403
    for action in ("enabled", "replay", "rotate", "delete"):
        assert browser.send(page.form(f"webhooks/{hook['id']}/{action}"), without="csrf").status == 403, action
    assert [row["version"] for row in user.get("/webhooks/")["results"]] == [1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("url", "ftp://example.org/"),
        ("name", ""),
        ("type", "job.made"),
        ("format", "xml"),
        ("tags", "x"),
        ("position__gt", "3"),
    ],
)
def test_a_wrong_field_is_refused_with_the_reason(browser: Browser, user: User, name: str, value: str) -> None:
    fields = {"name": "x", "url": URL, "format": "cloudevents", name: value}
    refused = browser.send(browser.open("webhooks").form("webhooks"), **fields)
    assert refused.status == 422
    assert refused.all("div", role="alert")[0].text
    assert user.get("/webhooks/")["results"] == []


def test_a_wrong_filter_in_the_url_is_named(browser: Browser) -> None:
    wrong = browser.open("webhooks?typ=x")
    assert (wrong.status, "typ" in wrong.all("div", role="alert")[0].text) == (422, True)


def test_names_urls_filters_and_problems_are_text(browser: Browser, user: User, world: World) -> None:
    hook = create(user, EVIL, url=f"{URL}?x='\"><script>alert(1)</script>", filter={"tags": {EVIL: EVIL}})
    world.sql("UPDATE webhook SET problem = $2 WHERE id = $1", hook["id"], f"{EVIL}\u202e\x1b")
    for path in ("webhooks", f"webhooks?actor={EVIL}"):
        page = browser.open(path)
        assert page.status == 200
        assert "<script>alert" not in page.html
        assert not {"\u202e", "\x1b"} & set(page.html)
