"""Who may import whom. The rules stand in pyproject.toml under [tool.importlinter]."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from house.repository import ROOMS, ROOT, copy_to

LINT = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(str(folder / room) for room in ROOMS)
    return subprocess.run(LINT, cwd=folder, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True)


def test_every_arrow_between_the_rooms_is_kept():
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("house")
    copy_to(folder)
    return folder


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("core/storax_core/lifecycle/states.py", "import storax_api"),
        ("core/storax_core/lifecycle/rules.py", "import fastapi"),
        ("client/storax/client.py", "import storax_core.lifecycle.states"),
        ("site_agent/storax_agent/files/safe_path.py", "import sqlalchemy"),
        ("api/storax_api/requests/body.py", "import storax_workers"),
        ("client/storax/engine.py", "import storax_engine.engine"),
        ("engine/storax_engine/engine.py", "import storax_core.lifecycle.states"),
    ],
)
def test_a_wrong_arrow_is_refused(house, file, line):
    path = house / file
    before = path.read_text()
    path.write_text(f"{before}\n\ndef wrong():\n    {line}\n")
    try:
        done = lint(house)
    finally:
        path.write_text(before)
    assert done.returncode == 1, done.stdout
    assert "BROKEN" in done.stdout


def test_no_package_shadows_alembic():
    assert not (ROOT / "alembic" / "__init__.py").exists()
    assert not (ROOT / "alembic" / "versions" / "__init__.py").exists()


def test_each_room_holds_its_one_package():
    for room, package in ROOMS.items():
        inside = {p.name for p in (ROOT / room).iterdir() if not p.name.endswith((".egg-info", "__pycache__"))}
        assert inside == {package}, f"{room}/ is on sys.path as a whole, so nothing else may lie there"


@pytest.mark.parametrize(
    ("library", "owner"), [("rq", "workers/storax_workers/cron.py"), ("httpx", "client/storax/_runtime/transport.py")]
)
def test_one_file_per_vendor(library, owner):
    from house.repository import python_files, text_of

    rooms = tuple(f"{room}/" for room in ROOMS)
    wrong = [
        n
        for n in python_files()
        if n.startswith(rooms)
        and n != owner
        and any(line.startswith((f"import {library}", f"from {library}")) for line in text_of(n).splitlines())
    ]
    assert wrong == []
