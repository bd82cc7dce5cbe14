"""Filters, compiled to conditions with parameters. Names come from the resource's declaration alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal, Optional, get_args, get_origin

import orjson
from pydantic import BeforeValidator, Field, FiniteFloat, TypeAdapter, ValidationError

from storax_core.database.aliases import column
from storax_core.errors import Invalid
from storax_core.lifecycle.states import BatchJobState, JobState, TransferState
from storax_core.log.event_types import EVENT_TYPES
from storax_core.resources import BY_ENTITY, EVENTS, JOBS, Resource
from storax_core.resources.base import FilterSpec, optional_inner
from storax_core.resources.types import JsonObject, Text, TextMap, UtcTime
from storax_core.suggest import nearest

OPS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "before": "<", "after": ">"}


@dataclass
class Where:
    """A growing condition and its parameters; the first is the owner."""

    params: list[Any]
    parts: list[str] = field(default_factory=list)

    def param(self, value: Any) -> str:
        """Add a parameter and return its place."""
        self.params.append(value)
        return f"${len(self.params)}"

    @property
    def sql(self) -> str:
        """All parts, joined by AND."""
        return " AND ".join(self.parts)


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("give a number, not true or false")  # noqa: TRY004  (pydantic turns only this into an error)
    return value


def _whole(bits: int) -> Any:
    return Annotated[int, BeforeValidator(_no_bool), Field(ge=-(2 ** (bits - 1)), le=2 ** (bits - 1) - 1)]


_NUMBERS: dict[str, Any] = {
    "bigint": _whole(64),
    "integer": _whole(32),
    "smallint": _whole(16),
    "float": Annotated[FiniteFloat, BeforeValidator(_no_bool)],
}


# Closed lists behind the log's text fields: a misspelt word would else find nothing and say nothing.
_EVENT_WORDS: dict[str, tuple[str, ...]] = {
    "entity": tuple(BY_ENTITY),
    "type": tuple(EVENT_TYPES),
    **dict.fromkeys(("from_state", "to_state"), tuple(dict.fromkeys((*JobState, *BatchJobState, *TransferState)))),
}


def _choices(spec: FilterSpec, kind: Any) -> tuple[str, ...]:
    """The words that a value is one of, where they are known."""
    if spec.field is not None and spec.field.table == EVENTS.table and spec.name in _EVENT_WORDS:
        return _EVENT_WORDS[spec.name]
    if get_origin(kind) is Literal:
        return get_args(kind)
    return tuple(kind) if isinstance(kind, type) and issubclass(kind, StrEnum) else ()


def _kind(spec: FilterSpec) -> Any:
    """The type of one value. Unlike a field's own it takes numbers as text, from URLs, and any bound of a range."""
    bare = optional_inner(spec.annotation)
    bare = get_args(bare)[0] if get_origin(bare) is Annotated else bare
    if spec.op in ("contains", "startswith") or bare is str:
        return Text
    if get_origin(bare) is dict:
        return TextMap if get_args(bare)[1] is str else JsonObject
    if bare in (int, float):
        return _NUMBERS[spec.field.pg_type if spec.field else "bigint"]
    return UtcTime if bare is datetime else bare


@cache
def _adapter(spec: FilterSpec) -> tuple[TypeAdapter[Any], TypeAdapter[Any], tuple[str, ...]]:
    """Validators of one value and of a list, and the words to choose from where there are such."""
    kind = _kind(spec)
    choices = _choices(spec, kind)
    if choices and kind is Text:
        kind = Literal[choices]
    return TypeAdapter(kind), TypeAdapter(list[Optional[kind]]), choices  # type: ignore[valid-type]  # noqa: UP045


