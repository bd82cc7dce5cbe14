"""The source of a definition as self-contained text: the class, and what it uses of its module.

Nothing is pickled. Modules become ``import`` lines, functions and classes of other modules ``from ... import`` lines,
functions of the same module their own source, plain constants their value. Whatever else a method uses, it must import
or define itself.
"""

import ast
import inspect
import sys
import textwrap
import types
from collections.abc import Iterable
from typing import Any

from storax.errors import InvalidInput

# Sent to the server by sync(); not evaluated again at the site.
DECLARATIONS = frozenset(
    {"site", "name", "command_template", "parameters", "transfers", "environment", "environment_variables",
     "shell_preamble", "cleanup_files", "python_exe", "max_attempts", "max_losses", "retry_delay_sec",
     "retry_exit_codes", "retry_on_timeout", "use_shell", "description"}
)  # fmt: skip
MAX_CONSTANT = 4096


def plain_source(cls: type[Any]) -> str:
    """Return the source of the class, for people to read; empty where Python does not know it."""
    try:
        return textwrap.dedent(inspect.getsource(cls))
    except (OSError, TypeError):
        return ""


def whole_source(cls: type[Any], methods: Iterable[str]) -> str:
    """Return the source of the class with everything that its methods need of its module.

    Raises:
        InvalidInput: Python does not know the source, as in a bare interactive session.
    """
    text = plain_source(cls) or _from_methods(cls, methods)
    head: dict[str, str] = {}
    first = next(getattr(cls, name) for name in methods)
    _collect(text, first.__globals__, head, own=cls.__module__)
    return "\n".join(["from __future__ import annotations", *head.values(), "", text])


def _from_methods(cls: type[Any], methods: Iterable[str]) -> str:
    """Return a class of the methods alone; notebooks know the source of functions, but not always that of classes."""
    functions = [f for n, f in vars(cls).items() if inspect.isfunction(f)]
    try:
        bodies = [textwrap.dedent(inspect.getsource(f)) for f in functions]
    except (OSError, TypeError):
        raise InvalidInput(
            f"Python does not know the source of {cls.__name__}.{next(iter(methods))}().",
            hint="Define the class in a file or a notebook, not at the bare prompt.",
        ) from None
    return f"class {cls.__name__}(App):\n" + textwrap.indent("\n".join(bodies), "    ")


def _collect(text: str, scope: dict[str, Any], head: dict[str, str], *, own: str) -> None:
    """Add to ``head`` a line for each name that ``text`` uses of ``scope``; what a function uses comes before it."""
    for name in _names(text):
        if name in head or name not in scope:
            continue
        value = scope[name]
        if inspect.isfunction(value) and value.__module__ == own and value.__globals__ is scope:
            head[name] = ""
            source = plain_source(value)  # type: ignore[arg-type]
            _collect(source, scope, head, own=own)
            del head[name]
            head[name] = source
        elif line := _line(name, value, own):
            head[name] = line


def _line(name: str, value: Any, own: str) -> str:
    if isinstance(value, types.ModuleType):
        return f"import {value.__name__} as {name}" if name != value.__name__ else f"import {name}"
    if value is None or isinstance(value, (bool, int, float, str, bytes, tuple, list, dict, set, frozenset)):
        text = repr(value)
        return f"{name} = {text}" if len(text) <= MAX_CONSTANT and _is_literal(text) else ""
    module, inner = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
    if module in (None, own, "__main__") or "." in inner or str(module).partition(".")[0] == "storax":
        return ""
    if getattr(sys.modules.get(str(module)), inner, None) is not value:
        return ""
    return f"from {module} import {inner}" + (f" as {name}" if name != inner else "")


def _is_literal(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return False
    return True


def _names(text: str) -> list[str]:
    """Return the names that the methods of a class, or a function, read; without bases and annotations."""
    names: dict[str, None] = {}
    tree = ast.parse(textwrap.dedent(text))
    for node in tree.body:
        body = [n for n in node.body if not is_declaration(n)] if isinstance(node, ast.ClassDef) else [node]
        for part in body:
            _visit(part, names)
    return list(names)


def _visit(node: ast.AST, names: dict[str, None]) -> None:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        names[node.id] = None
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, ast.AST):
                _visit(item, names)


def is_declaration(node: ast.AST) -> bool:
    """Return whether a statement of a class body sets a field that sync() sent to the server."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return any(isinstance(t, ast.Name) and t.id in DECLARATIONS for t in targets)
