"""The import statements of a generated module."""

from collections.abc import Iterable, Iterator, Sequence

from tools.codegen import types
from tools.codegen.async_twins import imported, typed
from tools.codegen.noun import DECLARABLE, Noun


def import_lines(nouns: Sequence[Noun], body: str) -> list[str]:
    """Return the imports that a module needs, sorted; an empty line between the standard library and ours."""
    checked = list(typed(nouns[0].module))
    return [
        *_standard(types.needs(body) | ({"TYPE_CHECKING"} if checked else set())),
        "",
        *_merged([*(line for noun in nouns for line in _own(noun)), *imported(body)]),
        *(["", "if TYPE_CHECKING:", *(f"    {line}" for line in checked)] if checked else []),
    ]


def _standard(names: set[str]) -> Iterator[str]:
    if abstract := sorted(names & {"AsyncIterator", "Callable", "Iterable", "Mapping"}):
        yield f"from collections.abc import {', '.join(abstract)}"
    if "datetime" in names:
        yield "from datetime import datetime"
    typing = {"ClassVar", "overload", "Literal", "Never"} | names & {"TYPE_CHECKING", "Any", "Self"}
    yield f"from typing import {', '.join(sorted(typing, key=_sort_key))}"
    if "UUID" in names:
        yield "from uuid import UUID"


def _own(noun: Noun) -> Iterator[str]:
    base, changes = noun.base, noun.can("update") or noun.can("delete")
    declared = ", declared" if noun.name in DECLARABLE else ""
    yield f"from storax._orm.fields import Field{declared}"
    yield "from storax._orm.filters import Filter"
    needs_manager = (noun.can("create") or changes) and not (base and base.manager)
    yield f"from storax._orm.manager import {'Manager, ' if needs_manager else ''}Objects"
    yield f"from storax._orm.instance import {'Spec' if base else 'Model, Spec'}"
    if not (base and base.query):
        yield "from storax._orm.changes import ChangeQuery" if changes else "from storax._orm.query import Query"
    for module, names in noun.imports:
        yield f"from storax.{module} import {names}"
    yield "from storax._runtime.unset import UNSET, Unset"


def _merged(lines: Iterable[str]) -> Iterator[str]:
    """One ``from x import y`` for each module."""
    modules: dict[str, set[str]] = {}
    for line in lines:
        module, _, names = line.removeprefix("from ").partition(" import ")
        modules.setdefault(module, set()).update(names.split(", "))
    for module in sorted(modules):
        yield f"from {module} import {', '.join(sorted(modules[module], key=_sort_key))}"


def _sort_key(name: str) -> tuple[bool, bool, str]:
    """How imported names are sorted: constants, classes, functions."""
    return not name.isupper(), not name[0].isupper(), name
