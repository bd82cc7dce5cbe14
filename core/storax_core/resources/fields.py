"""One field of a resource: how it may be used from outside, the operators of filters, and the filters that follow.

One entry of ``OPERATORS`` is all that an operator needs: SQL, URLs, OpenAPI, client and docs follow from it.
"""

import types
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from operator import ge, gt, le, lt
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from sqlalchemy import ColumnElement, any_, func, literal_column
from sqlmodel import SQLModel

from storax_core.resources.types import JsonObject, Text

Kind = Literal["any", "number", "text", "time", "json"]
SCALAR: tuple[Kind, ...] = ("any", "number", "text", "time")


@dataclass(frozen=True)
class Operator:
    """How a filter compares a column to its value.

    ``kinds``: the kinds of fields that take it; ``test``: the condition, from the column and the value's parameter;
    ``doc``: one sentence with ``{}`` for the field; ``suffix``: what follows the field's name in the filter's;
    ``value_type``: type of the value, by default the field's own; ``many``: whether its parameter is an array, and the
    value may be a list or null; ``negated``: true: keep the rows for which the test is false or null.
    """

    name: str
    kinds: tuple[Kind, ...]
    doc: str
    test: Callable[[ColumnElement[Any], ColumnElement[Any]], ColumnElement[bool]]
    suffix: str | None = None
    value_type: Any = None
    many: bool = False
    negated: bool = False

    def filter_name(self, field: str) -> str:
        """The name of the filter of a field by this operator."""
        return field + (f"__{self.name}" if self.suffix is None else self.suffix)


def _is_any(column: ColumnElement[Any], values: ColumnElement[Any]) -> ColumnElement[bool]:
    return column == any_(values)


