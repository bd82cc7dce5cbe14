"""A resource's tables as a SELECT names them: ``t`` is the main table, ``s`` the one that holds the state."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from string import Formatter
from typing import Any

from sqlalchemy import Alias, BindParameter, ColumnElement, FromClause, TextClause, text

from storax_core.resources import BY_ENTITY, Resource

VALUE = "value"  # the place of a filter's value in declared SQL


@dataclass(frozen=True)
class Source:
    """The tables of one resource; both are one where the resource has no hot half."""

    resource: Resource
    main: Alias
    state: Alias

    def is_hot(self, name: str) -> bool:
        """Whether a field stands in the state table."""
        if self.main is self.state or name in ("id", "owner_id"):
            return True
        return name in self.state.c and name not in self.main.c

    def column(self, name: str) -> ColumnElement[Any]:
        """A stored field."""
        column: ColumnElement[Any] = (self.state if self.is_hot(name) else self.main).c[name]
        return column

    def tables(self, fields: Iterable[str]) -> FromClause:
        """The smallest FROM clause that has these fields."""
        return self.state if all(map(self.is_hot, fields)) else self.both()

    def both(self) -> FromClause:
        """The FROM clause of all fields."""
        return self.state if self.main is self.state else self.state.join(self.main, self.main.c.id == self.state.c.id)

    def declared(self, sql: str, value: BindParameter[Any] | None = None) -> TextClause:
        """SQL that a resource declares, with its ``{field}`` names and its ``{value}`` filled in."""
        columns = {name: self.column(name) for name in fields_in(sql)}
        names = {name: f"{column.table.name}.{column.name}" for name, column in columns.items()}
        if value is None:
            return text(sql.format(**names))
        return text(sql.format(**names, **{VALUE: f"(:{value.key})"})).bindparams(value)


@cache
def source_of(entity: str) -> Source:
    """The tables of a resource."""
    resource = BY_ENTITY[entity]
    main: Alias = resource.model.__table__.alias("t")  # type: ignore[attr-defined]
    state = resource.state_row.__table__.alias("s") if resource.state_row else main  # type: ignore[attr-defined]
    return Source(resource, main, state)


def fields_in(sql: str) -> list[str]:
    """Names of the fields that declared SQL reads."""
    return [name for _, name, _, _ in Formatter().parse(sql) if name and name != VALUE]
