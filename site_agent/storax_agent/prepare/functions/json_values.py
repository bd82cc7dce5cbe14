"""The one rule for Python values in JSON: of parameters, data, tags and results, at the client and at the site.

Workers of functions run a copy under other interpreters, so it uses the standard library alone and keeps to Python 3.9.
"""

# A copy of client/storax/_json_values.py, written by `python -m tools.codegen`; do not edit.

from __future__ import annotations

import base64
import datetime
import enum
import json
import math
from collections import abc
from contextlib import suppress
from decimal import Decimal
from os import fsdecode
from typing import Any
from uuid import UUID

MAX_BYTES = 1 << 20  # of one value as JSON text
MAX_DEPTH = 32
MOST_PLACE = 200  # characters


class Unstorable(ValueError):
    """A value without a JSON form; subject, place and predicate are the message."""

    def __init__(self, subject: str, where: str, predicate: str, hint: str) -> None:
        where = where if len(where) <= MOST_PLACE else f"{where[:MOST_PLACE]}..."
        super().__init__(f"{subject}{f' at {where}' if where else ''} {predicate}")
        self.subject, self.where, self.predicate, self.hint = subject, where, predicate, hint


def shown(value: Any, most: int = 80) -> str:
    """Return the ``repr`` of a value for a message, cut; the name of its type where there is none."""
    try:
        text = repr(value)
    except Exception:  # an own __repr__, a whole number of 5,000 digits, a list in itself for ever
        text = f"<{type(value).__name__}>"
    return text if len(text) <= most else f"{text[:most]}..."


def plain(value: Any, where: str = "", depth: int = 1) -> Any:
    """Return ``value`` as dicts with text keys, lists, text, finite numbers, booleans and None.

    Raises:
        Unstorable: a part of it has no JSON form; the message names its place.
    """
    known = _EXACT.get(type(value))
    if known is not None:
        return known(value, where, depth)
    if isinstance(value, enum.Enum):
        return plain(value.value, where, depth)
    exact = next((known for base, known in _EXACT.items() if isinstance(value, base)), None)
    if exact is not None and not hasattr(value, "dtype"):
        return exact(value, where, depth)
    form = _form(value, where)
    if type(form) is type(value):
        hint = "Use plain data, or store it in a file and pass its path."
        raise Unstorable(f"A {type(value).__name__}", where, "has no JSON form", hint)
    return plain(form, where, depth)


def _same(value: Any, _where: str, _depth: int) -> Any:
    return value


def _text(value: str, where: str) -> str:
    if "\x00" in value:
        raise Unstorable(f"The text {value[:80]!r}", where, "has the character NUL", "Remove it.")
    try:
        value.encode()
    except UnicodeEncodeError:
        hint = "It has a lone surrogate; os.fsencode() gives the bytes of a file name."
        raise Unstorable(f"The text {value[:80]!a}", where, "is not valid Unicode", hint) from None
    return value


def _whole(value: int, where: str) -> int | float:
    if -(2**63) <= value < 2**63:
        return value
    # A float without fraction is read back as a whole number: Postgres writes all its digits, and no exponent.
    with suppress(OverflowError):
        if Decimal(repr(float(value))) == value:
            return float(value)
    what = f"A whole number of {value.bit_length()} bits"
    raise Unstorable(what, where, "does not fit in 64", "Use a text for it.")


def _finite(value: float, where: str) -> float:
    if not math.isfinite(value):
        raise Unstorable(f"The value {value!r}", where, "has no JSON form", "Use None or a text for it.")
    return value


