"""The names that a definition reads of its module, by its compiled code: what the compiler calls global is global."""

import ast
import copy
import dis
from collections.abc import Iterator
from types import CodeType

from storax._jobs.shipping.at_site import DECLARATIONS
from storax._jobs.shipping.definitions import FUNCTIONS, Definition

LOADS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}


def names_read(definition: Definition, *, of_app: bool = False) -> dict[str, int]:
    """Return each name that it reads of its module with the line; without annotations.

    Args:
        definition: A class or a function.
        of_app: Whether it is the class of an App, or a base of one: what it declares, its bases and its decorators do
            not count then.
    """
    node = _Stripped().visit(copy.deepcopy(definition.node))
    if of_app and isinstance(node, ast.ClassDef):
        node.body = [part for part in node.body if not is_declaration(part)] or [ast.Pass()]
        node.bases, node.keywords, node.decorator_list = [], [], []
    module = ast.fix_missing_locations(ast.Module([node], []))
    names: dict[str, int] = {}
    for code in _codes(compile(module, definition.file, "exec", dont_inherit=True)):
        own = {i.argval for i in dis.get_instructions(code) if i.opname == "STORE_NAME"}
        for name, line in _loads(code):
            if name not in own:
                names.setdefault(name, line)
    return names


def is_declaration(node: ast.AST) -> bool:
    """Return whether a statement of a class body sets a field that sync() sent to the server."""
    if isinstance(node, FUNCTIONS):
        return node.name == "shell_preamble"
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return any(isinstance(t, ast.Name) and t.id in DECLARATIONS for t in targets)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _loads(code: CodeType) -> Iterator[tuple[str, int]]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in LOADS:
            line = instruction.positions.lineno if instruction.positions else None
            yield instruction.argval, line or code.co_firstlineno


class _Stripped(ast.NodeTransformer):
    """Drops annotations, which the site does not evaluate."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.copy_location(ast.Constant(None), node)
        return self.generic_visit(node)
