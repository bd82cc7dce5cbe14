"""Conditions of a query as SQLAlchemy expressions. A value is a parameter always, never text."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    ColumnElement,
    and_,
    bindparam,
    false,
    func,
    literal_column,
    not_,
    or_,
)

from storax_core.queries.filters import Condition, QueryShape, ValueForm
from storax_core.queries.tables import Source, fields_in
from storax_core.resources import BY_ENTITY, EVENTS, JOBS, Resource
from storax_core.resources.fields import Operator, selects_ids


class Parameters:
    """The parameters of one statement: ``p0``, ``p1``, ... by the places of their values."""

    def __init__(self, count: int = 0) -> None:
        self.count = count

    def add(self, type_: Any = None) -> BindParameter[Any]:
        """The next parameter."""
        parameter: BindParameter[Any] = bindparam(f"p{self.count}", type_=type_)
        self.count += 1
        return parameter


def all_of(
    source: Source, shape: QueryShape, parameters: Parameters, *, one_row: bool = False
) -> list[ColumnElement[bool]]:
    """The owner's rows, those of the log up to a position of the past, then every filter, then every exclusion.

    That events are of no jobs is said as text: only by that a plan for any values uses their index. Where rows are
    named (``one_row``: by a further condition) no index can answer the condition on the owner: a plan that was made for
    empty tables would take one that begins with it, and read all of the owner's rows for a few.
    """
    owner, by_key = parameters.add(BigInteger()), one_row or _names_rows(source.resource, shape)
    column = source.column("owner_id")
    return [
        column.is_not_distinct_from(owner) if by_key else column == owner,
        *(_until(source, parameters) if shape.past else ()),
        *([source.column("entity") != literal_column(f"'{JOBS.entity}'")] if shape.no_jobs else ()),
        *(_condition(source, one, shape, parameters) for one in shape.filters),
        *(_unless(and_(*_excluded(source, group, shape, parameters))) for group in shape.exclude),
    ]


@cache
def keyed_filters(entity: str) -> frozenset[str]:
    """Filters of a resource that find their rows by key, whatever their values are."""
    resource = BY_ENTITY[entity]
    declared = {one.name: one.sql for one in resource.join_filters if one.key == "id"} | resource.filter_sql
    return frozenset(name for name, sql in declared.items() if selects_ids(sql))


def _names_rows(resource: Resource, shape: QueryShape) -> bool:
    """Whether the filters name ids, or are all of those that find their rows by key."""
    names = {condition.name for condition in shape.filters}
    return "id" in names or (bool(names) and not shape.past and names <= keyed_filters(resource.entity))


def _until(source: Source, parameters: Parameters) -> list[ColumnElement[bool]]:
    """The rows of the log up to the position of the past; the rows of others are folded up to it already."""
    position = parameters.add(BigInteger())
    return [source.column("position") <= position] if source.resource is EVENTS else []


def fields_read(resource: Resource, shape: QueryShape) -> Iterator[str]:
    """Names of the fields that the conditions read."""
    for condition in (*shape.filters, *(one for group in shape.exclude for one in group)):
        spec, sql = resource.filters[condition.name], _declared(resource, condition.name, shape, excluded=False)
        yield from fields_in(sql) if sql else [spec.field.name] if spec.field else []


def _declared(resource: Resource, name: str, shape: QueryShape, *, excluded: bool) -> str | None:
    """SQL that a resource declares for a filter. That of a field finds rows of the present by an index of theirs.

    Selected ids stand as an array: any plan looks their rows up. For rows to leave out they are a set, which is hashed.
    """
    join = resource.filters[name].join
    sql = join.sql if join else None if shape.past else resource.filter_sql.get(name)
    if sql is None or not selects_ids(sql):
        return sql
    key = join.key if join else "id"
    return f"{{{key}}} IN ({sql})" if excluded else f"{{{key}}} = ANY(ARRAY({sql}))"


def _unless(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Rows for which a condition is not true: false or unknown."""
    return not_(func.coalesce(condition, false()))


def _excluded(
    source: Source, group: tuple[Condition, ...], shape: QueryShape, parameters: Parameters
) -> Iterator[ColumnElement[bool]]:
    return (_condition(source, one, shape, parameters, excluded=True) for one in group)


def _condition(
    source: Source, condition: Condition, shape: QueryShape, parameters: Parameters, *, excluded: bool = False
) -> ColumnElement[bool]:
    declared = _declared(source.resource, condition.name, shape, excluded=excluded)
    if declared:
        return source.declared(declared, parameters.add())  # type: ignore[return-value]  # text stands for a condition
    spec = source.resource.filters[condition.name]
    assert spec.field is not None  # noqa: S101  (only declared ones have none)
    assert spec.operator is not None  # noqa: S101
    return _compare(source.column(spec.field.name), spec.operator, condition.form, parameters)


def _compare(
    column: ColumnElement[Any], operator: Operator, form: ValueForm, parameters: Parameters
) -> ColumnElement[bool]:
    if form in (ValueForm.TRUE, ValueForm.FALSE):
        test = operator.test(column, false())
        return test if form is ValueForm.TRUE else not_(test)
    if form is ValueForm.ONE:
        return column == parameters.add(column.type)
    test = operator.test(column, parameters.add(ARRAY(column.type) if operator.many else column.type))
    test = or_(column.is_(None), test) if form is ValueForm.VALUE_OR_NULL else test
    return _unless(test) if operator.negated else test
