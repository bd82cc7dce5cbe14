"""A token that ends, with the real server: the agent keeps its jobs and its reports until there is another."""

from datetime import UTC, datetime, timedelta

import pytest

from fakes.site import RunningSite
from fakes.site_user import SiteUser
from storax_agent.control.checks import check
from storax_agent.control.site import api_of
from storax_agent.loops.token_refresh import TokenWatch
from storax_agent.server.site_api import SiteApi
from storax_agent.settings.site import SiteFolder
from waiting import eventually

WAITS = "echo run >> runs; while [ ! -e go ]; do sleep 0.02; done"


@pytest.fixture(scope="module")
def user(world):
    return world.user("token-owner")


@pytest.fixture
def site(tmp_path, world, user):
    for known in user.get("/sites/")["results"]:
        user.ask("DELETE", f"/sites/{known['id']}")
    site = RunningSite(tmp_path / "site", world.url, token=user.token)
    yield site
    site.close()


@pytest.fixture
def old(user, site):
    """A token of 90 days in place of the one that `storax site init` made."""
    row = user.post("/tokens/", {"name": "of the site", "site_id": site.site_id, "expires_in_days": 90})
    site.folder.token_file.write_text(row["token"])
    return row


@pytest.fixture
def expired(world, old):
    """Let the site's token end now; afterwards its row is again as the log tells."""

    def expire():
        world.sql("UPDATE token SET expires_at = now() - interval '1 s' WHERE id = $1", old["id"])
        world.app.state.service._seen.clear()  # it is believed for some seconds more

    yield expire
    world.sql("UPDATE token SET expires_at = $2 WHERE id = $1", old["id"], datetime.fromisoformat(old["expires_at"]))


def new_token(user):
    return user.post("/tokens/", {"name": "renewed", "expires_in_days": 90})["token"]


def go(site, desk, job):
    site.file(desk.read(job)["workdir"] + "/go").touch()


def runs(site, desk, job):
    return site.read(desk.read(job)["workdir"] + "/runs").count("run")


def test_a_token_that_ends_and_is_renewed_costs_no_run_and_no_report(user, site, expired):
    desk = SiteUser(user, site)
    site.start()
    app = desk.app("waits", WAITS, use_shell=True)
    during, after = desk.job(app), desk.job(app)
    eventually(lambda: runs(site, desk, during) + runs(site, desk, after) == 2)
    eventually(lambda: {desk.read(job)["state"] for job in (during, after)} == {"RUNNING"})
    expired()
    eventually(lambda: "the server refuses the token" in site.log)
    go(site, desk, during)
    eventually(lambda: list(site.folder.data.rglob("job.out")) and not finding(site, "outbox").startswith("0 "))
    assert {desk.read(job)["state"] for job in (during, after)} == {"RUNNING"}
    site.folder.token_file.write_text(new_token(user) + "\n")
    desk.ended(during)
    go(site, desk, after)
    desk.ended(after)
    assert [runs(site, desk, job) for job in (during, after)] == [1, 1]
    assert desk.moves(after) == ["PREPROCESSED", "RUNNING", "RUN_DONE", "JOB_FINISHED"]
    assert "stopping its" not in site.log, "a session was taken for lost"


def test_a_token_of_another_user_is_not_taken_up(world, user, site, expired):
    desk = SiteUser(user, site)
    site.start()
    job = desk.job(desk.app("waits", WAITS, use_shell=True))
    eventually(lambda: runs(site, desk, job))
    expired()
    site.folder.token_file.write_text(world.user().token)
    eventually(lambda: "does not own site" in site.log)
    assert "stopping its" not in site.log
    site.folder.token_file.write_text(new_token(user))
    go(site, desk, job)
    desk.ended(job)
    assert runs(site, desk, job) == 1


def finding(site, what):
    return next(result.detail for result in check(SiteFolder(site.folder.path)) if result.what == what)


def test_a_check_says_when_the_token_ends_and_when_it_has(site, old, expired):
    assert f"expires {old['expires_at'][:10]}" in finding(site, "token")
    text = site.folder.settings_file.read_text()
    site.folder.settings_file.write_text(f"token_warn_days = 100\n{text}")
    assert f"put another token into {site.folder.token_file} before" in finding(site, "token")
    expired()
    (result,) = [one for one in check(site.folder) if one.what == "token"]
    assert (result.good, str(site.folder.token_file) in result.detail) == (False, True)


def test_the_agent_warns_of_the_end_and_takes_up_a_newer_token_before_it(user, site, old, caplog):
    api = api_of(site.folder)
    TokenWatch(api, warn_days=14).step()
    assert "put another in its place" not in caplog.text  # the API logs what it refuses another agent here too
    TokenWatch(api, warn_days=100).step()
    assert "put another in its place" in caplog.text
    api.close()
    caplog.clear()
    longer = user.post("/tokens/", {"expires_in_days": 200})["token"]
    with_file = SiteApi(site.folder.load().url, site.folder.token_now(), fresh=lambda: longer, site_id=site.site_id)
    TokenWatch(with_file, warn_days=100).step()
    assert "put another in its place" not in caplog.text
    assert with_file.token_expires() - datetime.now(UTC) > timedelta(days=150)
    with_file.close()
