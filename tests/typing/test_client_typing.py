"""The types that users see are the ones we promised."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


@pytest.mark.timeout(400)
def test_type_checkers_see_what_was_promised():
    argv = [
        "-m",
        "mypy",
        "--strict",
        "--config-file",
        "pyproject.toml",
        "tests/typing/pinned.py",
    ]
    done = subprocess.run([sys.executable, *argv], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_is_marked_as_typed():
    assert (ROOT / "client" / "storax" / "py.typed").exists()
