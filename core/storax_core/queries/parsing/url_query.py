"""A query as a URL has it: filters by name, beside them the options of a list."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from storax_core.errors import Invalid
from storax_core.queries import past
from storax_core.queries.filters import selection_of
from storax_core.queries.ordering import keys_of
from storax_core.queries.query import Query, columns_of
from storax_core.resources import Resource
from storax_core.suggest import nearest

NOBODY = 0  # the owner, where only the form of a query counts
Parse = Callable[[bytes], Any]


def options_of(
    resource: Resource, pairs: Iterable[tuple[str, str]], others: Sequence[str], parse: Parse
) -> dict[str, Any]:
    """Return the fields of the Query that a URL's parameters mean, their values not yet checked.

    ``others`` are the names of parameters that are no filters. ``parse`` reads JSON. Raises Invalid for any other name.
    """
    named: dict[str, list[str]] = {}
    for name, value in pairs:
        named.setdefault(name, []).append(value)
    options: dict[str, Any] = {}
    filters: dict[str, Any] = {}
    for name, values in named.items():
        if name in others:
            options[name] = values[-1]
        elif name in resource.filters:
            filters[name] = _filter_value(resource, name, values, parse)
        else:
            raise Invalid(
                f"{resource.path} knows no parameter {name!r}", hint=nearest(name, [*resource.filters, *others])
            )
    for name in ("ordering", "fields"):
        if name in options:
            options[name] = options[name].split(",")
    if "exclude" in options:
        options["exclude"] = [parse(value.encode()) for value in named["exclude"]]
    return {**options, "filter": filters}


def _filter_value(resource: Resource, name: str, values: list[str], parse: Parse) -> Any:
    spec = resource.filters[name]
    is_json = spec.op == "contains_json" or (spec.join is not None and spec.name == "tags")
    if not is_json:
        return values if len(values) > 1 else values[0]
    out: dict[str, Any] = {}
    for text in values:
        if text.startswith("{"):
            out |= parse(text.encode())
        elif ":" in text:
            key, _, value = text.partition(":")
            out[key] = value
        else:
            raise Invalid(f"filter {name} takes KEY:VALUE or a JSON object, not {text[:60]!r}")
    return out


def require_valid(resource: Resource, query: Query) -> None:
    """Raise Invalid for what a list refuses whatever rows there are: a filter, its value, an order, a field."""
    selection_of(resource, NOBODY, query.filter, query.exclude)
    keys_of(resource, query.ordering)
    columns_of(resource, query.fields)
    if query.as_of is not None:
        past.require_own_fields(resource, set(query.filter).union(*query.exclude))
