"""What works from a checkout works from ``pip install``: the wheel holds everything, and finds it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from house.repository import FOLDERS, ROOT, build_wheel, names


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def unpacked(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(unpacked: Path, code: str) -> str:
    env = os.environ | {"PYTHONPATH": str(unpacked)}
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=unpacked, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_file_of_every_room_is_in_it(contents):
    packaged = {n.split("/", 1)[1] for n in names() if n.split("/", 1)[0] in FOLDERS}
    assert packaged - contents == set()


def test_nothing_else_is_in_it_and_so_no_tools_and_no_tests(contents):
    top = {n.split("/", 1)[0] for n in contents}
    assert {n for n in top if not n.endswith(".dist-info")} == set(FOLDERS.values())


def test_the_migrations_are_in_it(contents):
    versions = {n.removeprefix("alembic/") for n in names() if n.startswith("alembic/")}
    assert {f"storax_core/migrations/{n}" for n in versions} <= contents
    assert "storax_core/migrations/env.py" in contents


def test_it_is_typed_and_brings_the_demonstration(contents):
    assert "storax/py.typed" in contents
    assert any(n.startswith("storax/demo/") and n.endswith(".py") for n in contents)


def test_it_finds_its_own_migrations(unpacked):
    output = run(unpacked, "from storax_core.admin import migrate; print(migrate.scripts()); print(migrate.head())")
    folder, head = output.splitlines()
    assert Path(folder) == unpacked / "storax_core" / "migrations"
    assert [p.name for p in (ROOT / "alembic" / "versions").glob(f"{head}_*.py")]


def test_it_says_what_it_is(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (archive.read(n).decode() for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        (commands,) = (archive.read(n).decode() for n in archive.namelist() if n.endswith("entry_points.txt"))
    assert "License-Expression: Apache-2.0" in metadata
    assert "storax = storax.cli:main" in commands
    for extra in ("agent", "server", "local"):
        assert f"Provides-Extra: {extra}" in metadata


def test_the_base_install_is_the_client_alone(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (archive.read(n).decode() for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
    base = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:") and "extra ==" not in line]
    wanted = {"httpx", "platformdirs", "pydantic", "pydantic-settings", "tqdm", "typer"}
    assert {line.split()[1].split("<")[0].split(">")[0].split("[")[0].rstrip(",") for line in base} == wanted
