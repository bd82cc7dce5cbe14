"""A noun as the source of its client module. No clock, no path, no hash: the same declarations give the same bytes."""

import subprocess
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from storax_core.resources import RESOURCES
from tools.codegen import job_rules, types
from tools.codegen.noun import ACCEPTS, DECLARABLE, FIELDS, Attribute, Noun, class_of

HEADER = '"""{name}: models, queries, managers. Written by `python -m tools.codegen`; do not edit."""'
TEXT_WIDTH = 110


def render_all() -> dict[str, str]:
    """Every generated file of the client, by file name."""
    nouns = [Noun(r) for r in RESOURCES if r.public]
    modules: dict[str, list[Noun]] = {}
    for noun in nouns:
        modules.setdefault(noun.module, []).append(noun)
    files = {f"{module}.py": render(inside) for module, inside in modules.items()}
    files["job_rules.py"] = job_rules.render()
    files["__init__.py"] = '"""The models, one file a noun. Written by `python -m tools.codegen`; do not edit."""\n'
    return {name: formatted(text) for name, text in sorted(files.items())}


def render(nouns: Sequence[Noun]) -> str:
    """The module of these nouns, not yet formatted."""
    aliases = dict.fromkeys(line for noun in nouns for line in _aliases(noun))
    parts = (chain(_model(noun), _query(noun), _manager(noun)) for noun in nouns)
    body = "\n".join(chain(aliases, *parts))
    header = HEADER.format(name=" and ".join(noun.name for noun in nouns))
    return "\n".join([header, "", "from __future__ import annotations", "", *_imports(nouns, body), body])


def formatted(text: str) -> str:
    """The text as ruff formats it, by fixed settings, whatever folder this runs in."""
    options = ("--isolated", "--line-length", "120", "--target-version", "py311")
    argv = [sys.executable, "-m", "ruff", "format", *options, "-"]
    return subprocess.run(argv, input=text, capture_output=True, text=True, check=True).stdout


def _imports(nouns: Sequence[Noun], body: str) -> Iterator[str]:
    names = types.needs(body)
    if found := sorted(names & {"Iterable", "Mapping"}):
        yield f"from collections.abc import {', '.join(found)}"
    if "datetime" in names:
        yield "from datetime import datetime"
    typing = sorted({"ClassVar", "overload", *(names & {"Any", "Literal"}), "Literal", "Never"})
    yield f"from typing import {', '.join(typing)}"
    if "UUID" in names:
        yield "from uuid import UUID"
    yield ""
    yield from _merged(line for noun in nouns for line in _own_imports(noun))
    yield ""


def _merged(lines: Iterable[str]) -> Iterator[str]:
    """``from x import y`` lines, one for each module."""
    found: dict[str, set[str]] = {}
    for line in lines:
        module, _, names = line.removeprefix("from ").partition(" import ")
        found.setdefault(module, set()).update(names.split(", "))
    for module in sorted(found):
        yield f"from {module} import {', '.join(sorted(found[module], key=_place))}"


def _place(name: str) -> tuple[bool, bool, str]:
    """How imported names are sorted: constants, classes, functions."""
    return not name.isupper(), not name[0].isupper(), name


def _own_imports(noun: Noun) -> Iterator[str]:
    base, changes = noun.base, noun.can("update") or noun.can("delete")
    declared = ", declared" if noun.name in DECLARABLE else ""
    yield f"from storax._orm.fields import Field{declared}"
    yield "from storax._orm.filters import Filter"
    makes = noun.can("create") or changes
    needs_manager = makes and not (base and base.manager)
    yield f"from storax._orm.manager import {'Manager, ' if needs_manager else ''}Objects"
    yield f"from storax._orm.instance import {'Spec' if base else 'Model, Spec'}"
    if not (base and base.query):
        yield "from storax._orm.changes import ChangeQuery" if changes else "from storax._orm.query import Query"
    for module, names in noun.imports:
        yield f"from storax.{module} import {names}"
    yield "from storax._runtime.unset import UNSET, Unset"


def _aliases(noun: Noun) -> Iterator[str]:
    for name, members in noun.vocabularies.items():
        yield f"{name} = Literal[{', '.join(repr(m) for m in members)}]"
    yield f"{noun.name}Ordering = Literal[{', '.join(repr(o) for o in noun.orderings)}]"


# ---- the model ----------------------------------------------------------------------------------------------------


def _model(noun: Noun) -> Iterator[str]:
    base = class_of(noun.base.model) + noun.base.arguments if noun.base else "Model"
    yield f'\n\nclass {noun.name}({base}):\n    """{noun.doc}"""\n'
    yield "    __slots__ = ()\n"
    yield from _spec(noun)
    yield f"\n    objects: ClassVar[Objects[{noun.name}Manager]] = Objects(lambda: {noun.name}Manager)\n"
    for one in noun.attributes:
        yield from _field(noun, one)
    if noun.creatable:
        yield from _constructor(noun)


