"""Request bodies: bounded in size, strict JSON (no NaN, no lone surrogate), read once."""

import json
from typing import Any

import orjson
from fastapi import Request
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from storax_api import strict_json
from storax_api.errors import from_validation
from storax_core.commands import create
from storax_core.errors import Invalid, TooLarge
from storax_core.lifecycle.change import Row

SLICE = 500  # rows checked at once
LARGE = 1 << 18  # bytes above which the parser that needs less memory is used; orjson takes twelve times the body

_SAME_DIGIT = bytes.maketrans(b"123456789", b"000000000")
_LONG = b"0" * 19  # digits of the shortest whole number that may not fit in 64 bits
_HUGE = (b"e000", b"E000", b"e+000", b"E+000")  # exponents that may lead beyond the floats, which only orjson refuses


async def read_body(request: Request, limit: int) -> bytes:
    """The raw body. Raises TooLarge above ``limit`` bytes, before reading on."""
    told = request.headers.get("content-length")
    if told and told.isdecimal() and int(told[:20]) > limit:
        raise _too_large(limit)
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    return b"".join(parts)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"the body is larger than {limit >> 20} MiB", hint="Send it in several calls, or keep it in a file."
    )


def parse(raw: bytes) -> Any:
    """Strict JSON. Raises Invalid where it is none."""
    if not raw:
        return {}
    try:
        same = raw.translate(_SAME_DIGIT)
        long = _LONG in same
        if len(raw) > LARGE and not long and not any(mark in same for mark in _HUGE):
            return from_json(raw, allow_inf_nan=False)
        value = orjson.loads(raw)
        if long:
            json.loads(raw, parse_int=strict_json.whole)
    except ValueError as error:
        raise strict_json.fault(raw) or Invalid(
            f"the body is no valid JSON: {error}",
            hint="NaN, Infinity, lone surrogates and deep nesting are not allowed.",
        ) from None
    return value


def validate(adapter: TypeAdapter[Any], value: Any, known: Any = ()) -> Any:
    """Check a value against its declared type. Raises Invalid naming the field."""
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise from_validation(error, known) from None


def validate_rows(adapter: TypeAdapter[Any], rows: list[Any], known: Any) -> list[Row]:
    """Check many rows and keep what the caller named, a slice at a time: parsed rows and models never pile up.

    Empties ``rows`` on the way. Raises Invalid naming the row and the field.
    """
    out: list[Row] = []
    for start in range(0, len(rows), SLICE):
        part = rows[start : start + SLICE]
        rows[start : start + SLICE] = [None] * len(part)
        try:
            out += create.fields_set(adapter.validate_python(part))
        except ValidationError as error:
            raise from_validation(error, known, offset=start) from None
    return out
