"""Read Python files as syntax trees and count what is in them: analyse.py LIST OUT SOURCE FAIL_FIRST.

LIST has one path a line; OUT is written as JSON; file names in it are relative to SOURCE. With FAIL_FIRST "yes" the
first run in a working folder fails on purpose, so that there is a second one to see.
"""

import ast
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DOCUMENTED = (ast.Module, ast.ClassDef, *FUNCTIONS)
LONGEST = 5


def imported(node: ast.AST) -> list[str]:
    """Top-level modules that an import statement names."""
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module.partition(".")[0]]
    return []


def analyse(file: Path, name: str) -> dict[str, Any]:
    """What one file holds."""
    source = file.read_bytes()
    nodes = list(ast.walk(ast.parse(source)))
    functions = [node for node in nodes if isinstance(node, FUNCTIONS)]
    return {
        "totals": {
            "files": 1,
            "lines": source.count(b"\n"),
            "classes": sum(isinstance(node, ast.ClassDef) for node in nodes),
            "functions": len(functions),
            "docstrings": sum(
                isinstance(n, DOCUMENTED) and ast.get_docstring(n, clean=False) is not None for n in nodes
            ),
            "nodes": len(nodes),
        },
        # A module counts once a file, however often the file imports it.
        "imports": dict.fromkeys((module for node in nodes for module in imported(node)), 1),
        "longest": [((f.end_lineno or f.lineno) - f.lineno + 1, f"{name}:{f.name}") for f in functions],
        "largest": [(source.count(b"\n"), name)],
    }


def combine(facts: list[dict[str, Any]]) -> dict[str, Any]:
    """The facts of many files, or of many lists of files, as one."""
    totals: Counter[str] = Counter()
    imports: Counter[str] = Counter()
    for one in facts:
        totals.update(one["totals"])
        imports.update(one["imports"])
    ranked = {key: sorted((tuple(row) for one in facts for row in one[key]), reverse=True)[:LONGEST]
              for key in ("longest", "largest")}  # fmt: skip
    return {"totals": dict(totals), "imports": dict(imports), **ranked}


def fail_on_purpose() -> None:
    """End the first run here; the mark it leaves lets the next one pass."""
    mark = Path("first-run-failed")
    if not mark.exists():
        mark.touch()
        sys.exit("the first run of this job fails on purpose; the second will not")


def main(listed: str, out: str, source: str, fail_first: str) -> None:
    """Write the facts, and their totals as this job's result."""
    if fail_first == "yes":
        fail_on_purpose()
    files = [Path(line) for line in Path(listed).read_text(encoding="utf-8").splitlines()]
    facts = combine([analyse(file, str(file.relative_to(source))) for file in files])
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    Path(out).write_text(json.dumps(facts), encoding="utf-8")
    Path(os.environ["STORAX_RESULT_FILE"]).write_text(json.dumps(facts["totals"]), encoding="utf-8")
    print(f"{len(files)} files, {facts['totals'].get('lines', 0)} lines")


if __name__ == "__main__":
    main(*sys.argv[1:])
