"""Import cycles, over imports inside functions and under ``TYPE_CHECKING`` as well, and contracts of layers."""

import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import grimp
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tools.house.check import Check, Excess
from tools.house.sources import PACKAGES, ROOT

LAYERED = ("storax_core", "storax", "storax_agent", "storax_engine")
"""Packages whose inner layers are a contract of import-linter, which names every module on their top level."""


def checks(root: Path = ROOT) -> list[Check]:
    """Look for cycles, for missing contracts of layers, and for broken contracts."""
    folders = {package: root / folder for package, folder in PACKAGES.items()}
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    return [
        Check("import cycles", tuple(Excess(" ".join(group), len(group)) for group in cycles(folders))),
        Check("packages without a contract of their layers", tuple(without_layers(settings["contracts"]))),
        Check("broken contracts of imports", tuple(broken_contracts(root))),
    ]


def cycles(packages: Mapping[str, Path]) -> list[list[str]]:
    """Return the groups of modules that import each other, directly or not.

    Args:
        packages: the folder that holds each package, by the package's name.
    """
    sys.path[:0] = [str(folder) for folder in packages.values() if str(folder) not in sys.path]
    graph = grimp.build_graph(*packages, cache_dir=None)
    modules = sorted(graph.modules)
    index = {module: i for i, module in enumerate(modules)}
    edges = [(index[a], index[b]) for a in modules for b in graph.find_modules_directly_imported_by(a)]
    rows, columns = np.array(edges, dtype=int).reshape(-1, 2).T
    matrix = coo_array((np.ones(len(edges)), (rows, columns)), shape=(len(modules), len(modules)))
    _, labels = connected_components(matrix, connection="strong")
    sizes = Counter(labels)
    return [[m for m, g in zip(modules, labels, strict=True) if g == label] for label, n in sizes.items() if n > 1]


def without_layers(declared: Iterable[Mapping[str, object]]) -> list[Excess]:
    """Return the packages that have no contract of layers which names every module on their top level."""
    complete = [c for c in declared if c["type"] == "layers" and c.get("exhaustive")]
    held = {container for contract in complete for container in _names(contract["containers"])}
    return [Excess(package, 1) for package in LAYERED if package not in held]


def _names(value: object) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list) else []


def broken_contracts(root: Path = ROOT) -> list[Excess]:
    """Return the contracts of imports that are broken."""
    return [Excess(name, 1) for name, kept in contracts(root).items() if not kept]


def contracts(root: Path = ROOT) -> dict[str, bool]:
    """Return whether each contract of import-linter is kept, by its name.

    Raises:
        RuntimeError: import-linter did not run to its end.
    """
    path = os.pathsep.join(str(root / folder) for folder in PACKAGES.values())
    argv = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    env = os.environ | {"PYTHONPATH": path}
    run = subprocess.run(argv, cwd=root, env=env, capture_output=True, text=True, check=False)
    if not re.search(r"^Contracts: \d+ kept", run.stdout, re.MULTILINE):
        raise RuntimeError(f"lint-imports failed:\n{run.stdout}{run.stderr}")
    results = re.findall(r"^(.+) (KEPT|BROKEN)$", run.stdout, re.MULTILINE)
    return {name: result == "KEPT" for name, result in results}