def _spec(noun: Noun) -> Iterator[str]:
    r = noun.resource
    writable = noun.can("create") or noun.can("update")
    yield "    _spec = Spec("
    yield f"        path={r.path!r}, entity={r.entity!r}, order={r.default_order!r}, writable={writable},"
    yield f"        orderings=({''.join(f'{o!r}, ' for o in noun.orderings)}),"
    yield "        filters={"
    for name, spec in noun.filters.items():
        annotation = types.source(types.without_none(spec.annotation)[0])
        op = "contains_json" if annotation.startswith("dict[") else "eq" if spec.op == "join" and spec.many else spec.op
        many = ", many=True" if spec.many else ""
        yield f"            {name!r}: Filter({annotation}, {op!r}{many}),"
    yield "        },\n    )"


def _field(noun: Noun, one: Attribute) -> Iterator[str]:
    plain = noun.name in DECLARABLE and one.settable != "never"
    kind = one.reads_as if plain else f"Field[{one.reads_as}]"
    options = [] if one.settable == "never" else [f"settable={one.settable!r}"]
    options += [f"default={_literal(one.default)}"] if one.default is not None else []
    options += ["required=True"] if one.required else []
    options += ["sent_only=True"] if one.sent_only else []
    options += [f"doc={one.doc!r}"]
    descriptor = FIELDS[noun.name, one.name][1] if (noun.name, one.name) in FIELDS else "Field"
    kind = kind if descriptor == "Field" else descriptor
    call = f"{descriptor}({types.source(one.annotation)}, {', '.join(options)})"
    yield f"    {one.name}: {kind} = {f'declared({call})' if plain else call}"
    yield f'    """{one.doc}"""'


def _literal(value: object) -> str:
    return repr(str(value)) if isinstance(value, str) else repr(value)


def _constructor(noun: Noun) -> Iterator[str]:
    yield f"\n    def __init__({_signature(noun)}) -> None:"
    yield from _doc(f"{noun.doc} Unsaved until ``save()``.", _argument_docs(noun))
    yield "        self._fill(locals())"


def _signature(noun: Noun) -> str:
    own = [_optional(a.name, a.type) for a in noun.arguments]
    needed = [_parameter(noun, a) for a in noun.creatable if a.required and not noun.arguments]
    free = [_parameter(noun, a) for a in noun.creatable if not a.required or noun.arguments]
    return f"self, *, {', '.join([*needed, *own, *free])}, **unknown: Never"


def _parameter(noun: Noun, one: Attribute) -> str:
    kind = ACCEPTS.get((noun.name, one.name), one.accepts)
    if one.required and not noun.arguments:
        return f"{one.name}: {kind}"
    return _optional(one.name, kind)


def _optional(name: str, kind: str) -> str:
    """A parameter that may be left out; None, where legal, stands last in its type."""
    nullable = kind.endswith(" | None")
    return f"{name}: {kind.removesuffix(' | None')} | Unset{' | None' if nullable else ''} = UNSET"


def _argument_docs(noun: Noun) -> Iterator[tuple[str, str]]:
    yield from ((a.name, a.doc) for a in noun.arguments)
    for one in noun.creatable:
        shown = one.default not in (None, "", {}, [])
        yield one.name, f"{one.doc} Default: {_literal(one.default)}." if shown else one.doc


# ---- its query and manager ----------------------------------------------------------------------------------------


def _query(noun: Noun) -> Iterator[str]:
    name, changes = noun.name, noun.can("update") or noun.can("delete")
    base = class_of(noun.base.query) if noun.base and noun.base.query else "ChangeQuery" if changes else "Query"
    yield f'\n\nclass {name}Query({base}[{name}]):\n    """A lazy query of {name}s."""\n'
    yield f"    _model = {name}\n"
    filters = ", ".join(_optional(n, noun.filter_type(s)) for n, s in noun.filters.items())
    taken = f"self, *, {filters}, **unknown: Never"
    yield f"\n    def filter({taken}) -> {name}Query:"
    docs = ((n, s.description) for n, s in noun.filters.items())
    yield from _doc("Only those that pass all of these filters, and those before.", docs)
    yield f"        found: {name}Query = self._filter(locals())\n        return found\n"
    yield f"    def exclude({taken}) -> {name}Query:"
    yield from _doc("Without those that pass all of these filters at once; the arguments are those of ``filter()``.")
    yield f"        found: {name}Query = self._exclude(locals())\n        return found\n"
    yield f"    def get({taken}) -> {name}:"
    yield from _doc(
        "The one that passes these filters; the arguments are those of ``filter()``.",
        raises=(("DoesNotExist", "None does."), ("MultipleObjectsReturned", "More than one does.")),
    )
    yield "        return self._get(locals())\n"
    yield from _order_and_slices(name)
    if noun.can("update"):
        yield from _update(noun)
    if noun.can("delete"):
        yield "    def delete(self) -> int:"
        yield from _doc(
            "Delete all that match, on the server; their events stay. Returns the number deleted.", raises=_SLICED
        )
        yield "        return self._delete()\n"


