"""Every module of the benchmarks imports: a rename in the packages reaches them too."""

import importlib
from pathlib import Path

import pytest

import benchmarks

FOLDER = Path(benchmarks.__file__).parent
MODULES = sorted(f"benchmarks.{path.stem}" for path in FOLDER.glob("*.py") if not path.stem.startswith("__"))


@pytest.mark.parametrize("module", [*MODULES, "benchmarks.__main__"])
def test_a_module_of_the_benchmarks_imports(module: str) -> None:
    importlib.import_module(module)
