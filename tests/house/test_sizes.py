"""Files stay short enough to be read in one go; ruff holds functions to 45 statements and 12 arguments."""

import tomllib

from house.repository import ROOT, python_files, text_of

LONGEST_FILE, LONGEST_TEST = 350, 600


def test_no_file_is_longer_than_a_sitting():
    lines = {n: text_of(n).count("\n") for n in python_files()}
    assert {
        n: count for n, count in lines.items() if count > (LONGEST_TEST if n.startswith("tests/") else LONGEST_FILE)
    } == {}


def test_ruff_holds_functions_short():
    settings = tomllib.loads(text_of("pyproject.toml"))["tool"]["ruff"]["lint"]["pylint"]
    assert settings == {"max-args": 12, "max-statements": 45}


def test_the_only_configuration_file_is_pyproject():
    strays = {
        "setup.py",
        "setup.cfg",
        "tox.ini",
        "pytest.ini",
        "mypy.ini",
        ".ruff.toml",
        "ruff.toml",
        ".flake8",
        "alembic.ini",
    }
    assert not {p.name for p in ROOT.iterdir()} & strays
