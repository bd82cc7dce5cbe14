"""Parse arguments of the command line: KEY=VALUE, NAME:=JSON, times and durations."""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from storax.cli.terminal.failures import UsageError

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d|w)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def pairs(texts: Iterable[str], option: str) -> dict[str, str]:
    """Parse ``KEY=VALUE`` texts as a dict.

    Raises:
        UsageError: one has no ``=``.
    """
    out = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise UsageError(f"{option} {text!r} is not KEY=VALUE.", hint=f"Write {option} experiment=foo")
        out[name] = value
    return out


def when(text: str, *, now: datetime | None = None) -> datetime:
    """Parse a time: ISO 8601, local time where it names no zone, or a duration before now such as 90s, 10m, 2h, 1d.

    Raises:
        UsageError: it is neither.
    """
    if match := _SPAN.fullmatch(text):
        return (now or datetime.now(UTC)) - timedelta(seconds=float(match[1]) * _SECONDS[match[2]])
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is not a time.", hint="Write 10m, 2h, 1d or 2026-01-31T12:00:00Z.") from None


def span(text: str) -> float:
    """Parse a duration in seconds: a number or a text such as 90s, 10m, 2h.

    Raises:
        UsageError: it is neither.
    """
    if match := _SPAN.fullmatch(text):
        return float(match[1]) * _SECONDS[match[2]]
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a duration.", hint="Write 90, 90s, 10m or 2h.") from None


def values(texts: list[str], option: str) -> dict[str, Any]:
    """Parse ``NAME=TEXT`` and ``NAME:=JSON`` as a dict.

    Raises:
        UsageError: one has no ``=``, or no JSON behind ``:=``.
    """
    out: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name.rstrip(":"):
            raise UsageError(f"{option} {text!r} is not NAME=VALUE.", hint="Write name=value, or name:=3 for a number.")
        out[name.removesuffix(":")] = _json(text, value, option) if name.endswith(":") else value
    return out


def _json(text: str, value: str, option: str) -> Any:
    try:
        return json.loads(value)
    except ValueError as error:
        raise UsageError(
            f"{option} {text!r}: the text after := is not valid JSON ({error}).", hint="Use = for text."
        ) from None
