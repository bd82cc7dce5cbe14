"""Request bodies: bounded in size, strict JSON (no NaN, no lone surrogate), read once."""

import json
from typing import Any, TypeVar

import msgspec
from fastapi import Request
from pydantic import BaseModel, TypeAdapter, ValidationError

from storax_api.errors import from_validation
from storax_api.requests import strict_json
from storax_core.commands import create
from storax_core.errors import Invalid, TooLarge
from storax_core.lifecycle.change import Row

SLICE = 500  # rows checked at once
Model = TypeVar("Model", bound=BaseModel)

_SAME_DIGIT = bytes.maketrans(b"123456789", b"000000000")
_LONG = b"0" * 19  # digits of the shortest whole number that may not fit in 64 bits


async def read_body(request: Request, limit: int) -> bytes:
    """Read the raw body. Raises TooLarge above ``limit`` bytes, before reading on."""
    length = request.headers.get("content-length")
    if length and length.isdecimal() and int(length[:20]) > limit:
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
    """Read strict JSON; no body is an empty object. Raises Invalid."""
    if not raw:
        return {}
    try:
        value = msgspec.json.decode(raw)
        if _LONG in raw.translate(_SAME_DIGIT):
            value = json.loads(raw, parse_int=strict_json.whole)
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as error:
        raise strict_json.fault(raw) or Invalid(
            f"the body is no valid JSON: {error}",
            hint="NaN, Infinity, lone surrogates and deep nesting are not allowed.",
        ) from None
    return value


def parse_as(model: type[Model], raw: bytes, known: Any = None) -> Model:
    """Read a body as its model. Raises Invalid naming the field; ``known`` are names to suggest, by default its own."""
    try:
        return model.model_validate(parse(raw))
    except ValidationError as error:
        raise from_validation(error, model.model_fields if known is None else known) from None


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
