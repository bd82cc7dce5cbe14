"""Request bodies: bounded in size, strict JSON (no NaN, no lone surrogate), read once."""

import asyncio
import json
import re
from typing import Any, TypeVar

import msgspec
from fastapi import Request
from pydantic import BaseModel, TypeAdapter, ValidationError

from storax_api.bounds.memory import Holding
from storax_api.errors import from_validation
from storax_api.requests import strict_json
from storax_core import limits
from storax_core.commands import create
from storax_core.errors import Invalid, TooLarge, TooSlow
from storax_core.lifecycle.change import Row

SLICE = 500  # rows checked at once
SMALL_BODY = 1 << 16  # bytes; the values of a smaller one do not count
COPIES = 2  # of a body, beside itself: its texts, and what goes to Postgres
NESTED_BYTES, VALUE_BYTES = 150, 40  # about what Python takes for a list or object, and for another value
FEWER = "Send fewer rows at once."
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
Model = TypeVar("Model", bound=BaseModel)

_SAME_DIGIT = bytes.maketrans(b"123456789", b"000000000")
_LONG = b"0" * 19  # digits of the shortest whole number that may not fit in 64 bits


async def read_body(request: Request, limit: int, holding: Holding) -> bytes:
    """Read the raw body. ``holding`` is the memory that the call takes.

    Raises TooLarge above ``limit`` bytes, before reading on; TooSlow where the bytes do not come in time.
    """
    length = request.headers.get("content-length")
    if length and length.isdecimal() and int(length[:20]) > limit:
        raise _too_large(limit)
    parts, size = [], 0
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(limits.BODY_SILENCE_SEC) as deadline:
            async for part in request.stream():
                size += len(part)
                if size > limit:
                    raise _too_large(limit)
                holding.add(len(part))
                parts.append(part)
                now = loop.time()
                if now - began > limits.BODY_SILENCE_SEC + size / limits.BODY_BYTES_PER_SEC:
                    raise TimeoutError
                deadline.reschedule(now + limits.BODY_SILENCE_SEC)
    except TimeoutError:
        raise TooSlow(
            f"only {size} bytes of the body came in {loop.time() - began:.0f} s", hint="Send the call again."
        ) from None
    return b"".join(parts)


def _too_large(limit: int) -> TooLarge:
    size = f"{limit >> 20} MiB" if limit >= limits.MIB else f"{limit >> 10} KiB"
    return TooLarge(f"the body is larger than {size}", hint="Send it in several calls, or keep it in a file.")


def hold_values(raw: bytes, holding: Holding) -> None:
    """Hold the memory that the values of a body take once they are read. Raises TooLarge where they are too many."""
    if len(raw) <= SMALL_BODY:
        return
    nested, values = _count(raw)
    if nested > limits.NESTED_VALUES or values > limits.BODY_VALUES:  # or brackets and commas inside of texts
        nested, values = _count(_TEXT.sub(b'""', raw))
    if nested > limits.NESTED_VALUES:
        raise TooLarge(f"the body has {nested} lists and objects; at most {limits.NESTED_VALUES}", hint=FEWER)
    if values > limits.BODY_VALUES:
        raise TooLarge(f"the body has {values} values; at most {limits.BODY_VALUES}", hint=FEWER)
    holding.add(COPIES * len(raw) + NESTED_BYTES * nested + VALUE_BYTES * values)


def _count(raw: bytes) -> tuple[int, int]:
    nested = raw.count(b"[") + raw.count(b"{")
    return nested, nested + raw.count(b",")


def require_small_rows(raw: bytes, value: Any) -> None:
    """Raise TooLarge for a row that is larger than one row may be; names its place in a list."""
    if len(raw) <= limits.ROW_BYTES:
        return
    if not isinstance(value, list):
        raise _too_large(limits.ROW_BYTES)
    for place, row in enumerate(msgspec.json.decode(raw, type=list[msgspec.Raw])):
        if len(memoryview(row)) > limits.ROW_BYTES:
            raise TooLarge(
                f"row {place} is larger than {limits.ROW_BYTES >> 20} MiB", hint="Keep what is large in a file."
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
