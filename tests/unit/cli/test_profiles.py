"""``--profile`` reaches every command that talks to a server, before and behind its name; others refuse it."""

import pytest

from storax._runtime import settings
from storax.cli.commands import COMMANDS, load, takes_profile


@pytest.fixture(autouse=True)
def _nobody_chose():
    yield
    settings.choose_profile(None)


def leaves(command):
    inner = getattr(command, "commands", None)
    return [command] if inner is None else [leaf for one in inner.values() for leaf in leaves(one)]


@pytest.mark.parametrize("name", [name for name in COMMANDS if takes_profile(name)])
def test_every_command_of_a_server_has_the_option(name):
    for leaf in leaves(load(name)):
        assert any("--profile" in parameter.opts for parameter in leaf.params), leaf.name


@pytest.mark.parametrize("argv", [("--profile", "far", "site", "ls"), ("site", "ls", "--profile", "far")])
def test_site_commands_use_the_profile(shell, argv, monkeypatch):
    settings.save_profile("far", url="http://far.test", token="stx_far")
    settings.save_profile("default", url="http://near.test", token="stx_near")
    urls = []
    monkeypatch.setattr(
        "storax_agent.server.site_api.SiteApi.sites", lambda api: urls.append(api._transport.base) or []
    )
    assert shell(*argv).status == 0
    assert urls == ["http://far.test/api/v1"]


@pytest.mark.parametrize("name", [name for name in COMMANDS if not takes_profile(name)])
def test_a_command_without_server_refuses_a_profile(shell, name):
    ran = shell("--profile", "far", name, "--help")
    assert ran.status in (0, 2)
    ran = shell("--profile", "far", name)
    assert (ran.status, "uses no profile" in ran.err) == (2, True)


def test_a_profile_wins_over_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("STORAX_HOME", str(tmp_path))
    monkeypatch.setenv("STORAX_URL", "http://near.test")
    settings.save_profile("far", url="http://far.test", token="stx_far")
    settings.choose_profile("far")
    assert settings.resolve().url == "http://far.test"
    assert settings.resolve("http://named.test").url == "http://named.test"
    settings.choose_profile(None)
    assert settings.resolve().url == "http://near.test"


@pytest.mark.parametrize("verb", ["start", "stop", "check", "rm"])
def test_a_folder_of_another_server_is_refused(shell, tmp_path, verb):
    settings.save_profile("far", url="http://far.test", token="stx_far")
    (tmp_path / "site").mkdir()
    (tmp_path / "site/site.toml").write_text('name = "s"\nsite_id = 1\nurl = "http://near.test"\n')
    ran = shell("site", verb, str(tmp_path / "site"), "--profile", "far")
    assert ran.status == 2
    assert "http://near.test" in ran.err
    assert "http://far.test" in ran.err
