"""The value types of resource fields: text without NUL, bounded numbers, JSON of bounded depth and size."""

import math
import re
from datetime import UTC, datetime
from typing import Annotated, Any
from unicodedata import category

import orjson
from pydantic import AfterValidator, BeforeValidator, Field, Strict

from storax_core import limits

MAX_ID = 2**63 - 1
MAX_DEPTH = limits.VALUE_DEPTH
MAX_TEXT = limits.TEXT_CHARACTERS
MAX_JSON = limits.VALUE_BYTES

# Strict: true, 2.0 and "2" are no whole numbers, and 1 and "yes" are neither true nor false.
Whole = Annotated[int, Field(strict=True, ge=-(2**31), le=2**31 - 1)]
BigId = Annotated[int, Field(strict=True, ge=1, le=MAX_ID)]
ParentIds = Annotated[list[BigId], Field(max_length=limits.PARENTS)]
ParentRefs = Annotated[list[Annotated[int, Field(strict=True)]], Field(max_length=limits.PARENTS)]
Flag = Annotated[bool, Field(strict=True)]
RowVersion = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]
Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
RetryDelay = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
Losses = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]


def clean_text(value: str) -> str:
    """Refuse what Postgres or UTF-8 cannot hold: NUL and lone surrogates."""
    if "\x00" in value:
        raise ValueError("text must not contain NUL (\\u0000); remove it")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError("text must be valid Unicode; it has a lone surrogate") from None
    return value


Text = Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(clean_text)]
LoginName = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(clean_text)]
ShortText = Annotated[str, Field(max_length=1024), AfterValidator(clean_text)]


def plain_name(value: str) -> str:
    """Refuse what cannot be told apart where it is shown, or typed again: blanks at the ends, control characters."""
    clean_text(value)
    if not any(c.isprintable() and not c.isspace() for c in value):
        raise ValueError("a name must not be blank")
    if value != value.strip():
        raise ValueError("a name must not begin or end with a blank")
    if not value.isprintable() and (odd := next((c for c in value if category(c) in CONTROL), None)):
        raise ValueError(f"a name must not hold a control character or a line break, such as {odd!a}")
    return value


CONTROL = ("Cc", "Zl", "Zp")
Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(plain_name)]


# A keyword of Python is a good name: an App is called by its text, and its class may have a name of its own.
def _identifier(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", value):
        raise ValueError("a name of letters, digits, '_' and '.' that does not start with a digit is needed")
    return value


Identifier = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_identifier)]


def inside_path(value: str) -> str:
    """A relative path that stays where it starts: no leading '/', no '..', no NUL."""
    clean_text(value)
    if value[:1] in ("/", "~") or "\\" in value:
        raise ValueError("must be a path relative to the site's data folder, such as 'run/1'")
    if ".." in value.split("/") or not value.strip("./"):
        raise ValueError("must stay inside the site's data folder: '..' and an empty path are not allowed")
    return value


InsidePath = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(inside_path)]


def check_json(value: Any) -> Any:
    """Refuse NUL, surrogates, NaN, infinities, integers beyond 64 bits, deep nesting, and more than 1 MiB.

    Postgres answers numbers written out: 1e300 has 301 digits then, and they count.
    """
    longer = _check_parts(value, 1)
    if value and len(orjson.dumps(value)) + longer > MAX_JSON:
        raise ValueError(f"larger than {MAX_JSON >> 20} MiB as JSON; store it in a file and pass its path")
    return value


def _check_parts(value: Any, depth: int) -> int:
    """Check a value and all in it; returns by how many characters its numbers grow when they are written out."""
    kind, longer = type(value), 0
    if kind is str:
        clean_text(value)
    elif kind is int:
        if not -(2**63) <= value < 2**63:
            raise ValueError("whole numbers must fit in 64 bits; send a larger one as text")
    elif kind is float:
        if not math.isfinite(value):
            raise ValueError("numbers must be finite: NaN and Infinity have no JSON form")
        longer = abs(math.frexp(value)[1]) * 3 // 10  # its decimal exponent
    elif kind is dict or kind is list:
        if depth > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH} levels; flatten it or store it in a file")
        longer = sum(_check_parts(item, depth + 1) for item in (value.values() if kind is dict else value))
        if kind is dict:
            for key in value:
                clean_text(key)
    return longer


JsonValue = Annotated[Any, AfterValidator(check_json)]
JsonObject = Annotated[dict[str, Any], AfterValidator(check_json)]
JsonList = Annotated[list[Any], AfterValidator(check_json)]
# Keys of a dictionary to remove; a list of keys leads to one inside it.
KeyPaths = Annotated[list[Text | Annotated[list[Text], Field(min_length=1)]], Field(max_length=1000)]
TextMap = Annotated[dict[str, str], AfterValidator(check_json)]


def _exit_codes(value: list[int]) -> list[int]:
    if len(value) > 64:
        raise ValueError("at most 64 exit codes")
    return value


ExitCodes = Annotated[list[Whole], AfterValidator(_exit_codes)]


def _tags(value: dict[str, str]) -> dict[str, str]:
    if len(value) > 256:
        raise ValueError("at most 256 tags to a job")
    for key, text in value.items():
        if len(key) > 200 or len(text) > 1024:
            raise ValueError(f"tag {key[:40]!r}: a key has at most 200 characters and a value 1,024")
        clean_text(key)
        clean_text(text)
    return value


Tags = Annotated[dict[str, str], AfterValidator(_tags)]


def as_utc(value: datetime) -> datetime:
    """An aware UTC time; one without a zone is refused, for the server does not know whose clock it is of."""
    if value.tzinfo is None:
        raise ValueError(f"{value.isoformat()} names no time zone; add Z for UTC, or an offset such as +02:00")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time must lie in the years 1 to 9999 (UTC)") from None


def _iso(value: Any) -> Any:
    """Seconds since 1970 are refused, also as text: too easily something else was meant."""
    if isinstance(value, datetime) or (isinstance(value, str) and re.match(r"\d{4}-\d\d", value)):
        return value
    raise ValueError("give the time as ISO 8601 text, such as 2026-01-31T12:00:00Z")


UtcTime = Annotated[datetime, BeforeValidator(_iso), AfterValidator(as_utc)]


def _position_or_time(value: Any) -> Any:
    """A position as a number or its digits, or a time; no truth value and no fraction."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    if value is None or isinstance(value, (str, datetime)) or type(value) is int:
        return value
    raise ValueError("give a position of the log, or a time such as 2026-01-31T12:00:00Z")


AsOf = Annotated[
    Annotated[int, Strict(), Field(ge=0, le=MAX_ID)] | UtcTime | None,
    Field(union_mode="left_to_right"),
    BeforeValidator(_position_or_time),
]
