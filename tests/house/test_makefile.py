"""Each optional server has a make target that installs it and runs its tests, and `make test` depends on none."""

import os
import re
import subprocess

import pytest

from house.repository import ROOT, text_of
from needs import FIXTURES, TARGETS, choose, needs, summary

PARTS = {
    "test-acceptance",
    "test-engine",
    "test-faults",
    "test-site",
    "test-all",
}  # targets of folders; every other target is that of a need
TESTS = ROOT / "tests"
APT = """#!/bin/sh
echo "$*" >> "$0.calls"
case "$*" in *@BROKEN@*) exit 1;; esac
"""
PYTHON = """#!/bin/sh
echo "$*" >> "$0.calls"
"""


@pytest.mark.parametrize(("target", "installed", "broken", "packages"), [
    ("test-slurm", (), "none", ["slurm-wlm"]),
    ("test-slurm", ("slurmctld",), "none", ["slurm-wlm"]),
    ("test-slurm", ("slurmctld", "munged"), "none", []),
    ("test-grid-engine", (), "gridengine", ["gridengine-master"]),
    ("test-mariadb", ("mariadbd", "mariadb-install-db"), "none", []),
    ("test-ssh", ("sshd", "ssh"), "none", ["rsync"]),
    ("test-open-mpi", (), "none", ["openmpi-bin"]),
    ("test-browser", (), "chromium", ["chromium"]),
])  # fmt: skip
def test_a_target_installs_what_is_missing_and_runs_its_tests_all_the_same(
    tmp_path, target, installed, broken, packages
):
    """Stand-ins for apt-get, id and pytest: nothing is installed by a test."""
    (tmp_path / "bin").mkdir()
    programs = {"apt-get": APT.replace("@BROKEN@", broken), "id": "#!/bin/sh\necho 0\n", "python": PYTHON}
    for name, text in {**programs, **dict.fromkeys(installed, "#!/bin/sh\n")}.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    for name in ("sh", "make"):
        (tmp_path / "bin" / name).symlink_to(f"/usr/bin/{name}")
    (tmp_path / ".installed").touch()
    argv = ["/usr/bin/make", "-s", "-C", str(ROOT), target, f"VENV={tmp_path}", "SBIN=/none"]
    done = subprocess.run(argv, env={**os.environ, "PATH": str(tmp_path / "bin")}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    calls = tmp_path / "bin/apt-get.calls"
    lines = calls.read_text().splitlines() if calls.exists() else []
    installs = [line.split("--no-install-recommends ")[1] for line in lines if "install" in line]
    assert [line.split()[0] for line in installs] == packages
    assert ("could not install" in done.stdout) == (broken != "none"), done.stdout
    *_, run = (tmp_path / "bin/python.calls").read_text().splitlines()  # the browser's tests first install their driver
    assert f"pytest -q --with {target.removeprefix('test-')} " in run


def test_check_runs_every_tool_and_the_fast_tests_alone(tmp_path):
    (tmp_path / "bin").mkdir()
    for name in ("ruff", "lint-imports", "mypy", "python"):
        (tmp_path / "bin" / name).write_text('#!/bin/sh\necho "${0##*/} $*" >> "${0%/*}/calls"\n')
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / ".installed").touch()
    argv = ["make", "-s", "-C", str(ROOT), "check", f"VENV={tmp_path}"]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    calls = (tmp_path / "bin/calls").read_text().splitlines()
    tools = ["ruff check .", "ruff format --check --quiet .", "lint-imports --no-cache", "mypy "]
    assert calls[:-1] == tools
    assert " --fast " in calls[-1]
    assert calls[-1].endswith(" tests/house tests/unit")


def test_each_file_of_tests_is_in_one_part_and_continuous_integration_runs_them_all():
    rules = re.findall(r"^(test[a-z-]*):.*\n\t@\$\(PYTEST\) \$\(PARALLEL\) (.+)$", text_of("Makefile"), re.MULTILINE)
    run = [folder for _, folders in rules for folder in folders.split()]
    parts = {path: [one for one in run if path.is_relative_to(ROOT / one)] for path in TESTS.glob("**/test_*.py")}
    assert {path: parts for path, parts in parts.items() if len(parts) != 1} == {}
    assert {name for name, _ in rules} == {"test", *PARTS} - {"test-all"}
    (everything,) = re.findall(r"^test-all: ([a-z -]+?) *##", text_of("Makefile"), re.MULTILINE)
    (proved,) = re.findall(r"for target in (.+); do\n  echo", text_of(".ci/run"))
    assert proved.split() == ["demo", *everything.split()]
    assert set(everything.split()) == {name for name, _ in rules}


def test_each_need_has_a_target_of_its_name():
    targets = set(re.findall(r"^(test-[a-z-]+):", text_of("Makefile"), re.MULTILINE))
    assert {f"make {name}" for name in targets - PARTS} == set(TARGETS.values())
    assert {name: f"make test-{name}" for name in TARGETS} == TARGETS
    assert {need for wanted in FIXTURES.values() for need in wanted} <= TARGETS.keys()
    with pytest.raises(ValueError, match="no make target for slrum"):
        needs("slrum")


class Item:
    """What ``choose`` looks at of a pytest item."""

    def __init__(self, *marked: str, fixtures: tuple[str, ...] = ()) -> None:
        self.marks, self.fixturenames = [needs(*marked).mark] if marked else [], fixtures

    def iter_markers(self, name: str):
        return [mark for mark in self.marks if mark.name == name]

    def add_marker(self, mark: pytest.MarkDecorator) -> None:
        self.marks.append(mark.mark)

    @property
    def skipped(self) -> str:
        return next((mark.kwargs["reason"] for mark in self.marks if mark.name == "skip"), "")


@pytest.mark.parametrize(("chosen", "root", "expected"), [
    ((), False, ["", "make test-mariadb", "make test-ssh", "make test-ssh", "make test-root", "make test-slurm"]),
    ((), True, ["", "make test-mariadb", "make test-ssh", "make test-ssh", "make test-root", "make test-slurm"]),
    (("ssh",), False, [None, None, "", "make test-ssh, as root", None, None]),
    (("ssh",), True, [None, None, "", "", None, None]),
    (("root",), True, [None, None, None, None, "", None]),
    (("slurm",), False, [None, None, None, None, None, "make test-slurm, as root"]),
])  # fmt: skip
def test_a_target_runs_its_tests_alone_and_make_test_none_of_them_for_root_neither(chosen, root, expected):
    items = [
        Item(), Item(fixtures=("mariadb",)), Item("ssh"), Item("ssh", "root"), Item("root"), Item(fixtures=("real_slurm",)),
    ]  # fmt: skip
    kept, dropped = choose(items, set(chosen), root=root)
    assert [item.skipped if item in kept else None for item in items] == expected
    assert len(kept) + len(dropped) == len(items)


def test_skipped_tests_are_counted_by_reason():
    lines = summary(["make test-ssh", "make test-root", "make test-ssh"])
    assert lines == ["1 skipped: make test-root", "2 skipped: make test-ssh"]
