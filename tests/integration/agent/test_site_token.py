"""`storax site init` gives the agent a token for its site alone; sites of earlier releases keep theirs until then."""

import pytest

from fakes.site import RunningSite
from fakes.site_user import SiteUser
from storax._runtime.settings import Connection
from storax.errors import Forbidden
from storax_agent.control import site as control
from storax_agent.control.checks import check
from storax_agent.control.site import api_of
from storax_agent.settings.site import SiteFolder
from waiting import eventually


@pytest.fixture(scope="module")
def user(world):
    return world.user("owner-of-sites")


@pytest.fixture
def site(tmp_path, world, user):
    site = RunningSite(tmp_path / "site", world.url, token=user.token, name=tmp_path.name)
    yield site
    site.close()


def init(site, user, *, token=None, source="argument url"):
    connection = Connection(url=user.world.url, token=token or user.token, source=source)
    return control.init(SiteFolder(site.folder.path), connection=connection, name=None, options={})


def token_site(site):
    api = api_of(site.folder)
    try:
        return api.token_site()
    finally:
        api.close()


def as_of_an_earlier_release(site, user):
    site.folder.token_file.write_text(user.token + "\n")


def token_findings(site):
    return [one for one in check(SiteFolder(site.folder.path)) if one.what == "token"]


def test_a_new_site_has_a_token_for_itself_alone(site, user):
    assert token_site(site) == site.site_id
    assert user.token not in site.folder.token_file.read_text()
    assert site.folder.token_file.stat().st_mode & 0o777 == 0o600
    assert [one.good for one in token_findings(site)] == [True]


def test_its_agent_runs_jobs_with_it_and_a_job_gets_no_further(site, user):
    desk = SiteUser(user, site)
    site.start()
    app = desk.app("thief", "cat ../../../token", cleanup_files=["*.tmp"])
    desk.ended(job := desk.job(app))
    stolen = site.read(desk.read(job)["workdir"] + "/job.out").strip()
    assert stolen == site.folder.token_file.read_text().strip()
    api = control.SiteApi(user.world.url, stolen)
    try:
        for call in (
            lambda: api.create_site({"name": "x"}),
            lambda: api.delete_site(site.site_id),
            lambda: api.create_site_token(site.site_id, "x"),
            lambda: api.post("/jobs/", {"app_id": app, "workdir": "w"}),
        ):
            with pytest.raises(Forbidden, match="may lease and report"):
                call()
    finally:
        api.close()


def test_an_allocation_of_a_site_runs_with_it(site, user):
    desk = SiteUser(user, site)
    site.start()
    batch = user.post("/batch-jobs/", {"site_id": site.site_id, "wall_time_min": 5})["id"]
    row = eventually(lambda: (r := user.get(f"/batch-jobs/{batch}"))["state"] == "running" and r)
    user.refused("PATCH", f"/batch-jobs/{batch}", {"scheduler_id": "1.1@1.0"}, status=403, code="forbidden")
    user.patch(f"/batch-jobs/{batch}", {"state": "pending_deletion"})
    eventually(lambda: user.get(f"/batch-jobs/{batch}")["state"] == "finished")
    assert row["scheduler_id"].startswith(f"{batch}.")
    assert desk


def test_init_again_keeps_the_token(site, user):
    before = site.folder.token_file.read_text()
    init(site, user)
    assert site.folder.token_file.read_text() == before
    init(site, user, token=before.strip())
    assert site.folder.token_file.read_text() == before


def test_a_site_of_an_earlier_release_works_and_init_changes_its_token(site, user):
    as_of_an_earlier_release(site, user)
    (_, advice) = token_findings(site)
    assert (advice.good, f"storax site init {site.folder.path}" in advice.detail) == (None, True)
    site.start()
    desk = SiteUser(user, site)
    desk.ended(desk.job(desk.app("echo", "echo")))
    init(site, user)
    assert token_site(site) == site.site_id
    assert [one.good for one in token_findings(site)] == [True]


def test_a_site_that_used_a_profile_gets_a_token_and_its_jobs_keep_the_profile(site, user, monkeypatch, tmp_path):
    from storax._runtime.settings import save_profile

    monkeypatch.setenv("STORAX_HOME", str(tmp_path / "home"))
    save_profile("lab", url=user.world.url, token=user.token)
    site.folder.token_file.unlink()
    text = site.folder.settings_file.read_text()
    site.folder.settings_file.write_text(f'profile = "lab"\n{text}')
    assert token_site(site) is None
    init(site, user, source="profile lab")
    settings = SiteFolder(site.folder.path).load()
    assert (settings.profile, settings.job_profile, token_site(site)) == (None, "lab", site.site_id)


def test_a_site_is_removed_with_the_token_of_the_account(site, user, monkeypatch):
    monkeypatch.setenv("STORAX_URL", user.world.url)
    monkeypatch.setenv("STORAX_TOKEN", user.token)
    api = control.account_of(site.folder)
    try:
        api.delete_site(site.site_id)
    finally:
        api.close()
    user.refused("GET", f"/sites/{site.site_id}", status=404, code="not_found")
