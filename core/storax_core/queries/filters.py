"""Filters of a query: their values, checked and typed, and their shape, which is all that the SQL depends on.

The operators themselves (``__gt``, ``__contains``) are ``OPERATORS`` in ``resources/fields.py``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Optional, get_args, get_origin

import orjson
from pydantic import BeforeValidator, Field, FiniteFloat, TypeAdapter, ValidationError

from storax_core import limits
from storax_core.errors import Invalid
from storax_core.lifecycle.states import BatchJobState, JobState, TransferState
from storax_core.log.event_types import EVENT_TYPES
from storax_core.resources import BY_ENTITY, EVENTS, JOBS, Resource
from storax_core.resources.base import FilterSpec, optional_inner
from storax_core.resources.types import JsonObject, Text, TextMap, UtcTime
from storax_core.suggest import nearest

MAX_VALUES = limits.CONDITIONS  # of one query, and of them


class ValueForm(StrEnum):
    """How a filter's value takes part in its condition."""

    VALUE = "value"  # a parameter
    VALUE_OR_NULL = "value or null"  # a parameter, or null
    ONE = "one"  # one value where several may stand: an index on it and the order then has a page in order
    TRUE = "true"  # no parameter: the condition as it is
    FALSE = "false"  # no parameter: its negation


class Condition(NamedTuple):
    """One filter of a query, without its value."""

    name: str
    form: ValueForm


class Log(StrEnum):
    """Where events are read: in the log, among those that were staged of archives, or both."""

    LIVE = "live"
    STAGED = "staged"
    WHOLE = "whole"


class QueryShape(NamedTuple):
    """The conditions of a query: all of ``filters``, and for each group of ``exclude`` not all of it.

    ``past``: of the rows as they were at a position of the log, whose place is behind the owner's. ``no_jobs``: of
    events that are all of other things than jobs, which have an index of their own. ``log``: where the events are, of
    which these rows are or are folded.
    """

    filters: tuple[Condition, ...] = ()
    exclude: tuple[tuple[Condition, ...], ...] = ()
    past: bool = False
    no_jobs: bool = False
    log: Log = Log.LIVE


@dataclass
class Selection:
    """A query's conditions and the values of its parameters: the owner first, then in the order of the conditions."""

    shape: QueryShape
    values: list[Any]

    def param(self, value: Any) -> str:
        """Add a value; returns its place in SQL text."""
        self.values.append(value)
        return f"(:p{len(self.values) - 1})"


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


# Closed lists behind the log's text fields: a misspelt value would match nothing without an error.
_EVENT_CHOICES: dict[str, tuple[str, ...]] = {
    "entity": tuple(BY_ENTITY),
    "type": tuple(EVENT_TYPES),
    **dict.fromkeys(("from_state", "to_state"), tuple(dict.fromkeys((*JobState, *BatchJobState, *TransferState)))),
}


def _choices(spec: FilterSpec, kind: Any) -> tuple[str, ...]:
    """The closed list that a value is one of, where there is one."""
    if spec.field is not None and spec.field.table == EVENTS.table and spec.name in _EVENT_CHOICES:
        return _EVENT_CHOICES[spec.name]
    if get_origin(kind) is Literal:
        return get_args(kind)
    return tuple(kind) if isinstance(kind, type) and issubclass(kind, StrEnum) else ()


def _kind(spec: FilterSpec) -> Any:
    """The type of one value. Unlike a field's own it takes numbers as text, from URLs, and any bound of a range."""
    if spec.operator and spec.operator.value_type:
        return spec.operator.value_type
    bare = optional_inner(spec.annotation)
    bare = get_args(bare)[0] if get_origin(bare) is Annotated else bare
    if bare is str:
        return Text
    if get_origin(bare) is dict:
        return TextMap if get_args(bare)[1] is str else JsonObject
    if bare in (int, float):
        return _NUMBERS[spec.field.pg_type if spec.field else "bigint"]
    return UtcTime if bare is datetime else bare


@cache
def _adapter(spec: FilterSpec) -> tuple[TypeAdapter[Any], TypeAdapter[Any], tuple[str, ...]]:
    """Validators of one value and of a list, and the closed list of values where there is one."""
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
        reason = fault["msg"].removeprefix("Value error, ")
        reason = reason if len(reason) < 400 else "not one of its values"
        got = str(fault["input"])
        hint = nearest(got, choices) if choices else ""
        raise Invalid(f"filter {spec.name} of {resource.path}: {reason} (got {got[:80]!r})", hint=hint) from None


def selection_of(
    resource: Resource, owner_id: int, filters: Mapping[str, Any], exclude: Sequence[Mapping[str, Any]] = ()
) -> Selection:
    """Check filters and exclusions of one owner's rows. Raises Invalid."""
    values: list[Any] = [owner_id]
    filters, no_jobs = _with_kind(filters) if resource is EVENTS else (filters, False)
    own = _conditions(resource, filters, values)
    groups = (_conditions(resource, group, values) for group in exclude)
    shape = QueryShape(own, tuple(group for group in groups if group), no_jobs=no_jobs)
    if len(values) > MAX_VALUES:
        raise Invalid(
            f"{len(values)} filters in one query; at most {MAX_VALUES}", hint="Give a filter a list of values."
        )
    return Selection(shape, values)


def _with_kind(filters: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """Add the kind of thing that the types of events are of, and say whether all kinds are other than jobs."""
    types, kinds = _several(filters.get("type")), _several(filters.get("entity"))
    kinds = kinds or list(dict.fromkeys(EVENT_TYPES[name].entity for name in types if _is_type(name)))
    no_jobs = bool(kinds) and JOBS.entity not in kinds
    return ({"entity": kinds, **filters} if no_jobs else filters), no_jobs


def _is_type(name: Any) -> bool:
    return isinstance(name, str) and name in EVENT_TYPES


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _conditions(resource: Resource, filters: Mapping[str, Any], values: list[Any]) -> tuple[Condition, ...]:
    return tuple(Condition(name, _add_filter(resource, name, raw, values)) for name, raw in filters.items())


def _add_filter(resource: Resource, name: str, raw: Any, values: list[Any]) -> ValueForm:
    """Check one filter and add its value, if it has one."""
    spec = resource.filters.get(name)
    if spec is None:
        raise Invalid(f"{resource.path} has no filter {name!r}", hint=nearest(name, resource.filters))
    _require_value_kind(resource, spec, raw)
    if not spec.many:
        value = value_of(resource, spec, raw)
        if value is True or value is False:
            return ValueForm.TRUE if value else ValueForm.FALSE
        values.append(orjson.dumps(value).decode() if isinstance(value, dict) else value)
        return ValueForm.VALUE
    many = value_of(resource, spec, raw if isinstance(raw, list) else [raw])
    if resource is EVENTS and spec.op == "eq" and len(many) == 1 and many[0] is not None:
        values.append(many[0])
        return ValueForm.ONE
    values.append([str(v) if isinstance(v, str) else v for v in many if v is not None])
    return ValueForm.VALUE_OR_NULL if None in many else ValueForm.VALUE


def _require_value_kind(resource: Resource, spec: FilterSpec, raw: Any) -> None:
    """Raise Invalid for a list or a null where the filter takes none."""
    if spec.join and (raw is None or (isinstance(raw, list) and (None in raw or not spec.many))):
        raise Invalid(f"filter {spec.name} of {resource.path} takes {'values' if spec.many else 'one value'}, not null")
    if isinstance(raw, list) and not spec.many:
        raise Invalid(f"filter {spec.name} of {resource.path} takes one value, not a list")
