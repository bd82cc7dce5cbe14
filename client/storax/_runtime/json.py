"""Parse and render JSON: the standard library for small texts, pydantic for large ones; strict in both directions.

pydantic_core reads a page of 10,000 rows in two thirds of the time, but costs 60 ms to import; a command with
one small request never pays that.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

from storax._json_values import MAX_BYTES, Unstorable, plain
from storax.errors import InvalidInput, TooLarge

_LARGE = 64_000
_MANY = 500
_BODY_DEPTH = -2  # of the values in a body: some are filters, with the value of a field inside


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

    Raises:
        InvalidInput: a value in it has no JSON form; the message names its place.
    """
    try:
        return _large(value) if rows > _MANY else _small(_plain_body(value))
    except Unstorable as error:
        raise InvalidInput(f"{error}.", hint=error.hint) from None


def dumps_command(arguments: Any) -> bytes:
    """Render the arguments of a command of the engine, which checks them itself; an expression is nested to any depth.

    Raises:
        InvalidInput: a value in it has no JSON form; the message names its place.
    """
    try:
        return _small(arguments, default=plain)
    except (TypeError, ValueError, RecursionError):
        return dumps(arguments)


def dumps_fields(fields: dict[str, Any]) -> bytes:
    """Render the fields of one object.

    Raises:
        InvalidInput: as ``dumps()``.
        TooLarge: a field is larger than 1 MiB; the message names it.
    """
    text = dumps(fields)
    for name, value in fields.items() if len(text) > MAX_BYTES else ():
        if (size := len(dumps(value))) > MAX_BYTES:
            raise TooLarge(
                f"{name} has {size / MAX_BYTES:.1f} MiB as JSON; a value is at most 1 MiB.",
                hint="Store it in a file and pass its path.",
            )
    return text


def _small(value: Any, default: Callable[[Any], Any] | None = None) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False, default=default).encode()


def _large(value: Any) -> bytes:
    """Render many rows, whose values the fields have made plain."""
    from pydantic_core import to_json

    try:
        text = to_json(value)
    except (TypeError, ValueError, RecursionError):
        return _small(_plain_body(value))
    # It writes NaN and Infinity as bare words; only a text with such a word needs the search for one.
    if b"NaN" in text or b"Infinity" in text:
        _plain_body(value)
    return text


def _plain_body(body: Any) -> Any:
    """Return a body as plain JSON; an error in a list of rows names the row."""
    if not isinstance(body, list):
        return _plain_row(body)
    rows = []
    for index, row in enumerate(body):
        try:
            rows.append(_plain_row(row))
        except Unstorable as error:
            subject = f"Row {index} of the list: {error.subject}"
            raise Unstorable(subject, error.where, error.predicate, error.hint) from None
    return rows


def _plain_row(row: Any) -> Any:
    """Return an object as plain JSON; the places in errors begin with the name of a field."""
    if not isinstance(row, dict):
        return plain(row)
    return {str(name): plain(value, str(name), _BODY_DEPTH) for name, value in row.items()}
