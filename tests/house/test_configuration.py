"""There is one place for settings of tools."""

from house.repository import ROOT


def test_the_only_configuration_file_is_pyproject():
    names = {path.name for path in ROOT.iterdir()}
    python = {"setup.py", "setup.cfg", "tox.ini", "pytest.ini", "mypy.ini", "alembic.ini"}
    assert not names & (python | {".ruff.toml", "ruff.toml", ".flake8"})
