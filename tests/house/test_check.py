"""``make check`` is the fast part of ``make test``: no server starts, and what starts one is not chosen."""

import os
import subprocess
import sys

import pytest

import fast
from house.repository import ROOT
from needs import needs

REFUSING = "import subprocess, fast; fast.refuse_servers(); subprocess.run({0!r}, executable={1!r}, check=True)"


class Item:
    """What ``fast.choose`` reads of a pytest item."""

    def __init__(self, *marks: pytest.MarkDecorator, fixtures: tuple[str, ...] = ()) -> None:
        self.marks, self.fixturenames = [mark.mark for mark in marks], fixtures

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return next((mark for mark in self.marks if mark.name == name), None)


def run_refusing(argv: list[str], executable: str | None = None) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
    code = REFUSING.format(argv, executable)
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)


@pytest.mark.parametrize("argv", [
    ["postgres", "-D", "data"], ["/usr/lib/postgresql/bin/initdb"], ["valkey-server", "--port", "0"],
    [sys.executable, "-m", "storax_api"], [sys.executable, "-P", "-m", "storax_engine", "serve"],
])  # fmt: skip
def test_a_server_that_a_test_starts_is_refused_before_it_runs(argv):
    done = run_refusing(argv, executable="/bin/true")
    assert done.returncode == 1
    assert f"fast.ServerStarted: {' '.join(argv)}" in done.stderr


@pytest.mark.parametrize("argv", [["true"], [sys.executable, "-c", "print('storax_api')"], ["postgres", "--version"]])
def test_any_other_program_runs(argv):
    done = run_refusing(argv, executable="/bin/true" if argv[0] == "postgres" else None)
    assert done.returncode == 0, done.stderr


def test_slow_tests_and_those_with_a_server_are_left_to_make_test():
    items = [
        Item(), Item(needs("ssh")), Item(pytest.mark.slow("why")), Item(fixtures=("tmp_path", "servers")),
        Item(fixtures=("mariadb",)),
    ]  # fmt: skip
    assert fast.choose(items) == (items[:2], items[2:])


def test_the_option_chooses_them_and_refuses_servers(tmp_path):
    code = """
import subprocess, pytest
@pytest.fixture
def servers(): raise RuntimeError
def test_quick(): pass
def test_with_a_server(servers): pass
def test_sneaky(): subprocess.run(["postgres"], executable="/bin/true")
@pytest.mark.slow("why")
def test_slow(): raise RuntimeError
"""
    (tmp_path / "test_it.py").write_text(code)
    options = ["-q", "-p", "conftest", "-p", "no:cacheprovider", "-p", "no:randomly", "--fast", "--rootdir", tmp_path]
    env = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
    argv = [sys.executable, "-m", "pytest", *options, "-c", "/dev/null", tmp_path / "test_it.py"]
    done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert "1 failed, 1 passed, 2 deselected" in done.stdout, done.stdout + done.stderr
    assert "FAILED test_it.py::test_sneaky - fast.ServerStarted" in done.stdout
