"""The first line of a script on an empty machine: it starts the local stack once, says so, and the next script adopts it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from storax._engine import process
from storax._engine.folder import EngineFolder
from storax.local import control
from storax.local.folder import Folder
from waiting import HANG_SEC

NAMING_A_SERVER = ("STORAX_URL", "STORAX_TOKEN", "STORAX_TOKEN_FILE", "STORAX_PROFILE")
LAUNCH = 'import storax as getml; getml.engine.launch(allow_remote_ips=True, token="token"); getml.engine.set_project("test")'
ALONE = 'import storax as getml; getml.set_project("test"); print(getml.project.name, getml.engine.list_projects())'


def script(home: Path, code: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in NAMING_A_SERVER}
    argv = [sys.executable, "-W", "error", "-c", code]
    env |= {"STORAX_HOME": str(home)}
    return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=HANG_SEC)


def end(home: Path) -> None:
    process.stop(EngineFolder(home / "engine"))
    control.down(home / "local")


@pytest.mark.slow("a local stack starts twice, with its engine")
def test_the_first_line_starts_the_local_stack_once_and_the_next_script_adopts_it(tmp_path):
    try:
        first = script(tmp_path, LAUNCH)
        assert first.returncode == 0, first.stderr
        stack = Folder(tmp_path / "local").read()
        assert stack is not None
        assert [stack.url in line for line in first.stderr.splitlines()] == [True], first.stderr
        supervisor, url = stack.supervisor, stack.url

        again = script(tmp_path, ALONE)
        assert (again.stdout, again.stderr) == ("test ['test']\n", "")
        stack = Folder(tmp_path / "local").read()
        assert stack is not None
        assert stack.supervisor == supervisor, "another stack was started"

        end(tmp_path)
        after_a_stop = script(tmp_path, ALONE)
        assert after_a_stop.stdout == "test ['test']\n", after_a_stop.stderr
        assert [url in line for line in after_a_stop.stderr.splitlines()] == [True], (
            "the same address, said in one line"
        )
    finally:
        end(tmp_path)


def test_a_stack_that_cannot_start_is_one_error_that_names_the_ways_out(tmp_path):
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "mine.txt").write_text("a folder of the user's own")
    done = script(tmp_path, ALONE)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("storax.errors.NotConfigured: No server is set")
    assert "storax up" in last
    assert "storax login" in last
    assert EngineFolder(tmp_path / "engine").read() is None


def test_a_server_that_is_named_and_away_is_not_replaced_by_a_local_stack(tmp_path):
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "local.toml").write_text('url = "http://127.0.0.1:9"\ntoken = "stx_x"\n')
    try:
        done = script(tmp_path, ALONE)
        assert done.returncode != 0
        assert not (tmp_path / "local").exists(), "the profile was written by the stack of another folder"
    finally:
        process.stop(EngineFolder(tmp_path / "engine"))


def test_keywords_that_ask_for_something_else_are_named(tmp_path):
    done = script(tmp_path, "import storax; storax.engine.launch(http_port=1709)")
    assert "StoraxWarning: launch() does not heed http_port=1709" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "local").exists()
