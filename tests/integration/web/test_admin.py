"""The page of tokens, and what administrators alone see: of the server, never of the rows of other users."""

from collections.abc import Callable, Iterator

import pytest

from browsing import PASSWORD, Browser
from storax import Client, errors
from world import User, World


@pytest.fixture
def administrator(world: World, user: User) -> Iterator[User]:
    """The user, named by the settings as an administrator."""
    settings = world.app.state.service.settings
    settings.admins = f"nobody, {user.name}"
    yield user
    settings.admins = ""


def test_a_user_sees_and_revokes_tokens_of_its_own_alone(
    browser: Browser, new_browser: Callable[[], Browser], world: World, user: User
) -> None:
    site = user.site()
    token = user.post("/tokens/", {"name": "<b>ci</b>", "site_id": site})
    page = browser.open("admin")
    assert "<b>ci</b>" in page.text
    assert "this browser" in page.text
    stranger = new_browser()
    stranger.sign_in(world.user(password=PASSWORD).name)
    assert "<b>ci</b>" not in stranger.open("admin").text
    done = browser.send(page.form_of(f"token-{token['id']}"))
    assert f"Token {token['id']} is revoked" in done.text
    assert "<b>ci</b>" not in browser.open("admin").text.partition("Your tokens")[2].partition("Who changed")[0]


def test_a_token_of_another_user_is_not_revoked_by_a_form_made_by_hand(
    browser: Browser, world: World, user: User
) -> None:
    stranger = world.user()
    (foreign,) = (row["id"] for row in stranger.get("/tokens/")["results"])
    own = user.post("/tokens/", {"name": "mine"})["id"]
    form = browser.open("admin").form_of(f"token-{own}")
    assert browser.send(form, id=str(foreign)).status == 404
    assert stranger.get("/tokens/")["results"]
    assert browser.send(form, without="csrf").status == 403
    assert browser.send(form, id="x").status == 404
    assert user.get(f"/tokens/{own}")["name"] == "mine"


def test_the_report_is_for_those_whom_the_settings_name(world: World, user: User, browser: Browser) -> None:
    assert user.ask("GET", "/admin/report").status_code == 403
    assert "Growth of the log" not in browser.open("admin").text
    with Client(world.url, user.token) as client, pytest.raises(errors.Forbidden):
        client.server_report()


def test_an_administrator_sees_users_health_and_storage(world: World, administrator: User, browser: Browser) -> None:
    other = world.user()
    other.jobs(other.app(), 2)
    with Client(world.url, administrator.token) as client:
        report = client.server_report()
    (row,) = [row for row in report["users"] if row["id"] == other.id]
    assert (row["username"], row["jobs"], row["sites"], row["tokens"], row["last_login"]) == (other.name, 2, 1, 1, None)
    (own,) = [row for row in report["users"] if row["id"] == administrator.id]
    assert own["last_login"]
    assert report["health"]["heartbeats"].keys() >= {"feeder", "follower"}
    tables = {table["name"]: table for table in report["storage"]["tables"]}
    assert tables["event_log"]["bytes"] > 0
    assert sum(day["events"] for day in report["storage"]["log_days"]) == report["storage"]["last_position"]
    page = browser.open("admin")
    assert page.status == 200
    assert other.name in page.text
    assert "Growth of the log" in page.text


def test_the_token_of_a_site_never_reads_the_report(world: World, administrator: User) -> None:
    site = administrator.site()
    token = administrator.post("/tokens/", {"site_id": site})["token"]
    agent = User(world, administrator.name, administrator.id, token)
    world.users.append(agent)
    assert agent.ask("GET", "/admin/report").status_code == 403
