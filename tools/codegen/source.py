"""Parts of a generated class that are an expression or a list of parameters; the templates have everything else."""

from collections.abc import Iterator

from storax_core.resources.base import MERGE, REMOVE, FilterSpec
from tools.codegen import types
from tools.codegen.noun import ACCEPTS, DECLARABLE, FIELDS, Attribute, Noun

Docs = list[tuple[str, str]]


def aliases(noun: Noun) -> Iterator[str]:
    """Return the Literal types that the classes of a noun name."""
    for name, members in noun.vocabularies.items():
        yield f"{name} = Literal[{', '.join(repr(m) for m in members)}]"
    yield f"{noun.name}Ordering = Literal[{', '.join(repr(o) for o in noun.orderings)}]"


def filter_call(spec: FilterSpec) -> str:
    """Return the ``Filter(...)`` of one filter."""
    annotation = types.source(types.without_none(spec.annotation)[0])
    op = "contains_json" if annotation.startswith("dict[") else "eq" if spec.op == "join" and spec.many else spec.op
    return f"Filter({annotation}, {op!r}{', many=True' if spec.many else ''})"


def field_type(noun: Noun, attribute: Attribute) -> str:
    """Return the annotation of a field in the class body."""
    descriptor = _descriptor(noun, attribute)
    if descriptor != "Field":
        return descriptor
    plain = noun.name in DECLARABLE and attribute.settable != "never"
    return attribute.reads_as if plain else f"Field[{attribute.reads_as}]"


def field_call(noun: Noun, attribute: Attribute) -> str:
    """Return the descriptor of a field, as a call."""
    options = {
        f"settable={attribute.settable!r}": attribute.settable != "never",
        f"default={_literal(attribute.default)}": attribute.default is not None,
        "required=True": attribute.required,
        "sent_only=True": attribute.sent_only,
        "on_request=True": attribute.on_request,
        "by_key=True": attribute.by_key,
        f"doc={attribute.doc!r}": True,
    }
    arguments = [types.source(attribute.annotation), *(text for text, there in options.items() if there)]
    call = f"{_descriptor(noun, attribute)}({', '.join(arguments)})"
    return f"declared({call})" if noun.name in DECLARABLE and attribute.settable != "never" else call


def _descriptor(noun: Noun, attribute: Attribute) -> str:
    return FIELDS.get((noun.name, attribute.name), ("", "Field"))[1]


def constructor_parameters(noun: Noun) -> str:
    """Return the parameters of ``__init__()`` and ``create()``, those that must be passed first."""
    own = [_optional(a.name, a.type) for a in noun.arguments]
    needed = [_parameter(noun, a) for a in noun.creatable if a.required and not noun.arguments]
    free = [_parameter(noun, a) for a in noun.creatable if not a.required or noun.arguments]
    return f"self, *, {', '.join([*needed, *own, *free])}, **unknown: Never"


def constructor_docs(noun: Noun) -> Docs:
    """Return what the docstring of ``__init__()`` says of each parameter."""
    return [*((a.name, a.doc) for a in noun.arguments), *((a.name, _with_default(a)) for a in noun.creatable)]


def filter_parameters(noun: Noun) -> str:
    """Return the parameters of ``filter()``, ``exclude()`` and ``get()``."""
    filters = ", ".join(_optional(name, noun.filter_type(spec)) for name, spec in noun.filters.items())
    return f"self, *, {filters}, **unknown: Never"


def filter_docs(noun: Noun) -> Docs:
    """Return what the docstring of ``filter()`` says of each filter."""
    return [(name, spec.description) for name, spec in noun.filters.items()]


def update_parameters(noun: Noun) -> str:
    """Return the parameters of ``update()``."""
    force = ["force: bool = False"] if noun.resource.machine else []
    fields = (_optional(a.name, a.accepts) for a in noun.updatable)
    keys = (_optional(f"{a.name}{suffix}", kind) for a in noun.updatable if a.by_key for suffix, kind in _key_types(a))
    return f"self, *, {', '.join([*fields, *keys, *force])}, **unknown: Never"


def _key_types(attribute: Attribute) -> Docs:
    """Return the suffixes of the arguments that change single keys of a dictionary, with their types."""
    return [(MERGE, attribute.accepts), (REMOVE, "Iterable[str | Iterable[str]]")]


def update_docs(noun: Noun) -> Docs:
    """Return what the docstring of ``update()`` says of each parameter."""
    force = [("force", "Enter a state that the table of moves forbids.")] if noun.resource.machine else []
    return [*((a.name, a.doc) for a in noun.updatable), *_key_docs(noun), *force]


def _key_docs(noun: Noun) -> Docs:
    """Return what the docstring of ``update()`` says of the arguments that change single keys."""
    docs = []
    for a in noun.updatable if noun.can("update") else ():
        if a.by_key:
            docs.append((f"{a.name}{MERGE}", f"Keys of ``{a.name}`` to set; the others stay. Dicts inside are merged."))
            docs.append((f"{a.name}{REMOVE}", f"Keys of ``{a.name}`` to remove; a list of keys leads inside a dict."))
    return docs


FOR_TEMPLATES = (
    filter_call, field_type, field_call, constructor_parameters, constructor_docs, filter_parameters, filter_docs,
    update_parameters, update_docs,
)  # fmt: skip


def _parameter(noun: Noun, attribute: Attribute) -> str:
    kind = ACCEPTS.get((noun.name, attribute.name), attribute.accepts)
    if attribute.required and not noun.arguments:
        return f"{attribute.name}: {kind}"
    return _optional(attribute.name, kind)


def _optional(name: str, kind: str) -> str:
    """A parameter that may be left out; None, where legal, stands last in its type."""
    nullable = kind.endswith(" | None")
    return f"{name}: {kind.removesuffix(' | None')} | Unset{' | None' if nullable else ''} = UNSET"


def _with_default(attribute: Attribute) -> str:
    shown = attribute.default not in (None, "", {}, [])
    return f"{attribute.doc} Default: {_literal(attribute.default)}." if shown else attribute.doc


def _literal(value: object) -> str:
    return repr(str(value)) if isinstance(value, str) else repr(value)
