"""Name the value that strict JSON refuses, and its field: a refused body is read again, slowly."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from storax_core.errors import Invalid

MANY_DIGITS = 400  # more are beyond the floats too


@dataclass(frozen=True)
class _Wrong:
    """A refused value, in the place where it was read."""

    text: str
    why: str
    way_out: str


def whole(text: str) -> int | float:
    """Read a whole number; beyond 64 bits it becomes a float. Raises ValueError where that would change it."""
    value = int(text)
    if -(2**63) <= value < 2**63:
        return value
    if Decimal(repr(float(value))) != value:
        raise ValueError
    return float(value)


def fault(raw: bytes) -> Invalid | None:
    """The error that names the field and the value; None where the body is wrong in another way."""
    try:
        value = json.loads(raw, parse_int=_whole, parse_float=_finite, parse_constant=_constant)
        place, wrong = next(_wrong(value, ()))
    except (ValueError, RecursionError, StopIteration):
        return None
    message = f"{wrong.text[:40]} {wrong.why}"
    field = ".".join(str(part)[:80] for part in place)
    detail = f"{field}: {message}" if field else message
    return Invalid(detail, hint=wrong.way_out, errors=[{"loc": list(place), "msg": message}])


def _whole(text: str) -> Any:
    try:
        return whole(text) if len(text) < MANY_DIGITS else _large(text)
    except (ValueError, OverflowError):
        return _large(text)


def _large(text: str) -> _Wrong:
    return _Wrong(text, "does not fit in 64 bits", "Send larger whole numbers as text.")


def _finite(text: str) -> Any:
    value = float(text)
    return value if math.isfinite(value) else _Wrong(text, "is too large for a number", "Send it as text.")


def _constant(text: str) -> _Wrong:
    return _Wrong(text, "is no JSON number", "Leave it out, or send null or text.")


def _wrong(value: Any, place: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], _Wrong]]:
    if isinstance(value, _Wrong):
        yield place, value
    elif isinstance(value, str) and not _encodable(value):
        yield place, _Wrong(ascii(value), "has a lone surrogate", "Text must be valid Unicode.")
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(key, str) and not _encodable(key):  # nor could a path with it be told
                yield place, _Wrong(f"the key {key!a}", "has a lone surrogate", "Text must be valid Unicode.")
            yield from _wrong(item, (*place, key))


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
