"""Changing single settings in the text of ``site.toml``, whose other lines and comments stay."""

import json
import re
from collections.abc import Mapping
from typing import Any


def with_line(text: str, name: str, value: Any) -> str:
    """The text with this top-level setting; without it where ``value`` is None."""
    head, mark, tables = re.match(r"(.*?)(^\[|\Z)(.*)", text, re.DOTALL | re.MULTILINE).groups()  # type: ignore[union-attr]
    kept = re.sub(rf"^{name}\s*=.*\n?", "", head, flags=re.MULTILINE)
    line = "" if value is None else _line(name, value)
    if line and line in head:
        return text
    gap = "" if not kept or kept.endswith("\n") else "\n"
    return f"{kept}{gap}{line}{mark}{tables}"


def with_table(text: str, table: str, values: Mapping[str, Any]) -> str:
    """The text with these settings in the table ``[table]``, which is added where there is none."""
    lines = "".join(_line(name, value) for name, value in values.items())
    match = re.search(rf"^\[{table}\][ \t]*\n((?:(?!\[).*\n?)*)", text, re.MULTILINE)
    if match is None:
        return f"{text.rstrip()}\n\n[{table}]\n{lines}"
    kept = match.group(1)
    for name in values:
        kept = re.sub(rf"^{name}\s*=.*\n?", "", kept, flags=re.MULTILINE)
    return text[: match.start(1)] + lines + kept + text[match.end(1) :]


def has_table(text: str, table: str) -> bool:
    """Whether there is a table ``[table]``, or a setting of that name."""
    return re.search(rf"^\s*\[?\s*{table}\b", text, re.MULTILINE) is not None


def _line(name: str, value: Any) -> str:
    # A JSON text, number or boolean is a TOML one as well.
    return f"{name} = {json.dumps(value, ensure_ascii=False)}\n"