def _deep(value: Any, where: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        what = f"A {type(value).__name__}"
        raise Unstorable(what, where[:80], f"is nested deeper than {MAX_DEPTH} levels", "Flatten it, or use a file.")


def _items(value: list[Any], where: str, depth: int) -> list[Any]:
    _deep(value, where, depth)
    return [plain(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]


def _object(value: abc.Mapping[Any, Any], where: str, depth: int) -> dict[str, Any]:
    _deep(value, where, depth)
    out: dict[str, Any] = {}
    for key, item in value.items():
        name = key if type(key) is str and key.isascii() and key.isprintable() else _key(key, where)
        if name in out:
            raise Unstorable(f"The key {shown(key)}", where, f"is a second {name!r}", "The keys of JSON are text.")
        out[name] = plain(item, f"{where}[{name!r}]", depth + 1)
    return out


def _key(key: Any, where: str) -> str:
    """Return the text of a key: that of its JSON form."""
    form = plain(key, f"{where}[{shown(key)}]") if not isinstance(key, tuple) else key
    if isinstance(form, str):
        return form
    if isinstance(form, (dict, list, tuple)):
        raise Unstorable(f"The key {shown(key)}", where, "is no text", "The keys of JSON are text.")
    return json.dumps(form)


_EXACT: dict[type, Any] = {
    bool: _same,
    type(None): _same,
    str: lambda value, where, _depth: str(_text(str.__str__(value), where)),
    int: lambda value, where, _depth: _whole(int(value), where),
    float: lambda value, where, _depth: _finite(float(value), where),
    dict: _object,
    list: _items,
    tuple: _items,
}


def _form(value: Any, where: str) -> Any:
    """Return what stands for a value in JSON, perhaps to be converted in turn; the value itself where nothing does."""
    if isinstance(value, type):
        return value
    for test, form in _FORMS:
        if isinstance(value, test) if isinstance(test, (type, tuple)) else hasattr(value, test):
            return form(value, where)
    return value


def _array(value: Any, where: str) -> Any:
    """Return the plain form of a numpy scalar or array, a pandas series, or a tensor."""
    size, code = getattr(value, "size", 0), getattr(getattr(value, "dtype", None), "kind", "")
    if isinstance(size, int) and size > MAX_BYTES // 2:
        raise Unstorable(f"An array of {size} values", where, "is larger than 1 MiB as JSON", "Store it in a file.")
    if code in ("m", "M"):  # as nanoseconds they would become bare numbers
        if (value != value).any():  # noqa: PLR0124  only NaT differs from itself
            raise Unstorable("The time NaT", where, "has no JSON form", "Use None or a text for it.")
        value = value.astype(f"{code}8[us]")
    form = value.tolist() if hasattr(value, "tolist") else value
    return float(form) if type(form) is type(value) and code == "f" else form


def _date(value: Any, where: str) -> str:
    text: str = value.isoformat()
    if text == "NaT":
        raise Unstorable("The time NaT", where, "has no JSON form", "Use None or a text for it.")
    # That of a pandas Timestamp has nanoseconds, which few readers of ISO 8601 take.
    return datetime.datetime.isoformat(value) if isinstance(value, datetime.datetime) else text


def _sorted(values: abc.Set[Any]) -> list[Any]:
    """Return the members of a set in order; those that cannot be compared, by their text."""
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=repr)


# The first that fits: a type, or the name of an attribute.
_FORMS: tuple[tuple[Any, Any], ...] = (
    ((bytes, bytearray, memoryview), lambda value, _: base64.b64encode(value).decode()),
    ("tolist", _array),
    ("__fspath__", lambda value, _: fsdecode(value)),
    ((datetime.date, datetime.time), _date),
    (datetime.timedelta, lambda value, _: value.total_seconds()),
    ((Decimal, UUID), lambda value, _: str(value)),
    (abc.Set, lambda value, _: _sorted(value)),
    ("model_dump", lambda value, _: value.model_dump()),
    ("__dataclass_fields__", lambda value, _: {name: getattr(value, name) for name in value.__dataclass_fields__}),
    (abc.Mapping, lambda value, _: dict(value)),
    (abc.Sequence, lambda value, _: list(value)),
)


def key_changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """Return what turns one dict into the other: keys to merge in, and keys or paths of keys to remove."""
    merge: dict[str, Any] = {}
    remove: list[Any] = [key for key in before if key not in after]
    for key, new in after.items():
        old = before.get(key)
        if type(old) is dict and type(new) is dict:
            inner, gone = key_changes(old, new)
            remove += [[key, *([path] if isinstance(path, str) else path)] for path in gone]
            if inner:
                merge[key] = inner
        elif key not in before or old != new or type(old) is not type(new):
            merge[key] = new
    return merge, remove
