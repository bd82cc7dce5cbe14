"""Request bodies: bounded in size, strict JSON (no NaN, no lone surrogate), read once."""

import json
from decimal import Decimal
from typing import Any

import orjson
from fastapi import Request
from pydantic import TypeAdapter, ValidationError

from storax_api.errors import from_validation
from storax_core.commands import create
from storax_core.errors import Invalid, TooLarge
from storax_core.store.log import Row

SLICE = 500  # rows checked at once

_SAME_DIGIT = bytes.maketrans(b"123456789", b"000000000")
_LONG = b"0" * 19  # digits of the shortest whole number that may not fit in 64 bits


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
        value = orjson.loads(raw)
        if _LONG in raw.translate(_SAME_DIGIT):
            json.loads(raw, parse_int=_whole)
    except orjson.JSONDecodeError as error:
        raise Invalid(
            f"the body is no valid JSON: {error}",
            hint="NaN, Infinity, lone surrogates and deep nesting are not allowed.",
        ) from None
    return value


def _whole(text: str) -> int:
    """orjson reads a whole number beyond 64 bits as a float; one that this would change is refused."""
    value = int(text)
    if not -(2**63) <= value < 2**63 and Decimal(repr(float(value))) != value:
        raise Invalid(f"{text[:40]} does not fit in 64 bits", hint="Send larger whole numbers as text.")
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
            out += create.given(adapter.validate_python(part))
        except ValidationError as error:
            raise from_validation(error, known, offset=start) from None
    return out
