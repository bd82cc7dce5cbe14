"""Signing in and out: the cookie is a token like any other, and no other site can sign anybody in or send a form."""

from collections.abc import Callable

import httpx
import pytest

from browsing import PASSWORD, Browser
from storax_api.identity import logins
from storax_core.commands import users
from waiting import eventually
from world import ANYBODY, User, World

Browsers = Callable[[], Browser]


def session_cookie(browser: Browser) -> str:
    (name,) = [name for name in browser.http.cookies if name.startswith("storax_session")]
    return browser.http.cookies[name]


def test_a_page_leads_to_the_login_and_back_with_its_filter(new_browser: Browsers, user: User) -> None:
    browser = new_browser()
    page = browser.open("jobs?state=FAILED")
    assert page.url.partition("?")[0].endswith("/ui/login")
    back = browser.send(page.form("login"), username=user.name, password=PASSWORD)
    assert back.url.endswith("/ui/jobs?state=FAILED")
    assert user.name in back.text


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(world: World, new_browser: Browsers, user: User) -> None:
    browser = new_browser()
    form = browser.open("login").form("login")
    data = dict(form.fields) | {"username": user.name, "password": PASSWORD}
    answer = browser.http.post(form.action, data=data, follow_redirects=False)
    (cookie,) = [c for c in answer.headers.get_list("set-cookie") if c.startswith("storax_session")]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path" not in cookie  # so it is for /ui/ alone
    assert "Secure" not in cookie  # this server speaks http


def test_the_cookie_is_no_key_to_rest(world: World, browser: Browser) -> None:
    answer = ANYBODY.get(f"{world.url}/api/v1/auth/me", headers={"Cookie": f"storax_session={session_cookie(browser)}"})
    assert answer.status_code == 401


def test_signing_out_revokes_the_token(world: World, browser: Browser) -> None:
    token = session_cookie(browser)
    page = browser.send(browser.open().form("logout"))
    assert page.url.endswith("/ui/login")
    answer = ANYBODY.get(f"{world.url}/api/v1/auth/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


def test_a_session_whose_token_was_revoked_ends(world: World, browser: Browser, user: User) -> None:
    (token,) = [t for t in user.get("/tokens/", ordering="-id", limit=1)["results"] if t["name"] == users.PAGE]
    user.delete(f"/tokens/{token['id']}")
    page = eventually(lambda: (p := browser.open("jobs")).url.partition("?")[0].endswith("/ui/login") and p)
    assert "Your session has ended" in page.text
    part = browser.part("jobs")
    assert part.status_code == 401
    assert "Sign in" in part.text
    stream = browser.http.get("live", headers={"Accept": "text/event-stream"}, follow_redirects=False)
    assert stream.status_code == 401
    assert "Sign in" in stream.text


def test_a_wrong_password_is_said_and_slowed_down(new_browser: Browsers, world: World, user: User) -> None:
    browser = new_browser()
    world.app.state.service.logins = logins.LoginThrottle(lambda: 0.0)  # the first pause is short; it does not end here
    answers = [browser.sign_in(user.name, "not this one") for _ in range(logins.LIMITS["both"].free + 1)]
    assert answers[0].status == 401
    assert "wrong username or password" in answers[0].text
    assert answers[-1].status == 429
    assert "too many logins" in answers[-1].text


@pytest.mark.parametrize("target", ["//evil.example/", "https://evil.example", "/etc", "../docs", "\\\\evil.example"])
def test_the_login_leads_nowhere_else(new_browser: Browsers, user: User, target: str) -> None:
    browser = new_browser()
    form = browser.open("login").form("login")
    page = browser.send(form, username=user.name, password=PASSWORD, next=target)
    assert page.url == str(browser.http.base_url)


def test_a_form_of_another_site_is_refused(browser: Browser) -> None:
    form = browser.open().form("theme")
    for wrong in (browser.send(form, without="csrf", theme="dark"), browser.send(form, csrf="0" * 64, theme="dark")):
        assert wrong.status == 403
        assert "was not sent by a page of your session" in wrong.text
    fields = dict(form.fields) | {"theme": "dark"}
    answer = browser.http.post(form.action, data=fields, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert 'data-theme="dark"' in browser.send(form, theme="dark").html


def test_a_login_form_of_another_browser_is_refused(new_browser: Browsers, user: User) -> None:
    form = new_browser().open("login").form("login")
    other = new_browser()
    assert other.send(form, username=user.name, password=PASSWORD).status == 403
    other.open("login")
    assert other.send(form, username=user.name, password=PASSWORD).status == 403


def test_a_one_time_link_signs_in_once(new_browser: Browsers, world: World, user: User) -> None:
    code = user.post("/auth/login-codes", {})["code"]
    link = f"enter?code={code}"
    assert new_browser().http.get(link, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    first = new_browser()
    assert user.name in first.open(link).text
    again = new_browser().open(link)
    assert again.status == 401 or again.url.partition("?")[0].endswith("/ui/login")
    assert user.events(type="user.logged_in")[-1]["data"]["note"] == {"with": "link"}
    assert code not in str(world.sql("SELECT * FROM token"))


def test_a_login_code_is_no_token_and_dies_with_the_token_that_made_it(
    new_browser: Browsers, world: World, user: User
) -> None:
    own = user.post("/tokens/", {"name": "short"})
    with httpx.Client(base_url=f"{world.url}/api/v1", headers={"Authorization": f"Bearer {own['token']}"}) as short:
        code, used = (short.post("/auth/login-codes", json={}).json()["code"] for _ in range(2))
    for text in (code, f"once:{code}"):
        answer = ANYBODY.get(f"{world.url}/api/v1/auth/me", headers={"Authorization": f"Bearer {text}"})
        assert answer.status_code == 401
    browser = new_browser()
    assert user.name in browser.open(f"enter?code={used}").text
    user.delete(f"/tokens/{own['id']}")
    eventually(lambda: browser.open("jobs").url.partition("?")[0].endswith("/ui/login"))
    assert user.name not in new_browser().open(f"enter?code={code}").text


def test_an_old_login_code_is_refused_and_forgotten(new_browser: Browsers, world: World, user: User) -> None:
    code = user.post("/auth/login-codes", {})["code"]
    world.sql("UPDATE token SET expires_at = now() - interval '1 s' WHERE hash LIKE 'once:%'")
    assert user.name not in new_browser().open(f"enter?code={code}").text
    user.post("/auth/login-codes", {})
    assert world.value("SELECT count(*) FROM token WHERE hash LIKE 'once:%'") == 1


def test_the_agent_of_a_site_gets_no_page_and_no_code(new_browser: Browsers, world: World, user: User) -> None:
    token = user.post("/tokens/", {"site_id": user.site()})["token"]
    answer = ANYBODY.post(f"{world.url}/api/v1/auth/login-codes", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 403
    browser = new_browser()
    port = world.url.rpartition(":")[2]
    browser.http.cookies.set(f"storax_session_{port}", token)
    assert browser.open("jobs").status == 403
