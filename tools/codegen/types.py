"""Declared types as Python source: how a field reads, what a caller may pass for it, what a filter takes."""

import types
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from typing_extensions import is_typeddict

WIDER = {"datetime": "datetime | str", "UUID": "UUID | str"}


def bare(annotation: Any) -> Any:
    """The annotation without the constraints and marks on it, at any depth; a dict of known keys is a dict."""
    if get_origin(annotation) is Annotated:
        return bare(get_args(annotation)[0])
    if is_typeddict(annotation):
        return dict[str, Any]
    args = get_args(annotation)
    if not args or get_origin(annotation) is Literal:
        return annotation
    if get_origin(annotation) in (Union, types.UnionType):
        out = bare(args[0])
        for arg in args[1:]:
            out = out | bare(arg) if arg is not type(None) else out | None
        return out
    return get_origin(annotation)[tuple(bare(a) for a in args)]


def without_none(annotation: Any) -> tuple[Any, bool]:
    """``X`` of ``X | None``, and whether None was there."""
    plain = bare(annotation)
    if get_origin(plain) in (Union, types.UnionType):
        rest = [a for a in get_args(plain) if a is not type(None)]
        return rest[0], len(rest) < len(get_args(plain))
    return plain, False


def source(annotation: Any) -> str:
    """The type as it reads; an enumeration of words goes by the name of its Literal alias."""
    plain = bare(annotation)
    if plain is Any:
        return "Any"
    if plain is type(None):
        return "None"
    origin, args = get_origin(plain), get_args(plain)
    if origin is Literal:
        return f"Literal[{', '.join(repr(a) for a in args)}]"
    if origin in (Union, types.UnionType):
        return " | ".join(source(a) for a in args)
    if origin is not None:
        return f"{origin.__name__}[{', '.join(source(a) for a in args)}]"
    return str(plain.__name__)


def accepted(annotation: Any) -> str:
    """The type of an argument that sets a field of this type: any mapping for a dict, text for a time."""
    inner, nullable = without_none(annotation)
    origin, args = get_origin(inner), get_args(inner)
    text = source(inner)
    if origin is dict:
        text = f"Mapping[{', '.join(source(a) for a in args)}]"
    elif origin is list:
        text = f"Iterable[{source(args[0])}]"
    return WIDER.get(text, text) + (" | None" if nullable and text != "Any" else "")


def filtered(annotation: Any, *, many: bool, nullable: bool) -> str:
    """The type of a filter's argument; ``many`` takes several values, any of which may match."""
    inner, _ = without_none(annotation)
    if get_origin(inner) is dict:
        return "Mapping[str, Any]"
    text = WIDER.get(source(inner), source(inner))
    if many:
        text = f"{text} | Iterable[{text}]"
    return f"{text} | None" if nullable else text


def vocabulary(annotation: Any) -> tuple[str, tuple[str, ...]] | None:
    """Name and members of the enumeration of words in this type, if it is one."""
    inner, _ = without_none(annotation)
    if isinstance(inner, type) and issubclass(inner, StrEnum):
        return inner.__name__, tuple(str(member) for member in inner)
    return None


def needs(text: str) -> set[str]:
    """Which importable names a type's source mentions."""
    known = {datetime.__name__, UUID.__name__, "Any", "Literal", "Mapping", "Iterable", "AsyncIterator", "Callable"}
    known.add("Self")
    cleaned = text
    for sign in "[]|,():":
        cleaned = cleaned.replace(sign, " ")
    return known & set(cleaned.split())
