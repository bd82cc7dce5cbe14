"""Imports stay light: ``import storax`` brings the client alone, and the rules of core no library of a database."""

import subprocess
import sys

import pytest

SERVER = ("sqlmodel", "sqlalchemy", "alembic", "fastapi", "starlette", "uvicorn", "asyncpg", "redis", "rq", "orjson")
ENGINE = ("duckdb", "pyarrow", "pandas", "numpy", "ibis", "sqlglot")
OURS = ("storax_core", "storax_api", "storax_workers", "storax_agent", "storax_engine")


def without(*libraries: str) -> str:
    """Code after which an import of these libraries fails, as where they are not installed."""
    return f"""
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {libraries!r}:
            raise ModuleNotFoundError(f"{{name}} is blocked", name=name)
sys.meta_path.insert(0, Finder())
"""


BLOCK = without(*SERVER, *ENGINE, *OURS)


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
        "from storax.analytics import utilization_report",
    ],
)
def test_an_import_loads_no_server_library(what):
    loaded = run(
        f"{what}\nimport sys\nprint(*sorted({{n.split('.')[0] for n in sys.modules}} & set({SERVER + ENGINE + OURS!r})))"
    )
    assert loaded.split() == []


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


@pytest.mark.parametrize("module", ["states", "rules", "change"])
def test_the_rules_of_a_lifecycle_need_no_database_library(module):
    run(without(*SERVER) + f"import storax_core.lifecycle.{module}")


def test_a_blocked_library_cannot_be_imported():
    done = subprocess.run([sys.executable, "-c", BLOCK + "import sqlmodel"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "sqlmodel is blocked" in done.stderr