_SLICED = (("SlicedQuery", "The query was sliced."),)


def _order_and_slices(name: str) -> Iterator[str]:
    yield f"    def all(self) -> {name}Query:"
    yield from _doc("The same query, not yet read; of a manager: all there are.")
    yield f"        found: {name}Query = self._derive(self._plan)\n        return found\n"
    yield f"    def order_by(self, *fields: {name}Ordering) -> {name}Query:"
    yield from _doc("Ordered by these fields, a leading ``-`` for descending; without any, in the server's own order.")
    yield f"        found: {name}Query = self._order_by(fields)\n        return found\n"
    yield f"    @overload\n    def __getitem__(self, index: int) -> {name}: ...\n    @overload"
    yield f"    def __getitem__(self, index: slice) -> {name}Query: ..."
    yield f"    def __getitem__(self, index: int | slice) -> {name} | {name}Query:"
    yield f"        found: {name} | {name}Query = self._item(index)\n        return found\n"


def _update(noun: Noun) -> Iterator[str]:
    arguments = [_optional(a.name, a.accepts) for a in noun.updatable]
    arguments += ["force: bool = False"] if noun.resource.machine else []
    docs = [(a.name, a.doc) for a in noun.updatable]
    docs += [("force", "Enter a state that the table of moves forbids.")] if noun.resource.machine else []
    yield f"    def update(self, *, {', '.join(arguments)}, **unknown: Never) -> int:"
    raises = (
        *_SLICED,
        *([("IllegalMove", "One cannot enter this state; nothing was changed.")] if noun.resource.machine else []),
    )
    yield from _doc("Change all that match, on the server, in one step. Returns their number.", docs, raises=raises)
    yield "        return self._update(locals())\n"


def _manager(noun: Noun) -> Iterator[str]:
    name, writes = noun.name, noun.can("create") or noun.can("update") or noun.can("delete")
    own = f"Manager[{name}], " if writes else ""
    if noun.base and noun.base.manager:
        own = f"{class_of(noun.base.manager)}[{name}], "
    yield f'\n\nclass {name}Manager({own}{name}Query):\n    """Where queries of {name}s begin."""\n'
    yield f"    _queries = {name}Query\n"
    if noun.creatable:
        yield f"\n    def create({_signature(noun)}) -> {name}:"
        yield from _doc(f"Make one and save it; the arguments are those of ``{name}()``.")
        yield "        return self._create(locals())\n"
        yield from _bulk_create(name)
    if noun.can("update"):
        yield from _bulk_update(noun)
    yield f"\n\n{name}Query._queries = {name}Query"


def _bulk_create(name: str) -> Iterator[str]:
    yield f"    def bulk_create(self, items: Iterable[{name}], *, progress: bool | None = None) -> list[{name}]:"
    docs = (
        ("items", "Unsaved ones; parents may stand among them, in any order."),
        ("progress", "Show a bar on stderr; by default on a terminal, beyond one request."),
    )
    text = "Save many, 10,000 a request, all or none of each request. Fills in their ids and returns them."
    yield from _doc(text, docs if name == "Job" else (("items", "Unsaved ones."), docs[1]))
    yield "        return self._bulk_create(items, progress)\n"


def _bulk_update(noun: Noun) -> Iterator[str]:
    force = ", force: bool = False" if noun.resource.machine else ""
    yield f"    def bulk_update(self, items: Iterable[{noun.name}], *{force}, progress: bool | None = None) -> int:"
    docs = [("items", "Saved ones; what changed in each is sent, and ``version`` and ``last_update`` come back.")]
    docs += [("force", "Enter states that the table of moves forbids.")] if force else []
    docs += [("progress", "Show a bar on stderr; by default on a terminal, beyond one request.")]
    yield from _doc("Save the changes of many, 10,000 a request, all or none of each. Returns how many had any.", docs)
    yield f"        return self._bulk_update(items, force={'force' if force else 'False'}, progress=progress)\n"


def _doc(
    text: str, arguments: Iterable[tuple[str, str]] = (), *, raises: Iterable[tuple[str, str]] = ()
) -> Iterator[str]:
    parts = [("Args", list(arguments)), ("Raises", list(raises))]
    if not any(rows for _, rows in parts):
        yield f'        """{text}"""'
        return
    yield f'        """{text}\n'
    sections = []
    for title, rows in parts:
        if rows:
            sections.append(f"        {title}:\n" + "\n".join(line for n, d in rows for line in _lines(n, d)))
    yield "\n\n".join(sections)
    yield '        """'


def _lines(name: str, doc: str) -> list[str]:
    return textwrap.wrap(
        f"{name}: {doc}", TEXT_WIDTH, initial_indent=" " * 12, subsequent_indent=" " * 16, break_on_hyphens=False
    )
