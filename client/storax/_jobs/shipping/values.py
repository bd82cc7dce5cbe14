"""Constants as expressions that make them again, by what they are now and not by how they were made."""

import datetime
import decimal
import enum
import fractions
import logging
import math
import pathlib
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

MAX_CONSTANT = 65_536


class UnshippableError(Exception):
    """A value has no text; the message says what it is, as in "a Lock"."""


Refer = Callable[[Any], str]


def expression(value: Any, refer: Refer) -> str:
    """Return an expression that makes ``value`` and needs no name but those that ``refer`` returns.

    Args:
        value: A constant of a module.
        refer: Returns an expression for a function or a class.

    Raises:
        UnshippableError: It, or a part of it, has no such expression, or it is longer than 65,536 characters.
    """
    text = _expression(value, refer)
    if len(text) > MAX_CONSTANT:
        raise UnshippableError(f"a constant of {len(text)} characters, more than {MAX_CONSTANT}")
    return text


def _expression(value: Any, refer: Refer) -> str:
    if make := _MAKERS.get(type(value)):
        return make(value, lambda part: _expression(part, refer))
    if isinstance(value, enum.Enum):
        return f"{refer(type(value))}[{value.name!r}]"
    if isinstance(value, pathlib.PurePath):
        kind = (
            type(value).__name__.removeprefix("Posix").removeprefix("Windows")
        )  # of a Path; that of a pure path stays
        return f"__import__('pathlib').{kind}({str(value)!r})"
    if callable(value):
        return refer(value)
    raise UnshippableError(f"an object of {type(value).__name__}")


def _items(brackets: str) -> Callable[[Any, Callable[[Any], str]], str]:
    return lambda value, part: brackets[0] + "".join(f"{part(one)}, " for one in value) + brackets[1]


def _float(value: float, _part: Any) -> str:
    return repr(value) if math.isfinite(value) else f"float({str(value)!r})"


def _set(value: Any, part: Callable[[Any], str]) -> str:
    return f"{type(value).__name__}([{', '.join(sorted(map(part, value)))}])"  # in one order, or each sync() differs


def _dict(value: dict[Any, Any], part: Callable[[Any], str]) -> str:
    return "{" + ", ".join(f"{part(k)}: {part(v)}" for k, v in value.items()) + "}"


def _of_module(value: Any, _part: Any) -> str:
    return f"__import__({type(value).__module__!r}).{repr(value).removeprefix('datetime.').removeprefix('uuid.')}"


def _pattern(value: re.Pattern[Any], _part: Any) -> str:
    return f"__import__('re').compile({value.pattern!r}, {int(value.flags)})"


def _moment(value: Any, part: Callable[[Any], str]) -> str:
    zone = value.tzinfo
    if zone is not None and not isinstance(zone, datetime.timezone):
        raise UnshippableError(f"a time in a zone of {type(zone).__name__}")
    whole = f"__import__('datetime').datetime.fromisoformat({value.replace(tzinfo=None).isoformat()!r})"
    return whole if zone is None else f"{whole}.replace(tzinfo={part(zone)})"


def _zone(value: datetime.timezone, part: Callable[[Any], str]) -> str:
    offset = value.utcoffset(None)
    return f"__import__('datetime').timezone({part(offset)})"


_PLAIN = (type(None), bool, int, str, bytes, complex, range, type(...))
_MAKERS: Mapping[type[Any], Callable[[Any, Callable[[Any], str]], str]] = {
    **dict.fromkeys(_PLAIN, lambda value, _part: repr(value)),
    float: _float,
    list: _items("[]"),
    tuple: _items("()"),
    set: _set,
    frozenset: _set,
    dict: _dict,
    re.Pattern: _pattern,
    datetime.datetime: _moment,
    datetime.timezone: _zone,
    **dict.fromkeys((datetime.date, datetime.timedelta, uuid.UUID), _of_module),
    **dict.fromkeys((decimal.Decimal, fractions.Fraction), _of_module),
    logging.Logger: lambda value, _part: f"__import__('logging').getLogger({value.name!r})",
}
