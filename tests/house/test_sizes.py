"""Files stay short enough to be read in one go; ruff holds functions to 45 statements and 12 arguments."""

import tomllib

from house.repository import ROOT, python_files, text_of

LONGEST_FILE = 350


def test_no_file_is_longer_than_a_sitting():
    long = {n: lines for n in python_files() if (lines := text_of(n).count("\n")) > LONGEST_FILE}
    assert long == {}


def test_ruff_holds_functions_short():
    settings = tomllib.loads(text_of("pyproject.toml"))["tool"]["ruff"]["lint"]["pylint"]
    assert settings == {"max-args": 12, "max-statements": 45}


def test_the_only_configuration_file_is_pyproject():
    strays = {"setup.py", "setup.cfg", "tox.ini", "pytest.ini", "mypy.ini", ".ruff.toml", "ruff.toml", ".flake8", "alembic.ini"}
    assert not {p.name for p in ROOT.iterdir()} & strays
