"""Without the wheels there is one clear sentence, and importing the package costs next to nothing."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from storax.local.errors import MissingWheelError
from storax.local.servers import binaries


@pytest.mark.parametrize(
    ("find", "server", "variable"),
    [
        (binaries.postgres_folder, "Postgres", "STORAX_DATABASE_URL"),
        (binaries.valkey_program, "Valkey", "STORAX_REDIS_URL"),
    ],
)
def test_a_missing_wheel_names_the_extra_and_the_other_way(find, server, variable, monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingWheelError, match=rf'{server} .* pip install .*\[local\]" .*{variable}'):
        find()


def test_the_programs_are_found_and_of_the_declared_major() -> None:
    folder = binaries.postgres_folder()
    assert (folder / "initdb").exists()
    assert binaries.postgres_major(folder) == 18
    assert binaries.valkey_program().name == "valkey-server"


def test_importing_the_package_loads_no_library() -> None:
    code = "import sys, storax.local; print(sorted({'pydantic', 'httpx', 'typer', 'subprocess'} & set(sys.modules)))"
    here = Path(sys.executable).parent
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, cwd=here)
    assert done.stdout == "[]\n"


def test_an_unknown_name_is_an_attribute_error() -> None:
    import storax.local

    with pytest.raises(AttributeError, match="no attribute 'Server'"):
        _ = storax.local.Server
    assert set(storax.local.__all__) <= {name for name in storax.local.__all__ if getattr(storax.local, name)}
