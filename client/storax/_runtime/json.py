"""Parse and render JSON: the standard library for small texts, pydantic for large ones; strict in both directions.

pydantic_core reads a page of 10,000 rows in two thirds of the time, but costs 60 ms to import; a command with
one small request never pays that.
"""

import json
import math
import sys
from typing import Any

from storax.errors import InvalidInput

_LARGE = 64_000


def loads(text: bytes) -> Any:
    """Parse a reply; return None for an empty one."""
    if not text:
        return None
    if len(text) < _LARGE and "pydantic_core" not in sys.modules:
        return json.loads(text)
    from pydantic_core import from_json

    return from_json(text)


def dumps(value: Any, *, rows: int = 1) -> bytes:
    """Render a request body of about ``rows`` rows.

    Numpy values, paths, sets and times inside it become plain JSON.

    Raises:
        InvalidInput: a value in it has no JSON form; the message names its place.
    """
    try:
        text = _large(value) if rows > 500 else _small(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise _first_fault(value) or InvalidInput(f"The values have no JSON form: {error}.") from error
    return text


def _small(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False, default=plain, ensure_ascii=False).encode()


def _large(value: Any) -> bytes:
    from pydantic_core import to_json

    text = to_json(value, fallback=plain)
    # It writes NaN and Infinity as bare words; only a text with such a word needs the search for one.
    if (b"NaN" in text or b"Infinity" in text) and (error := _first_fault(value)):
        raise error
    return text


def plain(value: Any) -> Any:
    """Return the JSON form of a value that is not JSON.

    Raises:
        TypeError: it has none.
    """
    if hasattr(value, "tolist"):  # numpy scalars and arrays, pandas series
        return value.tolist()
    if hasattr(value, "__fspath__"):
        return value.__fspath__()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    if type(value).__module__ == "uuid":
        return str(value)
    raise TypeError(f"a {type(value).__name__} has no JSON form")


def _first_fault(body: Any) -> InvalidInput | None:
    """Return the error for the first value of a body without a JSON form; in a list of rows it names the row."""
    if not isinstance(body, list):
        return _find_fault(body)
    for index, row in enumerate(body):
        if error := _find_fault(row):
            error.message = f"Row {index} of the list: {error.message}"
            return error
    return None


def _find_fault(value: Any, where: str = "") -> InvalidInput | None:
    """Return the error for the first value without a JSON form; None where all have one."""
    if isinstance(value, dict):
        bad_key = next((k for k in value if not isinstance(k, (str, int, float, type(None)))), None)
        if bad_key is not None:
            return InvalidInput(f"The key {bad_key!r}{_of(where)} is no text.", hint="JSON keys are text.")
        paths = ((v, f"{where}[{k!r}]" if where else str(k)) for k, v in value.items())
        return next((e for v, path in paths if (e := _find_fault(v, path))), None)
    if isinstance(value, (list, tuple)):
        return next((e for i, v in enumerate(value) if (e := _find_fault(v, f"{where}[{i}]"))), None)
    return _leaf(value, where)


def _leaf(value: Any, where: str) -> InvalidInput | None:
    if isinstance(value, float) and not math.isfinite(value):
        return InvalidInput(f"The value {value!r}{_of(where)} has no JSON form.", hint="Use None or a text for it.")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return InvalidInput(
                f"The text {value!r}{_of(where)} is not valid Unicode.", hint="It has a lone surrogate."
            )
        return None
    if value is None or isinstance(value, (bool, int, float)):
        return None
    try:
        inner = plain(value)
    except TypeError:
        kind = type(value).__name__
        return InvalidInput(f"A {kind}{_of(where)} has no JSON form.", hint="Store it in a file and pass its path.")
    return _find_fault(inner, where)


def _of(where: str) -> str:
    return f" at {where}" if where else ""
