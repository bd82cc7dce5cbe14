"""The objects that a report is called with: of a query or any other iterable, checked."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from storax._orm.instance import Model
from storax._orm.query import Query
from storax.errors import InvalidInput

M = TypeVar("M", bound=Model)


def rows_of(model: type[M], source: Iterable[M], report: str, **narrower: Any) -> Iterator[M]:
    """Yield the objects of a query or iterable; a query that was not read is read page by page.

    Args:
        model: What they must be.
        source: The query or iterable.
        report: Name of the caller, for messages.
        narrower: Filters that every object of use passes; the server applies them to a query.

    Raises:
        InvalidInput: It is no iterable of such objects, or its filters exclude all of use.
    """
    noun = model.__name__
    hint = f"Call it with a query such as {noun}.objects.filter(...), or with a list of {noun}s."
    if isinstance(source, Query):
        if not issubclass(source._model, model):
            raise InvalidInput(f"{report}() takes {noun}s, not {source._noun}s.", hint=hint)
        yield from source if source._cache is not None else _narrowed(source, report, narrower).iterator()
        return
    if not isinstance(source, Iterable):
        raise InvalidInput(f"{report}() takes {noun}s, not {_name_of(source)}.", hint=hint)
    for row in source:
        if not isinstance(row, model):
            raise InvalidInput(f"{report}() takes {noun}s; among them is {_name_of(row)}.", hint=hint)
        yield row


def _narrowed(query: Any, report: str, narrower: dict[str, Any]) -> Any:
    """Add filters to a query, unless it is a slice.

    Raises:
        InvalidInput: Nothing can match them and those of the query.
    """
    plan = query._plan
    if plan.nothing or not plan.window.whole:
        return query
    for name, value in narrower.items():
        query = query.filter(**{name: value})
        if query._plan.nothing:
            raise InvalidInput(
                f"{report}() takes {query._noun}s with {name}={value!r}; this query has {name}={plan.where[name]!r}.",
                hint=f"Leave out {name}.",
            )
    return query


def _name_of(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"