def _contains(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return func.strpos(column, value) > literal_column("0")


def _contains_json(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return column.bool_op("@>")(value)


def _is_null(column: ColumnElement[Any], _: ColumnElement[Any]) -> ColumnElement[bool]:
    return column.is_(None)


OPERATORS = {
    operator.name: operator
    for operator in (
        Operator("eq", SCALAR, "Equal to this {}, or to any of a list.", _is_any, suffix="", many=True),
        Operator("ne", ("any", "number", "text"), "Not this {}, nor any of a list.", _is_any, many=True, negated=True),
        Operator("gt", ("number",), "{} above this.", gt),
        Operator("gte", ("number",), "{} at or above this.", ge),
        Operator("lt", ("number",), "{} below this.", lt),
        Operator("lte", ("number",), "{} at or below this.", le),
        Operator("contains", ("text",), "{} contains this text.", _contains, value_type=Text),
        Operator("startswith", ("text",), "{} starts with this text.", func.starts_with, value_type=Text),
        Operator("before", ("time",), "{} before this time.", lt, suffix="_before"),
        Operator("after", ("time",), "{} after this time.", gt, suffix="_after"),
        Operator("contains_json", ("json",), "{} contains all of these keys and values.", _contains_json, suffix=""),
        Operator("isnull", SCALAR, "Whether {} is null.", _is_null, value_type=bool),
    )
}


def names_for(kind: Kind) -> tuple[str, ...]:
    """Names of the operators that fields of a kind take."""
    return tuple(name for name, operator in OPERATORS.items() if kind in operator.kinds)


# The operators of a field's filters, by its kind.
EQ, NUMBER, TEXT, TIME, JSON = (names_for(kind) for kind in ("any", "number", "text", "time", "json"))


@dataclass(frozen=True)
class Mark:
    """How one field may be used from outside.

    ``filter`` lists the operators, ``write`` is any of "create", "update" and "merge", which lets an update name single
    keys of a dictionary; ``order`` allows sorting by it; ``volatile``
    keeps it out of the event log (heartbeats); ``secret`` never leaves the server; ``derived`` is kept by the server
    beside the log and rebuilt from other facts.
    """

    filter: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    order: bool = False
    volatile: bool = False
    secret: bool = False
    derived: bool = False


CREATE, UPDATE, BOTH = ("create",), ("update",), ("create", "update")
BY_KEY = (*BOTH, "merge")
MERGE, REMOVE = "__merge", "__remove"


@dataclass(frozen=True)
class FieldSpec:
    """One field of a resource, read off its table declaration."""

    name: str
    annotation: Any
    info: FieldInfo
    mark: Mark
    table: str
    pg_type: str

    @property
    def description(self) -> str:
        """One to three sentences for docs and docstrings."""
        return self.info.description or ""

    @property
    def nullable(self) -> bool:
        """Whether null is a legal value."""
        return type(None) in get_args(self.annotation)

    @property
    def required(self) -> bool:
        """Whether a create must give it."""
        return self.info.is_required()

    @cached_property
    def default(self) -> Any:
        """The value when a create leaves it out; nobody may change it. Kept: pydantic inspects a factory each time."""
        return self.info.get_default(call_default_factory=True, validated_data={})

    @property
    def choices(self) -> tuple[str, ...]:
        """The legal values, where the field is an enumeration."""
        kinds = [self.annotation, *get_args(self.annotation)]
        return next((tuple(str(m) for m in k) for k in kinds if isinstance(k, type) and issubclass(k, StrEnum)), ())

    @property
    def merge_type(self) -> Any:
        """The type of the keys and values that an update merges into it."""
        return self.validated_type if get_args(self.annotation)[1] is str else JsonObject

    @property
    def validated_type(self) -> Any:
        """The annotation with its constraints, for a derived model."""
        return Annotated[(self.annotation, *self.info.metadata)] if self.info.metadata else self.annotation


def spec_of(name: str, info: FieldInfo, table: str, model: type[SQLModel]) -> FieldSpec:
    """A field as its table declares it."""
    mark = next((m for m in info.metadata if isinstance(m, Mark)), Mark())
    column = model.__table__.c[name]  # type: ignore[attr-defined]
    pg_type = str(column.type.compile(dialect=_postgres())).lower().replace("timestamp with time zone", "timestamptz")
    return FieldSpec(name, info.annotation, info, mark, table, pg_type)


def _postgres() -> Any:
    from sqlalchemy.dialects import postgresql

    return postgresql.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class JoinFilter:
    """A filter that is no column of its own: ``sql`` is its condition, with ``{value}`` and ``{field}`` names.

    It may be a SELECT of the ids of all rows that match instead (``selects_ids``), or of all values that the field
    ``key`` has in them.
    ``names`` is the entity whose names it takes, where it does: a misspelt one is an error, not an empty answer.
    """

    name: str
    annotation: Any
    sql: str
    description: str
    many: bool = False
    names: str = ""
    key: str = "id"


def selects_ids(sql: str) -> bool:
    """Whether the SQL of a filter selects ids of what matches, instead of being a condition on each row."""
    return sql.startswith(("SELECT ", "WITH "))


@dataclass(frozen=True)
class FilterSpec:
    """One filter: its outside name, the type of its value, the field and operator behind it."""

    name: str
    annotation: Any
    field: FieldSpec | None
    op: str
    description: str
    join: JoinFilter | None = None

    @classmethod
    def of(cls, spec: FieldSpec, op: str) -> "FilterSpec":
        """The filter of ``spec`` by ``op``; equality and JSON containment carry the bare field name."""
        operator = OPERATORS[op]
        kind = bool if operator.value_type is bool else spec.annotation
        return cls(operator.filter_name(spec.name), kind, spec, op, operator.doc.format(spec.name))

    @property
    def operator(self) -> Operator | None:
        """How it compares its field; None where it is no column of its own."""
        return OPERATORS.get(self.op)

    @property
    def many(self) -> bool:
        """Whether a list of values means "any of these"."""
        return OPERATORS[self.op].many if self.join is None else self.join.many


def optional_inner(annotation: Any) -> Any:
    """``X`` of ``X | None``; the annotation itself otherwise."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(a for a in get_args(annotation) if a is not type(None))
    return annotation
