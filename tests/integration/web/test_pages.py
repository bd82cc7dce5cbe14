"""The pages as a browser without JavaScript gets them: what is there, whose it is, and what a wrong URL says."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest

from browsing import PASSWORD, Browser
from storax_api.web.frame.respond import HEADERS
from world import ANYBODY, User, World

OUTSIDE = re.compile(r"""(?:src|href|url\(|@import)\s*[=:(]?\s*["']?\s*(?:https?:)?//""", re.IGNORECASE)
PAGES = ("", "jobs", "jobs/{job}", "jobs/{job}/output", "jobs/confirm?action=cancel&id={job}", "login", "no-such-page")
# Names, tags, errors and outputs that would do harm if a page took them for markup: after OWASP's filter evasion list.
PAYLOADS = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "'-alert(3)-'", "javascript:alert(4)",
    "<svg/onload=alert(5)>", "{{7*7}}{% raw %}", "</textarea></title></pre><b>out</b>", '" autofocus onfocus=alert(6) x="',
    "&lt;i&gt;", "<!--", "]]>", "\u202egnp.exe", "\x1b[2J\x1b]0;owned\x07", "line\r\nbreak", "\u2028", "\ufeff",
    "hx-get=/ui/logout", "<div hx-get='/ui/logout' hx-trigger='load'>",
]  # fmt: skip


@pytest.fixture(scope="module")
def filled(user: User) -> dict[str, Any]:
    """A site, an App, and jobs in several states, one of them with every payload in all of its texts."""
    site = user.site(f"site {PAYLOADS[1]}", path=PAYLOADS[0])
    app = user.app(site, parameters={"x": {"required": False, "default": ""}}, command_template="echo {{ x }}")
    evil = user.job(
        app,
        workdir="w/" + "".join(c for c in PAYLOADS[1] if c.isprintable()),
        tags={f"tag{n}": text for n, text in enumerate(PAYLOADS)},
        parameters={"x": "".join(PAYLOADS)},
        data={text: text for text in PAYLOADS},
    )
    session = user.session(site)
    leased = user.acquire(session, 1)
    message = " ".join(PAYLOADS)
    user.report(
        session, leased[0], "RUNNING", "RUN_ERROR", data={"message": message, "stderr_tail": message}, return_code=1
    )
    jobs = user.jobs(app, 3, tags={"campaign": "a"})
    user.post("/jobs/cancel", {"filter": {"id": jobs[2]}})
    return {"site": site, "app": app, "evil": evil["id"], "jobs": jobs}


@pytest.mark.parametrize("path", PAGES)
def test_every_page_allows_files_of_this_server_alone(browser: Browser, filled: dict[str, Any], path: str) -> None:
    page = browser.open(path.format(job=filled["evil"]))
    for name in ("Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy"):
        assert page.answer.headers[name] == HEADERS[name]
    policy = page.answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert not page.all("style")
    assert all(script.attributes.get("src") for script in page.all("script"))
    for element in page.elements:
        assert not [
            name for name in element.attributes if name == "style" or name.startswith(("on", "hx-on", "hx-vals"))
        ]
        for name in ("src", "href", "action", "hx-get", "hx-sse:connect"):
            assert not re.match(r"\s*(\w+:|//)", element.attributes.get(name, "")), element


def test_no_text_of_a_user_becomes_markup(browser: Browser, filled: dict[str, Any]) -> None:
    paths = (
        "",
        "jobs",
        f"jobs/{filled['evil']}",
        f"jobs/{filled['evil']}?events=full",
        f"jobs/{filled['evil']}?events=json",
    )
    for path in (*paths, f"jobs/confirm?action=delete&id={filled['evil']}"):
        page = browser.open(path)
        assert page.status == 200, path
        assert not page.all("img") + page.all("b") + page.all("textarea")
        assert len(page.all("script")) == 3
        assert not [e for e in page.all("svg") if "onload" in e.attributes or "/onload" in e.attributes]
        for character in ("\u202e", "\x1b", "\x07", "\u2028", "\ufeff"):
            assert character not in page.html, (path, ascii(character))
    assert "<script>alert(1)</script>" in browser.open(f"jobs/{filled['evil']}").text
    assert "\\u202egnp.exe" in browser.open(f"jobs/{filled['evil']}").text


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_filter_made_by_hand_finds_what_it_names_or_says_what_is_wrong(
    browser: Browser, filled: dict[str, Any], payload: str
) -> None:
    place = PAYLOADS.index(payload)
    page = browser.open(str(httpx.URL("jobs", params={"tags": f"tag{place}:{payload}"})))
    assert page.status == 200
    assert page.links()[str(filled["evil"])].endswith(f"/ui/jobs/{filled['evil']}")
    for name in ("state", "app_name", "cursor", "ordering", "limit", "last_update_after", "exclude", payload):
        wrong = browser.open(str(httpx.URL("jobs", params={name: payload})))
        assert wrong.status in (200, 422), (name, wrong.status)
        assert len(wrong.all("script")) == 3
        if wrong.status == 422:
            (alert,) = wrong.all("div", role="alert")
            assert alert.text.strip()


def test_the_url_is_the_filter(browser: Browser, filled: dict[str, Any]) -> None:
    page = browser.open("jobs?tags=campaign:a&state=CANCELLED&fields=priority,state&fields=workdir")
    listed = [e.attributes["value"] for e in page.all("input", name="id") if e.attributes.get("type") == "checkbox"]
    assert listed == [str(filled["jobs"][2])]
    assert [" ".join(e.text.split()) for e in page.all("th")][1:] == ["Job", "State", "Workdir", "Priority"]
    form = page.form("jobs")
    assert {("state", "CANCELLED"), ("tags", "campaign:a")} <= set(form.fields)
    again = browser.send(form)
    assert [
        e.attributes["value"] for e in again.all("input", name="id") if e.attributes.get("type") == "checkbox"
    ] == listed


def test_a_time_without_a_zone_is_utc_and_blank_fields_are_no_filters(browser: Browser, filled: dict[str, Any]) -> None:
    page = browser.open("jobs?last_update_after=2000-01-01T00:00&app_name=&tags=&id=")
    assert page.status == 200
    assert str(filled["evil"]) in page.links()
    assert "No job matches." in browser.open("jobs?last_update_after=2900-01-01T00:00").text


def test_lists_page_by_key_to_their_end(browser: Browser, user: User, filled: dict[str, Any]) -> None:
    jobs = user.jobs(filled["app"], 23, tags={"paged": "yes"})
    seen, address = [], "jobs?tags=paged:yes&limit=10"
    while address:
        page = browser.open(address)
        seen += [
            int(e.attributes["value"]) for e in page.all("input", name="id") if e.attributes.get("type") == "checkbox"
        ]
        address = page.links().get("Next page", "")
    assert seen == sorted(jobs, reverse=True)


def test_another_users_jobs_are_not_there(
    browser: Browser, new_browser: Callable[[], Browser], world: World, filled: dict[str, Any]
) -> None:
    other = world.user(password=PASSWORD)
    stranger = new_browser()
    stranger.sign_in(other.name)
    for path in ("jobs/{}", "jobs/{}/output", "jobs/{}/output/more?stream=stdout&after=0&begin=0&file=0"):
        page = stranger.open(path.format(filled["evil"]))
        assert page.status == 404, path
    assert "There are no jobs yet." in stranger.open("jobs").text
    assert "There are no jobs yet." in stranger.open().text
    assert "0 jobs" in stranger.open(f"jobs/confirm?action=delete&id={filled['evil']}").text
    assert browser.open(f"jobs/{filled['evil']}").status == 200


def test_a_store_without_jobs_says_what_to_do(new_browser: Callable[[], Browser], world: World) -> None:
    browser = new_browser()
    browser.sign_in(world.user(password=PASSWORD).name)
    assert "storax job submit" in browser.open().text
    assert "storax site init" in browser.open().text
    assert "storax job submit" in browser.open("jobs").text


@pytest.mark.parametrize(
    "path", ["jobs/0", "jobs/-1", "jobs/x", "jobs/999999999999", "jobs/99999999999999999999", "nothing"]
)
def test_what_is_not_there_is_a_page_that_says_so(browser: Browser, path: str) -> None:
    page = browser.open(path)
    assert page.status == 404
    assert page.answer.headers["content-type"].startswith("text/html")
    assert page.all("h1")[0].text == "Not there"
    assert page.answer.headers["x-request-id"] in page.text


def test_an_error_of_the_server_is_a_page_without_its_cause(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, filled: dict[str, Any]
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the cause")

    monkeypatch.setattr("storax_api.web.overview.routes._failures", broken)
    page = browser.open()
    assert page.status == 500
    assert page.answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
    assert "an error on our side" in page.text
    assert "the cause" not in page.html


def test_the_start_of_the_server_leads_browsers_to_the_page_and_others_nowhere(world: World) -> None:
    browser = ANYBODY.get(f"{world.url}/", headers={"Accept": "text/html,*/*"})
    assert (browser.status_code, browser.headers["location"]) == (307, "ui/")
    for accept in ("*/*", "application/json"):
        client = ANYBODY.get(f"{world.url}/", headers={"Accept": accept})
        assert (client.status_code, client.json()["code"]) == (404, "not_found")


def test_the_part_of_a_page_is_its_content_alone(browser: Browser, filled: dict[str, Any]) -> None:
    part = browser.part("jobs?tags=campaign:a")
    assert part.status_code == 200
    assert "<html" not in part.text
    assert f'id="job-{filled["jobs"][0]}"' in part.text


def test_addresses_in_a_part_are_those_of_the_page_that_asks_for_it(browser: Browser, filled: dict[str, Any]) -> None:
    job = filled["jobs"][0]  # waits, so it is asked for again
    address = f"jobs/{job}/output/more?stream=stdout&after=0&begin=0&file=0"
    headers = {"HX-Request": "true", "HX-Current-URL": f"http://storax.example/before/ui/jobs/{job}?events=full"}
    assert 'hx-get="../jobs/' in browser.http.get(address, headers=headers).text
    assert 'hx-get="../../../jobs/' in browser.http.get(address, headers={"HX-Request": "true"}).text


def test_files_are_kept_for_ever_under_a_name_of_their_content(world: World, browser: Browser) -> None:
    page = browser.open("login")
    addresses = [e.attributes["src"] for e in page.all("script")] + [e.attributes["href"] for e in page.all("link")]
    assert len(addresses) >= 6
    size = 0
    for address in addresses:
        answer = browser.http.get(address)
        assert answer.status_code == 200, address
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert not OUTSIDE.search(answer.text), address
        size += int(answer.headers["content-length"])
    assert size < 120 * 1024
    old = browser.http.get("static/0000000000000000/storax.css")
    assert (old.status_code, old.headers["cache-control"]) == (200, "no-cache")
    assert browser.http.get("static/x/../../../app.py").status_code == 404


def test_what_is_exported_is_what_rest_answers(browser: Browser, user: User, filled: dict[str, Any]) -> None:
    ids = ",".join(map(str, filled["jobs"]))
    wanted = user.post("/jobs/query", {"filter": {"id": filled["jobs"]}, "ordering": ["id"]})["results"]
    answer = browser.http.get("jobs/export.ndjson", params={"id": filled["jobs"]})
    assert [orjson.loads(line) for line in answer.text.splitlines()] == wanted, ids
    table = browser.http.get("jobs/export.csv", params={"id": filled["jobs"]})
    assert table.headers["content-disposition"] == 'attachment; filename="jobs.csv"'
    assert len(table.text.splitlines()) == len(wanted) + 1
    assert browser.open("jobs/export.csv?state=NOT").status == 422
