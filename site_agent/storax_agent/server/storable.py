"""What the server can store: text of UTF-8 without NUL, JSON without depth. All else is written as Python shows it.

File names, output of programs and messages of exceptions hold anything; a reason of them must never be refused.
"""

import re
from math import isfinite
from typing import Any

MAX_DEPTH = 24  # the server takes 32, of which a report's own lists are some
ODD = re.compile("[\x00\ud800-\udfff]")


def storable_text(text: str) -> str:
    """Return ``text`` with each NUL and each lone surrogate written as an escape, such as ``\\udcff``."""
    return ODD.sub(lambda odd: ascii(odd.group())[1:-1], text)


def storable(value: Any, depth: int = 0) -> Any:
    """Return a copy of JSON data that the server takes; what it does not becomes text."""
    if isinstance(value, dict | list | tuple):
        return _container(value, depth) if depth < MAX_DEPTH else f"({type(value).__name__}, too deep)"
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    return str(value) if isinstance(value, int) and not -(2**63) <= value < 2**63 else value


def _container(value: dict[Any, Any] | list[Any] | tuple[Any, ...], depth: int) -> Any:
    if isinstance(value, dict):
        return {storable_text(str(name)): storable(item, depth + 1) for name, item in value.items()}
    return [storable(item, depth + 1) for item in value]


def flaw(value: Any, place: str = "", depth: int = 0) -> str:
    """Return where data cannot be written as UTF-8 JSON and why, such as ``[1] is '\\udcff', ...``; else empty."""
    if isinstance(value, str):
        odd = next((char for char in ODD.findall(value) if char != "\0"), None)
        return f"{place or 'it'} is {value[:80]!a}, which is no valid Unicode text" if odd else ""
    if depth > MAX_DEPTH:
        return f"{place[:80] or 'it'} is nested deeper than {MAX_DEPTH} levels"
    if isinstance(value, dict):
        parts = [(f"{place}[{name!a}]", item) for name, item in value.items()]
        parts += [(f"{place} key".strip(), name) for name in value]
    else:
        parts = [(f"{place}[{number}]", item) for number, item in enumerate(value)] if isinstance(value, list) else []
    return next((why for where, item in parts if (why := flaw(item, where, depth + 1))), "")
