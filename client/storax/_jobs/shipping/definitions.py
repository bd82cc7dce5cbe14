"""Classes and functions in their files: the statement that defines one, found from the object itself."""

import ast
import inspect
import linecache
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import CodeType
from typing import Any

Statement = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Assign
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Definition:
    """A statement that defines a class or a function; the line numbers of its tree are those of its file."""

    node: Statement
    file: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """Its source, without the indentation of its place."""
        text = textwrap.dedent("".join(self.lines[_first_line(self.node) - 1 : self.node.end_lineno]))
        try:
            ast.parse(text)
        except SyntaxError:  # a text over several lines begins further left than the statement
            return ast.unparse(self.node)
        return text

    @property
    def tree(self) -> ast.Module:
        """The whole file, or the whole cell of a notebook."""
        return _parsed(self.lines) or ast.Module([], [])

    def at(self, line: int | None) -> str:
        """Return a line in words: the name of the file, the number, and the code."""
        number = line or _first_line(self.node)
        code = self.lines[number - 1].strip() if number <= len(self.lines) else ""
        return f"{Path(self.file).name}, line {number}: {code}"


def definition_of_function(function: Any) -> Definition | None:
    """Return where a plain function is defined, or the assignment of a lambda; None where Python does not know it."""
    code, name = function.__code__, function.__name__
    return next((d for d in _in_file(code.co_filename) if _is_function(d.node, code, name)), None)


def definition_of_class(cls: type[Any]) -> Definition | None:
    """Return where a class is defined, by the lines of its methods or else by its name."""
    for function in vars(cls).values():
        code = getattr(inspect.unwrap(getattr(function, "__func__", function)), "__code__", None)
        if code is not None and (near := [d for d in _in_file(code.co_filename) if _holds(d.node, cls, code)]):
            return near[-1]
    return _class_by_name(cls)


def _class_by_name(cls: type[Any]) -> Definition | None:
    try:
        line, file = inspect.getsourcelines(cls)[1], inspect.getsourcefile(cls) or ""
    except (OSError, TypeError):
        cells = (d for cell in reversed(cells_of_notebook()) for d in _in_file(cell))
        return next((d for d in cells if isinstance(d.node, ast.ClassDef) and d.node.name == cls.__name__), None)
    named = (d for d in _in_file(file) if isinstance(d.node, ast.ClassDef) and d.node.name == cls.__name__)
    return next((d for d in named if line in (d.node.lineno, _first_line(d.node))), None)


def cells_of_notebook() -> list[str]:
    """Return the names by which Python keeps the cells of a notebook, in the order in which they ran."""
    return [name for name in linecache.cache if "ipython" in name or "ipykernel" in name]


def statements(file: str) -> list[ast.stmt]:
    """Return the statements of a file, or of a cell, at its top."""
    tree = _parsed(_lines(file))
    return tree.body if tree else []


def _in_file(file: str) -> Iterator[Definition]:
    lines = _lines(file)
    tree = _parsed(lines)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, (ast.ClassDef, *FUNCTIONS, ast.Assign)):
            yield Definition(node, file, lines)


def _lines(file: str) -> tuple[str, ...]:
    linecache.checkcache(file)
    return tuple(linecache.getlines(file))


@lru_cache(maxsize=64)
def _parsed(lines: tuple[str, ...]) -> ast.Module | None:
    try:
        return ast.parse("".join(lines)) if lines else None
    except SyntaxError:
        return None


def _first_line(node: Statement) -> int:
    decorators = getattr(node, "decorator_list", None)
    return decorators[0].lineno if decorators else node.lineno


def _is_function(node: Statement, code: CodeType, name: str) -> bool:
    if isinstance(node, FUNCTIONS):
        return node.name == name and _first_line(node) == code.co_firstlineno
    lambda_of = isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda) and name == "<lambda>"
    return lambda_of and node.lineno <= code.co_firstlineno <= (node.end_lineno or 0)


def _holds(node: Statement, cls: type[Any], code: CodeType) -> bool:
    inside = _first_line(node) <= code.co_firstlineno <= (node.end_lineno or 0)
    return isinstance(node, ast.ClassDef) and node.name == cls.__name__ and inside
