"""Which queries keep their plan: those that one plan answers well, whatever their values are.

Postgres plans every other query anew for its values: a plan that was made for a common value would read the whole store
for a rare one. Planning takes about as long as reading a hundred rows.
"""

from functools import cache

from sqlalchemy import Table

from storax_core.queries.conditions import keyed_filters
from storax_core.queries.ordering import Key, keys_of
from storax_core.queries.query import Query
from storax_core.queries.tables import source_of
from storax_core.resources import Resource

COUNTED = frozenset({"state", "site_id"})  # fields of jobs by whose values every command keeps counts


def is_counted(resource: Resource, query: Query, by: str | None = None) -> bool:
    """Whether the counts that every command keeps answer: those of the present, by nothing but site and state.

    ``by``: the field by whose values the rows are counted; None, the default, where one number is the answer.
    """
    fields = query.filter.keys() | ({by} if by else set())
    return resource.counted and query.as_of is None and not query.exclude and fields <= COUNTED


def is_kept(resource: Resource, query: Query) -> bool:
    """Whether a query keeps its plan: it finds its rows by key, or reads an owner's first rows in an index's order."""
    counted = is_counted(resource, query)
    if query.as_of is not None or query.exclude or query.offset or (query.count and not counted):
        return False
    if query.limit == 0:
        return counted
    if query.filter:
        return query.filter.keys() <= {"id"} | keyed_filters(resource.entity)
    return is_in_order(resource.entity, keys_of(resource, query.ordering))


@cache
def is_in_order(entity: str, keys: tuple[Key, ...]) -> bool:
    """Whether an index has the rows of each owner in this order."""
    wanted = ["owner_id", *(key.name for key in keys)]
    if len({key.down for key in keys}) > 1:
        return False
    table = source_of(entity).state.element
    assert isinstance(table, Table)  # noqa: S101  (it is an alias of one)
    return any([column.name for column in index.columns][: len(wanted)] == wanted for index in table.indexes)
