"""Who may import whom: the contracts in pyproject.toml under [tool.importlinter] refuse what they are there for."""

import pytest

from house.repository import FOLDERS, ROOT, copy_to, python_files, text_of
from tools.house.imports import broken_contracts

BETWEEN_PACKAGES = [
    ("core/storax_core/lifecycle/states.py", "storax_api", "core imports no other package"),
    ("core/storax_core/lifecycle/rules.py", "fastapi", "core imports no other package"),
    ("core/storax_core/settings.py", "tools.house", "core imports no other package"),
    ("client/storax/client.py", "storax_core.settings", "the client imports no other package"),
    ("client/storax/client.py", "sqlalchemy", "the client imports no other package"),
    ("client/storax/engine.py", "storax_engine.engine", "the client imports no other package"),
    ("site_agent/storax_agent/settings/__init__.py", "sqlalchemy", "the agent imports the client alone"),
    ("engine/storax_engine/engine.py", "storax_core.settings", "the engine imports the client alone"),
    ("engine/storax_engine/learning/__init__.py", "storax.errors", "feature learning is pure"),
    ("api/storax_api/__init__.py", "storax_workers", "api and workers meet only in core"),
    ("workers/storax_workers/__init__.py", "storax.client", "api and workers import no client"),
]
INSIDE_PACKAGES = [
    ("core/storax_core/lifecycle/states.py", "storax_core.commands", "inside core"),
    ("client/storax/errors.py", "storax.api", "inside the client"),
    ("site_agent/storax_agent/settings/__init__.py", "storax_agent.site", "inside the agent"),
    ("engine/storax_engine/learning/__init__.py", "storax_engine.rpc", "inside the engine"),
]
UNKNOWN_TO_THE_LAYERS = [
    ("core/storax_core/stray.py", "json", "inside core"),
    ("client/storax/stray.py", "json", "inside the client"),
    ("site_agent/storax_agent/stray.py", "json", "inside the agent"),
    ("engine/storax_engine/stray.py", "json", "inside the engine"),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A copy of the repository."""
    folder = tmp_path_factory.mktemp("house")
    copy_to(folder)
    return folder


@pytest.mark.parametrize(("file", "module", "contract"), BETWEEN_PACKAGES + INSIDE_PACKAGES + UNKNOWN_TO_THE_LAYERS)
def test_a_wrong_import_is_refused_even_inside_a_function(house, file, module, contract):
    path = house / file
    before = path.read_text() if path.exists() else None
    path.write_text(f"{before or ''}\n\ndef wrong():\n    import {module}\n")
    try:
        broken = [excess.name for excess in broken_contracts(house)]
    finally:
        path.unlink() if before is None else path.write_text(before)
    assert any(name.startswith(contract) for name in broken), broken


def test_no_package_shadows_alembic():
    assert not (ROOT / "alembic" / "__init__.py").exists()
    assert not (ROOT / "alembic" / "versions" / "__init__.py").exists()


def test_each_folder_on_the_path_holds_its_one_package():
    for folder, package in FOLDERS.items():
        names = {p.name for p in (ROOT / folder).iterdir() if not p.name.endswith((".egg-info", "__pycache__"))}
        assert names == {package}, f"{folder}/ is on sys.path as a whole, so nothing else may lie there"


@pytest.mark.parametrize(
    ("library", "owners"),
    [
        ("rq", {"workers/storax_workers/cron.py", "workers/storax_workers/task_record.py"}),
        ("httpx", {"client/storax/_runtime/transport.py"}),
    ],
)
def test_a_vendor_is_used_in_few_files(library, owners):
    folders = tuple(f"{folder}/" for folder in FOLDERS)
    importers = {
        name
        for name in python_files()
        if name.startswith(folders)
        and any(line.startswith((f"import {library}", f"from {library}")) for line in text_of(name).splitlines())
    }
    assert importers <= owners
