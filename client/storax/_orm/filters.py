"""Filters: names and values are checked at once; several on one field are combined with AND where that is possible.

Which filters a field has is declared at the server: ``OPERATORS`` in the core's ``resources/fields.py``.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from storax._orm.kinds import Rejected, kind_of
from storax._runtime.suggestions import unknown
from storax._runtime.unset import UNSET
from storax.errors import InvalidInput, UnknownName

# Two filters of these operators on one field become one: the stricter of the two values.
_STRICTER = {"gt": max, "gte": max, "after": max, "lt": min, "lte": min, "before": min}

# Lookups of Django that have another form here.
_DJANGO = {
    "in": "A list means any of its values: {0}=[...].",
    "exact": "Equality has no suffix: {0}=...",
}


class Filter(NamedTuple):
    """One filter: the type of its value, its operator, and whether a list means "any of these"."""

    annotation: Any
    op: str = "eq"
    many: bool = False


class Nothing(Exception):
    """These filters cannot match anything."""


def clauses(noun: str, known: Mapping[str, Filter], filters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the filters as JSON, by name.

    Raises:
        UnknownName: there is no such filter; the message names the nearest.
        InvalidInput: a value is of the wrong type.
        Nothing: an empty list, tuple or set is among the values.
    """
    body = {}
    for name, value in filters.items():
        if value is UNSET:
            continue
        if name not in known:
            raise _unknown(noun, name, known)
        body[name] = _checked(noun, name, known[name], value)
    return body


def _unknown(noun: str, name: str, known: Mapping[str, Filter]) -> UnknownName:
    """Return the error for a filter that there is not; one that Django has gets its form here."""
    field, _, lookup = name.rpartition("__")
    if field in known and lookup in _DJANGO:
        return UnknownName(f"{noun} has no filter {name!r}.", hint=_DJANGO[lookup].format(field))
    return unknown(f"{noun} has no filter", name, known)


def _checked(noun: str, name: str, filter_: Filter, value: Any) -> Any:
    try:
        return _value(filter_, value)
    except Rejected as error:
        raise InvalidInput(f"Filter {name} of {noun}: {error.message}.", hint=error.hint) from None


def _value(filter_: Filter, value: Any) -> Any:
    value = getattr(value, "id", value) if hasattr(value, "_spec") else value
    if filter_.op == "contains_json":
        return None if value is None else kind_of(filter_.annotation).accept(_pairs(value))
    if value is None:
        return None
    accept = kind_of(filter_.annotation).accept
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return accept(value)
    if not filter_.many:
        raise Rejected("it takes one value, not several")
    values = list(value)
    if not values:
        raise Nothing
    if None in values:
        raise Rejected("None does not go with other values", hint="Filter for null in a query of its own.")
    return [accept(getattr(v, "id", v) if hasattr(v, "_spec") else v) for v in values]


def _pairs(value: Any) -> Any:
    """Return the dict of a containment filter; "key:value" texts, one or several, are parsed, as in Balsam."""
    if isinstance(value, Mapping):
        return dict(value)
    texts = [value] if isinstance(value, str) else list(value)
    wrong = next((t for t in texts if not isinstance(t, str) or ":" not in t), None)
    if wrong is not None:
        raise Rejected(f"{wrong!r} is no key and value", hint='Write {"key": "value"} or "key:value".')
    if not texts:
        raise Nothing
    return dict(t.split(":", 1) for t in texts)


def both(noun: str, known: Mapping[str, Filter], old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return filters that match what both ``old`` and ``new`` match.

    Raises:
        Nothing: no value can match both.
        InvalidInput: one query cannot express both.
    """
    merged = dict(old)
    for name, value in new.items():
        merged[name] = _and(noun, name, known[name].op, old[name], value) if name in old else value
    return merged


def _and(noun: str, name: str, op: str, old: Any, new: Any) -> Any:
    if old == new:
        return old
    if op == "eq":
        return _common(old, new)
    if op == "ne" and old is not None and new is not None:
        return list(dict.fromkeys([*_many(old), *_many(new)]))
    if op in _STRICTER and old is not None and new is not None:
        return _STRICTER[op](old, new)
    if op == "contains_json" and isinstance(old, dict) and isinstance(new, dict):
        return _merged(noun, name, old, new)
    if op == "isnull":
        raise Nothing
    raise InvalidInput(
        f"Filter {name} of {noun} stands twice in this query, as {old!r} and as {new!r}; it can stand once.",
        hint="Build the second query from an unfiltered one.",
    )


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _common(old: Any, new: Any) -> Any:
    common = [v for v in _many(old) if v in _many(new)]
    if not common:
        raise Nothing
    return common if isinstance(old, list) and isinstance(new, list) else common[0]


def _merged(noun: str, name: str, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return a dict that contains both; scalars that differ cannot be combined."""
    merged = dict(old)
    for key, value in new.items():
        if key not in old or old[key] == value:
            merged[key] = value
        elif isinstance(old[key], dict) and isinstance(value, dict):
            merged[key] = _merged(noun, name, old[key], value)
        elif isinstance(old[key], list) and isinstance(value, list):
            merged[key] = old[key] + [v for v in value if v not in old[key]]
        else:
            raise Nothing
    return merged