def value_of(resource: Resource, spec: FilterSpec, raw: Any) -> Any:
    """The filter's value in its own type; a list where a list was given. Raises Invalid."""
    one, many, choices = _adapter(spec)
    try:
        return many.validate_python(raw) if isinstance(raw, list) else one.validate_python(raw)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False)[0]
        words = fault["msg"].removeprefix("Value error, ")
        words = words if len(words) < 400 else "no such word"
        got = str(fault["input"])
        hint = nearest(got, choices) if choices else ""
        raise Invalid(f"filter {spec.name} of {resource.path}: {words} (got {got[:80]!r})", hint=hint) from None


def _condition(resource: Resource, where: Where, spec: FilterSpec, raw: Any) -> str:
    if spec.join:
        return _join(resource, where, spec, raw)
    assert spec.field is not None  # noqa: S101  (only joins have none)
    col = column(resource, spec.field.name)
    if spec.op in ("eq", "ne"):
        found = _equality(resource, where, spec, raw)
        return found if spec.op == "eq" else f"NOT coalesce({found}, false)"
    if isinstance(raw, list):
        raise Invalid(f"filter {spec.name} of {resource.path} takes one value, not a list")
    return _COMPARE[spec.op](resource, where, spec, value_of(resource, spec, raw), col)


def _equality(resource: Resource, where: Where, spec: FilterSpec, raw: Any) -> str:
    assert spec.field is not None  # noqa: S101
    col = column(resource, spec.field.name)
    values = value_of(resource, spec, raw if isinstance(raw, list) else [raw])
    known = [str(v) if isinstance(v, str) else v for v in values if v is not None]
    equal = f"{col} = ANY({where.param(known)}::{spec.field.pg_type}[])"
    return f"({col} IS NULL OR {equal})" if None in values else equal


def _is_null(_r: Resource, _w: Where, _s: FilterSpec, value: Any, col: str) -> str:
    return f"{col} IS {'' if value else 'NOT '}NULL"


def _contains(_r: Resource, where: Where, _s: FilterSpec, value: Any, col: str) -> str:
    return f"strpos({col}, {where.param(value)}::text) > 0"


def _starts(_r: Resource, where: Where, _s: FilterSpec, value: Any, col: str) -> str:
    return f"starts_with({col}, {where.param(value)}::text)"


def _containment(resource: Resource, where: Where, _s: FilterSpec, value: Any, col: str) -> str:
    place = where.param(orjson.dumps(value).decode())
    if resource is JOBS and col == "t.tags":
        return f"s.id IN (SELECT jobs_with_tags({place}::jsonb))"
    return f"{col} @> {place}::jsonb"


def _ordered(_r: Resource, where: Where, spec: FilterSpec, value: Any, col: str) -> str:
    assert spec.field is not None  # noqa: S101
    return f"{col} {OPS[spec.op]} {where.param(value)}::{spec.field.pg_type}"


_COMPARE: dict[str, Callable[[Resource, Where, FilterSpec, Any, str], str]] = {
    "isnull": _is_null,
    "contains": _contains,
    "startswith": _starts,
    "contains_json": _containment,
    **dict.fromkeys(OPS, _ordered),
}


def _join(resource: Resource, where: Where, spec: FilterSpec, raw: Any) -> str:
    assert spec.join is not None  # noqa: S101
    if raw is None or (isinstance(raw, list) and (None in raw or not spec.join.many)):
        raise Invalid(
            f"filter {spec.name} of {resource.path} takes {'values' if spec.join.many else 'one value'}, not null"
        )
    value = value_of(resource, spec, raw)
    if spec.join.many:
        value = [str(v) if isinstance(v, str) else v for v in (value if isinstance(value, list) else [value])]
    elif isinstance(value, dict):
        value = orjson.dumps(value).decode()
    return spec.join.sql.format(p=where.param(value))


def conditions(resource: Resource, where: Where, filters: Mapping[str, Any]) -> list[str]:
    out = []
    for name, raw in filters.items():
        spec = resource.filters.get(name)
        if spec is None:
            raise Invalid(f"{resource.path} has no filter {name!r}", hint=nearest(name, resource.filters))
        out.append(_condition(resource, where, spec, raw))
    return out
