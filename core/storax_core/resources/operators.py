"""The operators of filters. One entry here is all that an operator needs: routes, OpenAPI and client follow from it."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Any, Literal

from sqlalchemy import ColumnElement, any_, func, literal_column

from storax_core.resources.types import Text

Kind = Literal["any", "number", "text", "time", "json"]
SCALAR: tuple[Kind, ...] = ("any", "number", "text", "time")


@dataclass(frozen=True)
class Operator:
    """How a filter compares a column to its value.

    ``kinds``: the kinds of fields that take it; ``test``: the condition, from the column and the value's parameter;
    ``doc``: one sentence with ``{}`` for the field; ``suffix``: what follows the field's name in the filter's;
    ``value_type``: type of the value, by default the field's own; ``many``: whether its parameter is an array, and the
    value may be a list or null; ``negated``: whether it lets pass what the test does not, nulls included.
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
        Operator("before", ("time",), "{} before this time (UTC).", lt, suffix="_before"),
        Operator("after", ("time",), "{} after this time (UTC).", gt, suffix="_after"),
        Operator("contains_json", ("json",), "{} contains all of these keys and values.", _contains_json, suffix=""),
        Operator("isnull", SCALAR, "Whether {} is null.", _is_null, value_type=bool),
    )
}


def names_for(kind: Kind) -> tuple[str, ...]:
    """Names of the operators that fields of a kind take."""
    return tuple(name for name, operator in OPERATORS.items() if kind in operator.kinds)
