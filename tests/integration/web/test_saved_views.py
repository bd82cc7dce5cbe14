"""Saved views on the page: what the page Jobs shows gets a name, and is opened, renamed and deleted by plain forms."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from browsing import Browser, Page
from storax_core import limits
from world import User, World

QUERY = "jobs?state=FAILED&tags=run:a%26b&ordering=-last_update&fields=attempt&fields=losses"
EVIL = '"><script>alert(1)</script>&did=x'


@pytest.fixture(autouse=True)
def no_views(user: User) -> None:
    """Each test begins without views."""
    user.post("/saved-views/delete", {"filter": {}})


def save(browser: Browser, path: str, name: str, **more: str) -> Page:
    """Save what a page shows."""
    return browser.send(browser.open(path).form("views"), name=name, **more)


def names(page: Page) -> list[str]:
    """Return the links of the list of views."""
    navs = page.all("nav", **{"aria-label": "Saved views"})
    return [e.text for e in page.all("a") if navs and e.ancestor("nav") is navs[0]]


def test_filter_columns_and_order_are_saved_and_opened_again(browser: Browser, user: User) -> None:
    shown = save(browser, f"{QUERY}&cursor=&limit=20", "failed last")
    assert "The view is saved." in shown.text
    (row,) = user.get("/saved-views/")["results"]
    wanted = {"state": ["FAILED"], "tags": ["run:a&b"], "ordering": ["-last_update"], "limit": ["20"]}
    assert parse_qs(row["query"]) == wanted | {"fields": ["id,state,attempt,losses"]}
    for path in ("", "jobs", "views"):
        opened = browser.open(browser.open(path).links()["failed last"])
        assert parse_qs(urlsplit(opened.url).query) == parse_qs(row["query"])
        heads = [e.text.strip() for e in opened.all("th")]
        chosen = [e.attributes["value"] for e in opened.all("input", name="fields") if "checked" in e.attributes]
        assert (opened.status, heads) == (200, [])
        assert chosen == ["id", "state", "attempt", "losses"]
        assert [e.text for e in opened.all("a", **{"aria-current": "page"})][1:] == ["failed last"]
    assert user.ask("GET", f"/jobs/?{row['query']}").json()["results"] == []


def test_the_place_in_the_list_and_times_without_a_zone_are_saved_as_the_page_means_them(
    browser: Browser, user: User
) -> None:
    user.jobs(user.app(), 3)
    second = browser.open(browser.open("jobs?limit=1&last_update_after=2026-01-31T08:00").links()["Next page"])
    browser.send(second.form("views"), name="page")
    (row,) = user.get("/saved-views/")["results"]
    assert parse_qs(row["query"]) == {"limit": ["1"], "last_update_after": ["2026-01-31T08:00Z"]}


def test_a_view_is_renamed_replaced_and_deleted(browser: Browser, user: User) -> None:
    save(browser, QUERY, "first")
    (row,) = user.get("/saved-views/")["results"]
    listed = browser.open("views")
    renamed = browser.send(listed.form(f"views/{row['id']}/rename"), name="  second ")
    assert "The view is renamed." in renamed.text
    assert names(browser.open("jobs")) == ["second", "Change views…"]
    taken = save(browser, "jobs?state=RUNNING", "second")
    assert (taken.status, "exists already" in taken.text) == (409, True)
    assert "The view is saved." in save(browser, "jobs?state=RUNNING", "second", replace="true").text
    (changed,) = user.get("/saved-views/")["results"]
    assert (changed["id"], changed["query"], changed["version"]) == (row["id"], "state=RUNNING", 3)
    form = browser.open("views").form(f"views/{row['id']}/delete")
    deleted = browser.send(form)
    assert "The view is deleted." in deleted.text
    assert "There are no saved views yet." in deleted.text
    assert names(browser.open("jobs")) == names(browser.open()) == []
    assert browser.send(form).status == 404
    kinds = [event["type"] for event in user.events(entity="saved_view", entity_id=row["id"])]
    assert sorted(kinds) == ["saved_view.created", "saved_view.deleted", *["saved_view.updated"] * 2]


def test_a_form_that_is_sent_twice_saves_one_view(browser: Browser, user: User) -> None:
    form = browser.open(QUERY).form("views")
    assert [browser.send(form, name="once").status for _ in range(2)] == [200, 200]
    (row,) = user.get("/saved-views/")["results"]
    assert (row["name"], len(user.events(entity="saved_view", entity_id=row["id"]))) == ("once", 1)


def test_another_user_sees_and_changes_no_view(
    world: World, new_browser: Callable[[], Browser], browser: Browser, user: User
) -> None:
    save(browser, QUERY, "mine alone")
    (row,) = user.get("/saved-views/")["results"]
    stranger = world.user(password="correct horse battery staple")
    other = new_browser()
    other.sign_in(stranger.name)
    save(other, "jobs", "theirs")
    for path in ("", "jobs", "views"):
        assert "mine alone" not in other.open(path).html
    (theirs,) = stranger.get("/saved-views/")["results"]
    form = other.open("views").form(f"views/{theirs['id']}/delete")
    for action in ("rename", "delete"):
        form.action = form.action.rpartition("/views/")[0] + f"/views/{row['id']}/{action}"
        assert other.send(form, name="stolen").status == 404
    assert user.get(f"/saved-views/{row['id']}")["version"] == 1


@pytest.mark.parametrize("without", ["csrf", "name"])
def test_a_form_without_its_token_or_a_name_saves_nothing(browser: Browser, user: User, without: str) -> None:
    form = browser.open(QUERY).form("views")
    fields = {} if without == "name" else {"name": "x"}
    refused = browser.send(form, without=without, **fields)
    assert refused.status == (403 if without == "csrf" else 422)
    assert refused.all("div", role="alert")[0].text
    assert user.get("/saved-views/")["results"] == []


@pytest.mark.parametrize("query", ["state=NOT", "nothing=1", "cursor=abc", "%ff=1", "state=FAILED\r\nX-Evil: 1"])
def test_a_query_that_was_made_by_hand_is_refused_with_the_reason(browser: Browser, user: User, query: str) -> None:
    refused = browser.send(browser.open("jobs").form("views"), name="x", query=query)
    assert refused.status == 422
    assert refused.all("div", role="alert")[0].text
    assert user.get("/saved-views/")["results"] == []


def test_names_and_queries_of_users_are_text_and_a_wrong_filter_is_not_offered_for_saving(
    browser: Browser, user: User
) -> None:
    user.post("/saved-views/", {"name": EVIL, "query": "workdir__contains=%22%3E%3Cscript%3E%0d%0aX:1"})
    for path in ("", "jobs", "views"):
        page = browser.open(path)
        assert "<script>alert" not in page.html
        assert "X" not in browser.open(page.links()[EVIL]).answer.headers
    wrong = browser.open("jobs?stat=x")
    assert not [e for e in wrong.all("form") if e.attributes["action"].endswith("views")]
    assert EVIL in names(wrong)


def test_the_pages_show_the_first_views_and_lead_to_all(browser: Browser, user: User) -> None:
    user.post("/saved-views/", [{"name": f"v{n:03}", "query": ""} for n in range(limits.SAVED_VIEWS)])
    for path in ("", "jobs"):
        shown = names(browser.open(path))
        assert shown == [*(f"v{n:03}" for n in range(12)), f"All {limits.SAVED_VIEWS} views…"]
    listed = browser.open("views")
    assert len([e for e in listed.all("tr") if e.attributes.get("id", "").startswith("view-")]) == limits.SAVED_VIEWS
    full = save(browser, QUERY, "one more")
    assert (full.status, f"you have {limits.SAVED_VIEWS} saved views" in full.text) == (409, True)
