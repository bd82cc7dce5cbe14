"""``import storax`` brings the client alone: no server library, not even where one is installed."""

import subprocess
import sys

import pytest

SERVER = ("sqlmodel", "sqlalchemy", "alembic", "fastapi", "starlette", "uvicorn", "asyncpg", "redis", "rq", "orjson")
ENGINE = ("duckdb", "pyarrow", "pandas", "numpy", "ibis", "sqlglot")
OURS = ("storax_core", "storax_api", "storax_workers", "storax_agent", "storax_engine")
BLOCK = f"""
import sys
class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {SERVER + ENGINE + OURS!r}:
            raise ModuleNotFoundError(f"{{name}} is walled off", name=name)
sys.meta_path.insert(0, Wall())
"""


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "what",
    [
        "import storax",
        "import storax.api",
        "from storax import Job",
        "import storax.cli",
        "from storax.data import DataFrame",
    ],
)
def test_an_import_loads_no_server_library(what):
    found = run(
        f"{what}\nimport sys\nprint(*sorted({{n.split('.')[0] for n in sys.modules}} & set({SERVER + ENGINE + OURS!r})))"
    )
    assert found.split() == []


def test_the_client_works_where_no_server_library_is_installed():
    out = run(
        BLOCK
        + """
import storax
from storax import api
names = [getattr(storax, n) for n in storax.__all__]
job = storax.Job(app_id=1, workdir="run/1", parameters={"n": 3})
print(len(names), job.workdir, storax.Job.objects.filter(state="FAILED").order_by("-last_update") is not None)
"""
    )
    assert out.split()[1:] == ["run/1", "True"]


def test_the_wall_of_this_test_stands():
    done = subprocess.run([sys.executable, "-c", BLOCK + "import sqlmodel"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "walled off" in done.stderr
