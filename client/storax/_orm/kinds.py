"""Conversion by type: from a user's value to raw JSON, and from raw JSON to Python.

Values of the exact type pass without a call into pydantic; anything else goes through a TypeAdapter made on first use.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from storax._json_values import Unstorable, plain, shown
from storax.errors import InvalidInput

_TEXT_ONLY: tuple[set[type], ...] = ({str}, set())
_TEXT = frozenset({str})
_SMALL = 2**63


class Rejected(InvalidInput):
    """A value of the wrong type; the caller, who knows the field's name, turns it into the final error."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One type: ``accept`` turns a user's value into raw JSON, ``read`` raw JSON into Python (None: as it is)."""

    accept: Callable[[Any], Any]
    read: Callable[[Any], Any] | None = None
    mutable: bool = False
    choices: tuple[str, ...] = ()


def utc_text(value: datetime) -> str:
    """Format a time as ISO 8601 in UTC; one without a zone is local time, as everywhere in Python.

    Raises:
        Rejected: it lies outside the years 1 to 9999.
    """
    try:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        raise Rejected(f"{value} lies outside the years 1 to 9999 (UTC)") from None


def read_time(raw: str) -> datetime:
    """Parse a time of the server, ISO 8601 with a zone, as an aware UTC time."""
    return datetime.fromisoformat(raw).astimezone(UTC)


@lru_cache(maxsize=512)
def kind_of(annotation: Any) -> Kind:
    """Return the kind of a type: a scalar, Literal, time, UUID, or a dict or list of JSON; each may have ``| None``."""
    inner, nullable = _without_none(annotation)
    kind = _plain_kind(inner)
    if not nullable:
        return kind
    return Kind(_or_none(kind.accept), kind.read, kind.mutable, kind.choices)


def _plain_kind(annotation: Any) -> Kind:
    origin = get_origin(annotation)
    if annotation is Any:
        return Kind(plain, mutable=True)
    if origin is Literal:
        return _literal(get_args(annotation))
    if annotation is datetime:
        return Kind(_accept_time, read_time)
    if getattr(annotation, "__name__", "") == "UUID":
        return Kind(_accept_uuid, annotation)
    if origin in (dict, list):
        return Kind(_container(annotation, origin, get_args(annotation)), mutable=True)
    return Kind(_exact(annotation))


def _exact(annotation: Any) -> Callable[[Any], Any]:
    exact = {int, float} if annotation is float else {annotation}

    def accept(value: Any) -> Any:
        return value if type(value) in exact else _coerce(annotation, value)

    return accept


def _literal(choices: tuple[str, ...]) -> Kind:
    known = frozenset(choices)

    def accept(value: Any) -> Any:
        text = str(getattr(value, "value", value))
        if text in known:
            return text
        from storax._runtime.suggestions import nearest

        raise Rejected(f"{shown(value)} is not one of its values", hint=nearest(text, choices))

    return Kind(accept, choices=choices)


def _accept_time(value: Any) -> str:
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, date):
        return utc_text(datetime.combine(value, time()))
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise Rejected(f"{shown(value)} is no ISO 8601 time", hint="Write it as 2026-01-31T12:00:00Z.") from None
        return utc_text(moment)
    raise Rejected(f"{shown(value)} is no time", hint="Give a datetime, or text such as 2026-01-31T12:00:00Z.")


def _accept_uuid(value: Any) -> str:
    from uuid import UUID

    try:
        return str(value if isinstance(value, UUID) else UUID(str(value)))
    except ValueError:
        raise Rejected(f"{shown(value)} is no UUID", hint="Write it as 123e4567-e89b-12d3-a456-426614174000.") from None


def _container(annotation: Any, origin: type, args: tuple[Any, ...]) -> Callable[[Any], Any]:
    """Return an ``accept`` that passes dicts and lists of the exact types, as a shallow copy, and coerces others."""
    item = args[-1]
    fits: tuple[set[type], ...] | None = ({item}, set()) if item in (str, int) else None
    of_dict = origin is dict

    def accept(value: Any) -> Any:
        if item is Any:
            return _plain_container(annotation, origin, value)
        if type(value) is not origin:
            return _coerce(annotation, value)
        items: Any = value
        if of_dict and set(map(type, items)) not in _TEXT_ONLY:
            return _coerce(annotation, value)
        if fits and set(map(type, items.values() if of_dict else items)) not in fits:
            return _coerce(annotation, value)
        return items.copy()

    return accept


def _plain_container(annotation: Any, origin: type, value: Any) -> Any:
    """Return a dict or list of any JSON as plain data, a copy."""
    if type(value) is not origin:
        value = _coerce(annotation, value)
    if origin is dict:
        simple = _TEXT.issuperset(map(type, value)) and _are_simple(value) and _are_simple(value.values())
    else:
        simple = _are_simple(value)
    return value.copy() if simple else plain(value)


def _are_simple(values: Any) -> bool:
    """Return whether all are plain at a glance: ASCII text, small whole numbers, finite floats, bool or None."""
    for value in values:
        kind = type(value)
        if kind is str:
            if not value.isascii() or "\0" in value:
                return False
        elif kind is int:
            if not -_SMALL < value < _SMALL:
                return False
        elif value is not None and kind is not bool and (kind is not float or value - value != 0):
            return False
    return True


def _or_none(accept: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def accept_or_none(value: Any) -> Any:
        return None if value is None else accept(value)

    return accept_or_none


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) in (Union, UnionType):
        rest = [a for a in get_args(annotation) if a is not NoneType]
        return (rest[0] if len(rest) == 1 else Any), True
    return annotation, False


def _coerce(annotation: Any, value: Any) -> Any:
    """Convert a value of another type by pydantic: "4" to an int, a number to text, numpy scalars to numbers."""
    from pydantic import ValidationError

    with suppress(Unstorable):  # where pydantic cannot convert it either, its error names the value
        value = plain(value)
    try:
        return _adapter(annotation).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = "".join(f"[{part!r}]" for part in first["loc"] if part != "[key]")
        raise Rejected(
            f"{where + ': ' if where else ''}{shown(first['input'])} does not fit", hint=f"{first['msg']}."
        ) from None
    except (ValueError, RecursionError) as error:  # a whole number of 5,000 digits in it, for example
        raise Rejected(f"{shown(value)} does not fit", hint=f"{error}.") from None


@lru_cache(maxsize=128)
def _adapter(annotation: Any) -> Any:
    from pydantic import ConfigDict, TypeAdapter

    return TypeAdapter(annotation, config=ConfigDict(coerce_numbers_to_str=True))
