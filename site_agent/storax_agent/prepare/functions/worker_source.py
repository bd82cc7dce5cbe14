"""The App's source as a worker loads it; beside ``worker.py``, and by the standard library alone."""

from __future__ import annotations

import ast
import builtins
import sys
import types
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storax_agent.prepare.functions.worker_declarations import DECLARATIONS
else:
    from worker_declarations import DECLARATIONS

SOURCE_VARIABLE = "STORAX_APP_SOURCE"  # in the environment of calls, for the child processes of multiprocessing


class Job:
    """The job of a call, as ``self.job``: the fields of its row. A hook may set ``state`` and the changeable ones."""

    def __init__(self, row: dict[str, Any], changeable: Collection[str]) -> None:
        self.__dict__.update(row, _changeable=changeable)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._changeable:
            raise AttributeError(self._refusal(name))
        self.__dict__[name] = value

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"self.job has no field {name!r}{near(name, self.__dict__)}")

    def _refusal(self, name: str) -> str:
        if not self._changeable:
            return f"run() cannot change {name!r} of its job; return a value, or write a hook"
        if name in self.__dict__:
            return f"a hook cannot set {name!r} of its job; it may set {', '.join(sorted(self._changeable))}"
        return f"self.job has no field {name!r}{near(name, self._changeable)}"


def near(name: str, names: Collection[str]) -> str:
    """The nearest right name, as a question; empty where none is near."""
    import difflib  # only where something is wrong

    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


class App:
    """Stands in for ``storax.App`` at the site."""

    job: Any = None
    _created: tuple[dict[str, Any], ...] = ()

    def create_job(self, app: str, workdir: str, **fields: Any) -> None:
        """Have a job created when this hook's outcome is reported: all of a hook's jobs, or none where it fails."""
        self._created = (*self._created, {"app_name": app, "workdir": workdir, **fields})


def declares(node: ast.AST) -> bool:
    """Whether a statement of the class body says what the server knows already."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return any(isinstance(target, ast.Name) and target.id in DECLARATIONS for target in targets)


def load(path: str) -> Any:
    """The App's class: the last one in the source. What it says of the App, and its bases of Storax, are ours."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    tree = ast.parse(text, path)
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    app = list(classes.values())[-1]
    prepare(app, classes, {name for node in tree.body for name in binds(node)}.union(vars(builtins)))
    module = types.ModuleType("storax_app")
    module.__file__ = path
    sys.modules["storax_app"] = module
    module.__dict__.update(App=App, ApplicationDefinition=App)
    code = compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)
    exec(code, module.__dict__)  # noqa: S102 - what this process is for; the site's policy has allowed the App
    return getattr(module, app.name)


def binds(node: ast.AST) -> list[str]:
    """The names that a statement of the module binds."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    return [target.id for target in getattr(node, "targets", ()) if isinstance(target, ast.Name)]


def prepare(node: ast.ClassDef, classes: dict[str, ast.ClassDef], bound: set[str]) -> bool:
    """Drop what the class and its bases declare of the App; a base that the source does not bind is one of Storax.
    Returns whether it is an App's class."""
    node.body = [part for part in node.body if not declares(part)] or [ast.copy_location(ast.Pass(), node)]
    stand_in = ast.copy_location(ast.Name("App", ast.Load()), node)
    ours = [base for base in node.bases if root(base) in bound]
    is_app = len(ours) < len(node.bases)
    if is_app:
        node.bases = [*ours, stand_in]
    bases = [classes[root(base)] for base in ours if root(base) in classes]
    is_app = any([is_app, *(prepare(base, classes, bound) for base in bases)])
    if is_app:
        node.keywords, node.decorator_list = [], []
    return is_app


def root(base: ast.AST) -> str:
    """The first name of an expression such as ``module.Base[T]``; empty for another."""
    while isinstance(base, (ast.Attribute, ast.Subscript)):
        base = base.value
    return base.id if isinstance(base, ast.Name) else ""
