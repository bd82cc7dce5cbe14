"""How long functions and files are, how many methods classes have, and how many modules a folder has."""

import ast
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

import numpy as np

from tools.house.check import Check, Excess
from tools.house.sources import Source, measured

MAX_MODULES, MAX_LINES, MAX_TEST_LINES, MAX_FUNCTION, MAX_METHODS = 15, 300, 600, 40, 20
MAX_MEDIAN, MAX_P95 = 6, 19
LARGE_CLASSES = {
    "DataFrame": "public handle: what scripts do with a data frame are its methods",
    "Imports": "public constructors of data frames: one for each source of rows",
    "Operators": "public base of column expressions: one method an operation",
    "Pipeline": "public handle: fit, score, predict, transform and the views of a pipeline",
    "Query": "public query: Django's methods, which chain",
    "Source": "public base of data frames and views",
}
"""Classes that may have more methods than ``MAX_METHODS``, each with its reason."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def checks(sources: Sequence[Source]) -> list[Check]:
    """Compare every size in the packages and tools with its limit, and the length of test files with theirs."""
    tests = [source for source in sources if source.top_folder == "tests"]
    sources = measured(sources)
    return [
        Check("median and 95th percentile of function lengths", tuple(_typical(sources))),
        Check(f"functions of more than {MAX_FUNCTION} lines", tuple(_long_functions(sources))),
        Check(f"files of more than {MAX_LINES} lines", tuple(_long_files(sources, MAX_LINES))),
        Check(f"test files of more than {MAX_TEST_LINES} lines", tuple(_long_files(tests, MAX_TEST_LINES))),
        Check(f"classes of more than {MAX_METHODS} methods", tuple(_large_classes(sources))),
        Check(f"folders of more than {MAX_MODULES} modules", tuple(_full_folders(sources))),
    ]


def function_lengths(sources: Iterable[Source]) -> list[int]:
    """Return the length of every function, in lines without its docstring."""
    return [body_lines(node) for source in sources for node in _functions(source)]


def percentiles(sources: Iterable[Source]) -> tuple[float, float]:
    """Return the median and the 95th percentile of the lengths of all functions."""
    lengths = function_lengths(sources) or [0]
    return statistics.median(lengths), float(np.percentile(lengths, 95))


def modules_per_folder(sources: Iterable[Source]) -> Counter[str]:
    """Count the modules of every folder, without ``__init__`` and ``__main__``."""
    paths = (PurePosixPath(source.path) for source in sources)
    return Counter(str(path.parent) for path in paths if path.stem not in ("__init__", "__main__"))


def body_lines(node: Function) -> int:
    """Count the lines of a function from ``def`` to its end, without its docstring."""
    total = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        total -= (first.end_lineno or first.lineno) - first.lineno + 1
    return total


def methods(node: ast.ClassDef) -> int:
    """Count the methods that a class defines itself."""
    return sum(isinstance(part, Function) for part in node.body)


def _functions(source: Source) -> Iterator[Function]:
    return (node for node in source.nodes if isinstance(node, Function))


def _typical(sources: Iterable[Source]) -> Iterator[Excess]:
    median, p95 = percentiles(sources)
    if median > MAX_MEDIAN:
        yield Excess("median", round(median))
    if p95 > MAX_P95:
        yield Excess("95th percentile", round(p95))


def _long_functions(sources: Iterable[Source]) -> Iterator[Excess]:
    for source in sources:
        for node in _functions(source):
            if (length := body_lines(node)) > MAX_FUNCTION:
                yield Excess(f"{source.path} {node.name}", length, f"line {node.lineno}")


def _long_files(sources: Iterable[Source], limit: int) -> Iterator[Excess]:
    return (Excess(source.path, source.lines) for source in sources if source.lines > limit)


def _large_classes(sources: Iterable[Source]) -> Iterator[Excess]:
    for source in sources:
        for node in source.nodes:
            if isinstance(node, ast.ClassDef) and node.name not in LARGE_CLASSES and methods(node) > MAX_METHODS:
                yield Excess(f"{source.path} {node.name}", methods(node), f"line {node.lineno}")


def _full_folders(sources: Iterable[Source]) -> Iterator[Excess]:
    widths = modules_per_folder(sources)
    return (Excess(folder, width) for folder, width in sorted(widths.items()) if width > MAX_MODULES)
