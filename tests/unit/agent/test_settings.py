"""A site's settings are read strictly, written without disturbing others' lines, and keep secrets to themselves."""

import fcntl
import os
import threading

import pytest

from storax._runtime.settings import Connection, save_profile
from storax_agent.__main__ import main
from storax_agent.files.locks import AlreadyRunningError, PidLock, holder
from storax_agent.settings.launcher import LauncherSettings
from storax_agent.settings.site import SiteError, SiteFolder

WRITTEN = {"name": "s", "site_id": 3, "slots": 2}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("STORAX_AGENT_STOP_JOBS", "STORAX_AGENT_SLOTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STORAX_HOME", str(tmp_path / "home"))
    folder = SiteFolder(tmp_path / "site")
    folder.make()
    return folder


def connection(source="argument url", token="stx_secret"):
    return Connection(url="http://127.0.0.1:1", token=token, source=source)


def test_what_was_written_is_read(folder):
    folder.write({**WRITTEN, "name": 'a "b" \\ é'}, connection=connection())
    settings = folder.load()
    assert (settings.name, settings.site_id, settings.slots, settings.url) == ('a "b" \\ é', 3, 2, "http://127.0.0.1:1")
    assert folder.token(settings) == "stx_secret"
    assert "stx_secret" not in folder.settings_file.read_text()
    for path in (folder.path, folder.settings_file, folder.token_file, folder.state, folder.data):
        assert path.stat().st_mode & 0o077 == 0


def test_writing_again_keeps_what_people_wrote(folder):
    folder.write(WRITTEN, connection=connection())
    text = "# my site\n" + folder.settings_file.read_text() + '\nprefetch = 7 # few\n\n[policy]\nallowed_apps = ["x"]\n'
    folder.settings_file.write_text(text)
    folder.write({**WRITTEN, "slots": 9}, connection=connection())
    settings = folder.load()
    assert (settings.slots, settings.prefetch, settings.policy.allowed_apps) == (9, 7, ["x"])
    assert "# my site" in folder.settings_file.read_text()
    folder.write({**WRITTEN, "slots": 9}, connection=connection())
    assert folder.settings_file.read_text().count("slots") == 1


def test_a_profile_is_named_and_its_token_not_copied(folder):
    save_profile("local", url="http://127.0.0.1:1", token="stx_of_profile")
    folder.write(WRITTEN, connection=connection("profile local", "stx_of_profile"))
    settings = folder.load()
    assert settings.profile == "local"
    assert folder.token(settings) == "stx_of_profile"
    assert not folder.token_file.exists()
    folder.write({**WRITTEN}, connection=connection())
    assert folder.load().profile is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("slot = 2", "slot: Extra inputs"),
        ("slots = 0", "slots"),
        ("= 1", "not TOML"),
        ("[policy]\nallow = 1", "policy.allow"),
        (
            'filter_tags = { kind = "a" }\n[elastic_queue]\nenabled = true\nfilter_tags = { kind = "b" }',
            "no job can have the tag kind=b that is asked for and kind=a of filter_tags",
        ),
    ],
)
def test_a_wrong_line_is_named(folder, line, reason):
    folder.write(WRITTEN, connection=connection())
    folder.settings_file.write_text(folder.settings_file.read_text().replace("slots = 2\n", "") + line + "\n")
    with pytest.raises(SiteError, match=reason):
        folder.load()


def test_variables_come_before_the_file(folder, monkeypatch):
    folder.write(WRITTEN, connection=connection())
    assert folder.load().stop_jobs_on_exit is False
    monkeypatch.setenv("STORAX_AGENT_STOP_JOBS", "1")
    monkeypatch.setenv("STORAX_AGENT_SLOTS", "5")
    assert (folder.load().stop_jobs_on_exit, folder.load().slots) == (True, 5)


def test_a_folder_that_is_no_site_says_what_to_do(tmp_path, capsys):
    assert main(["run", str(tmp_path / "none")]) == 1
    assert "storax site init" in capsys.readouterr().err
    assert main(["stop", str(tmp_path / "none")]) == 0


def test_one_process_holds_the_lock(tmp_path):
    import os

    lock = PidLock(tmp_path / "lock")
    assert holder(tmp_path / "lock") is None
    lock.take()
    assert holder(tmp_path / "lock") == os.getpid()
    with pytest.raises(AlreadyRunningError, match=str(os.getpid())):
        PidLock(tmp_path / "lock").take()
    lock.release()
    assert holder(tmp_path / "lock") is None


def test_a_look_at_a_lock_does_not_keep_it_from_its_taker(tmp_path):
    path = tmp_path / "lock"
    path.touch()
    looking = path.open("rb")
    fcntl.flock(looking, fcntl.LOCK_SH)
    threading.Timer(0.1, looking.close).start()
    lock = PidLock(path)
    lock.take()
    assert holder(path) == os.getpid()
    lock.release()


def test_a_job_cannot_fill_the_disk_with_its_output_unless_the_site_says_so():
    assert LauncherSettings().max_output_mb == 1024
