"""``python -m tools.house``: the measures of this code base, and where it exceeds them; ``make house`` prints them.

Imports are counted wherever they stand: inside functions and under ``TYPE_CHECKING`` too.
"""

import ast
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import grimp
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "storax_core": "core",
    "storax_api": "api",
    "storax_workers": "workers",
    "storax_agent": "site_agent",
    "storax_engine": "engine",
    "storax": "client",
}
GENERATED = ("client/storax/models/", "alembic/versions/")
MAX_FILES, MAX_LINES, MAX_FUNCTION, MAX_METHODS = 15, 300, 40, 20
P95_FUNCTION, MEDIAN_FUNCTION = 19, 6
# The public interface demands these: handles of frames, pipelines and queries, and every operation of a column.
LARGE_CLASSES = frozenset({"Column", "DataFrame", "Imports", "Operators", "Pipeline", "Query", "Source"})


@dataclass
class Measures:
    """What was counted, and what exceeds the measures."""

    files: int = 0
    lines: int = 0
    functions: list[tuple[int, str]] = field(default_factory=list)
    cycles: list[list[str]] = field(default_factory=list)
    full_folders: list[tuple[int, str]] = field(default_factory=list)
    long_files: list[tuple[int, str]] = field(default_factory=list)
    large_classes: list[tuple[int, str]] = field(default_factory=list)

    @property
    def lengths(self) -> list[int]:
        """The length of every function, in lines."""
        return [length for length, _ in self.functions]

    @property
    def median(self) -> float:
        """The median length of a function, in lines."""
        return statistics.median(self.lengths)

    @property
    def p95(self) -> float:
        """The 95th percentile of the length of a function, in lines."""
        return float(np.percentile(self.lengths, 95))

    @property
    def long_functions(self) -> list[tuple[int, str]]:
        """The functions of more than ``MAX_FUNCTION`` lines."""
        return sorted((one for one in self.functions if one[0] > MAX_FUNCTION), reverse=True)


def sources() -> list[Path]:
    """Every Python file of the packages and tools that people write."""
    argv = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    names = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    rooms = (*(f"{room}/" for room in PACKAGES.values()), "tools/")
    return [
        ROOT / n for n in sorted(names) if n.startswith(rooms) and not n.startswith(GENERATED) and (ROOT / n).is_file()
    ]


def cycles() -> list[list[str]]:
    """The modules that import each other, directly or not, in groups."""
    sys.path[:0] = [str(ROOT / room) for room in PACKAGES.values()]
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    modules = sorted(graph.modules)
    place = {module: i for i, module in enumerate(modules)}
    edges = [(place[a], place[b]) for a in modules for b in graph.find_modules_directly_imported_by(a)]
    rows, columns = zip(*edges, strict=True)
    matrix = coo_array((np.ones(len(edges)), (rows, columns)), shape=(len(modules), len(modules)))
    _, groups = connected_components(matrix, connection="strong")
    sizes = Counter(groups)
    return [[m for m, g in zip(modules, groups, strict=True) if g == group] for group, n in sizes.items() if n > 1]


def measure() -> Measures:
    """Count everything."""
    found = Measures(cycles=cycles())
    folders: Counter[str] = Counter()
    for path in sources():
        name, text = str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
        lines = text.count("\n")
        found.files += 1
        found.lines += lines
        if path.name not in ("__init__.py", "__main__.py"):
            folders[str(path.parent.relative_to(ROOT))] += 1
        if lines > MAX_LINES:
            found.long_files.append((lines, name))
        _count(ast.parse(text), name, found)
    found.full_folders = [(n, folder) for folder, n in sorted(folders.items()) if n > MAX_FILES]
    return found


def _count(tree: ast.Module, name: str, found: Measures) -> None:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.functions.append((_body_lines(node), f"{name}:{node.lineno} {node.name}"))
        if isinstance(node, ast.ClassDef):
            methods = sum(isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)) for n in node.body)
            if methods > MAX_METHODS and node.name not in LARGE_CLASSES:
                found.large_classes.append((methods, f"{name}:{node.lineno} {node.name}"))


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function from ``def`` to its end, without its docstring."""
    total = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        total -= (first.end_lineno or first.lineno) - first.lineno + 1
    return total


def report(found: Measures) -> Iterator[str]:
    """The measures as lines of text."""
    yield f"files {found.files}, lines {found.lines}"
    limits = f"at most {MEDIAN_FUNCTION} and {P95_FUNCTION}"
    yield f"function length: median {found.median:.0f}, p95 {found.p95:.0f} ({limits})"
    for title, rows in (
        ("import cycles", [", ".join(group) for group in found.cycles]),
        (f"folders of more than {MAX_FILES} modules", [f"{n} {what}" for n, what in found.full_folders]),
        (f"files of more than {MAX_LINES} lines", [f"{n} {what}" for n, what in found.long_files]),
        (f"functions of more than {MAX_FUNCTION} lines", [f"{n} {what}" for n, what in found.long_functions]),
        (f"classes of more than {MAX_METHODS} methods", [f"{n} {what}" for n, what in found.large_classes]),
    ):
        yield f"{title}: {len(rows)}"
        yield from (f"  {row}" for row in rows)


def main() -> int:
    """Print the measures."""
    sys.stdout.write("\n".join(report(measure())) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
