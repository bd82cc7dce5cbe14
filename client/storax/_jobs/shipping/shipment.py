"""All that one App needs of its program, put together: what a definition reads comes before it."""

import ast
import builtins
import inspect
import sys
import types
from dataclasses import dataclass, field
from typing import Any

from storax._jobs.shipping.definitions import (
    Definition,
    cells_of_notebook,
    definition_of_class,
    definition_of_function,
    statements,
)
from storax._jobs.shipping.modules import is_installed
from storax._jobs.shipping.names import names_read
from storax._jobs.shipping.values import UnshippableError, expression
from storax._orm.instance import Model
from storax.errors import InvalidInput

Scope = dict[str, Any]


@dataclass
class Shipment:
    """The lines before an App's class, by the name that each binds. ``any_module``: the App prepares its environment
    itself, so that a site may have modules which are mere files here."""

    app: str
    any_module: bool = False
    lines: dict[str, str] = field(default_factory=dict)
    _values: dict[str, Any] = field(default_factory=dict)
    _reader: tuple[Definition, int] | None = None

    def add_class(self, cls: type[Any], definition: Definition, scope: Scope) -> None:
        """Add what the class of an App reads, and its bases.

        Raises:
            InvalidInput: something cannot be sent; the message names it and the line that reads it.
        """
        self._values[cls.__name__] = cls
        assert isinstance(definition.node, ast.ClassDef)  # noqa: S101
        for node, base in zip(definition.node.bases, cls.__bases__, strict=False):
            if not is_of_storax(base):
                self._reader = (definition, node.lineno)
                self._add_base(node, base, scope)
        self._add_names(definition, scope, of_app=True)

    def add_function(self, function: Any, definition: Definition | None) -> None:
        """Add what a function reads."""
        self._add_names(self._known(definition, function.__name__), function.__globals__)

    def _add_base(self, node: ast.expr, base: type[Any], scope: Scope) -> None:
        name, own = _root(node), base.__name__
        if not issubclass(base, Model):
            self._need(name, {**scope, name: base} if isinstance(node, ast.Name) else scope)
            return
        if not isinstance(node, ast.Name):
            raise self._refusal(
                f"takes {ast.unparse(node)!r} as a base", "Import the class itself: from ... import ..."
            )
        if own not in self._values:
            definition = self._known(definition_of_class(base), own)
            self.add_class(base, definition, vars(sys.modules[base.__module__]))
            self.lines[own] = definition.text
        if name != own:
            self._values[name], self.lines[name] = base, f"{name} = {own}"

    def _add_names(self, definition: Definition, scope: Scope, *, of_app: bool = False) -> None:
        before = self._reader
        for name, line in names_read(definition, of_app=of_app).items():
            self._reader = (definition, line)
            self._need(name, scope)
        attempts = [node for node in ast.walk(definition.node) if isinstance(node, ast.Try)]
        optional = {id(part) for node in attempts for part in ast.walk(node)}
        for node in ast.walk(definition.node):
            if isinstance(node, (ast.Import, ast.ImportFrom)) and id(node) not in optional:
                self._reader = (definition, node.lineno)
                self._check_import(node)
        self._reader = before

    def _check_import(self, node: ast.Import | ast.ImportFrom) -> None:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or "."]
        if missing := [name for name in names if getattr(node, "level", 0) or not self._has(name)]:
            raise self._refusal(
                f"imports {missing[0]!r}, which is a file of this program and not installed", _NOT_THERE
            )

    def _need(self, name: str, scope: Scope) -> None:
        """Add the line that binds ``name`` to what it is in ``scope``."""
        if name.startswith("__") and name != "__file__":
            return
        if name not in scope:
            if name in vars(builtins):
                return
            raise self._refusal(f"reads {name!r}, which its module does not define (yet)", "Define it before sync().")
        value = scope[name]
        if name in self._values:
            if self._values[name] is not value:
                raise self._refusal(f"needs two things of the name {name!r}", "Rename one of the two.")
            return
        self._values[name], self.lines[name] = value, ""
        text = self._line(name, value, scope)
        del self.lines[name]
        self.lines[name] = text

    def _line(self, name: str, value: Any, scope: Scope) -> str:
        if is_of_storax(value) or isinstance(value, Model) or (isinstance(value, type) and issubclass(value, Model)):
            raise self._refusal(f"uses {name!r} of Storax, which is not there at the site", _STORAX)
        if isinstance(value, types.ModuleType):
            return self._import(name, value)
        try:
            if not callable(value):
                return f"{name} = {expression(value, self._reference)}"
            reason = _kind(value)
        except UnshippableError as error:
            reason = str(error)
        if source := self._definition(name, value):
            return source
        if line := self._from_import(name, value, scope):
            return line
        raise self._refusal(f"uses {name!r}, {reason}, which cannot be sent", _MAKE_IT)

    def _import(self, name: str, module: types.ModuleType) -> str:
        if not self._has(module.__name__):
            raise self._refusal(f"uses the module {name!r}, which is a file of this program", _NOT_THERE)
        if name != module.__name__:
            return f"import {module.__name__} as {name}"
        # ``import a.b`` binds a, and loads b.
        aliases = (alias.name for node in self._imports() if isinstance(node, ast.Import) for alias in node.names)
        inner = dict.fromkeys(one for one in aliases if one.startswith(f"{name}."))
        return "\n".join(f"import {one}" for one in (name, *inner))

    def _definition(self, name: str, value: Any) -> str:
        """Return the source of a function or a class of this program; empty for anything else."""
        plain = inspect.unwrap(value) if callable(value) else value
        if not (inspect.isfunction(plain) or isinstance(plain, type)) or self._has(plain.__module__):
            return ""
        if getattr(plain, "__closure__", None):
            raise self._refusal(f"uses {name!r}, a closure: it lives on the names of another function", _CLOSURE)
        definition, scope, own = self._source_of(plain)
        self._add_names(definition, scope)
        return definition.text if own == name else f"{definition.text.rstrip()}\n{name} = {own}"

    def _source_of(self, value: Any) -> tuple[Definition, Scope, str]:
        if isinstance(value, type):
            known = self._known(definition_of_class(value), value.__name__)
            return known, vars(sys.modules[value.__module__]), value.__name__
        known = self._known(definition_of_function(value), value.__name__)
        target = known.node.targets[0] if isinstance(known.node, ast.Assign) else None
        return known, value.__globals__, target.id if isinstance(target, ast.Name) else value.__name__

    def _from_import(self, name: str, value: Any, scope: Scope) -> str:
        module, inner = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
        if not (module and inner and self._has(module) and _is_there(module, inner, value)):
            module, inner = self._imported_as(name, scope)
        if not module or not self._has(module):
            return ""
        return f"from {module} import {inner}" + (f" as {name}" if name != inner else "")

    def _imported_as(self, name: str, scope: Scope) -> tuple[str, str]:
        """Return the module and the name of the import that binds ``name``, for objects that do not know their own."""
        for node in self._imports():
            if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                for alias in node.names:
                    if (alias.asname or alias.name) == name and _is_there(node.module, alias.name, scope[name]):
                        return node.module, alias.name
        return "", ""

    def _imports(self) -> list[ast.AST]:
        own = self._reader[0].tree.body if self._reader else []
        cells = [node for cell in cells_of_notebook() for node in statements(cell)]
        return [part for node in (*own, *cells) for part in ast.walk(node)]

    def _reference(self, value: Any) -> str:
        """Return an expression for a function or a class inside a constant."""
        module, name = getattr(value, "__module__", None) or "", getattr(value, "__qualname__", "")
        if module and self._has(module) and _is_there(module, name, value) and not is_of_storax(value):
            return f"__import__({module!r}, fromlist=['_']).{name}"
        scope = vars(sys.modules[module]) if module in sys.modules else {}
        names = [name for name, bound in scope.items() if bound is value]  # a lambda does not know its own
        if not names:
            raise UnshippableError(_kind(value))
        self._need(names[0], scope)
        return names[0]

    def _has(self, module: str) -> bool:
        return is_installed(module) or (self.any_module and module not in ("__main__", self._own_module))

    @property
    def _own_module(self) -> str:
        cls = self._values.get(self.app)
        return getattr(cls, "__module__", "")

    def _known(self, definition: Definition | None, name: str) -> Definition:
        if definition is None:
            raise self._refusal(f"uses {name!r}, whose source Python does not know", _IN_A_FILE)
        return definition

    def _refusal(self, problem: str, hint: str) -> InvalidInput:
        place = f" ({self._reader[0].at(self._reader[1])})" if self._reader else ""
        return InvalidInput(f"{self.app} {problem}{place}.", hint=hint)


_NOT_THERE = (
    "Install it at the site, or import the functions that you use at the top of the file: their source is sent."
)
_STORAX = "A hook has self.job and self.create_job(); whatever else it needs of Storax it must import itself."
_MAKE_IT = "Make it inside the method."
_CLOSURE = "Define it at the top of the file; a decorator needs functools.wraps()."
_IN_A_FILE = "Define it in a file or a notebook, not at the bare prompt."


def is_of_storax(value: Any) -> bool:
    """Return whether a module, a class, a function or an object belongs to Storax."""
    module = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None)
    return str(module or type(value).__module__).partition(".")[0] == "storax"


def _is_there(module: str, name: str, value: Any) -> bool:
    return "." not in name and getattr(sys.modules.get(module), name, None) is value


def _root(node: ast.AST) -> str:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _kind(value: Any) -> str:
    return f"an object of {type(value).__name__}"
