"""What may exceed a limit for now: ``allowed.toml``. Its entries only leave and its numbers only fall."""

import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from tools.house.check import Check, Excess

FILE = Path(__file__).with_name("allowed.toml")
HEADER = """\
# What exceeds the measures for now: the name of each thing, and the number that it may not pass.
# Entries leave and numbers fall; an entry that is no longer needed fails the check.
# `python -m tools.house --shrink` brings the file up to date, and never allows more.
"""

Allowed = Mapping[str, Mapping[str, int]]


def load(file: Path = FILE) -> Allowed:
    """Read the numbers that are allowed, by the title of the check and the name of the thing."""
    return tomllib.loads(file.read_text(encoding="utf-8"))


def beyond(check: Check, allowed: Allowed) -> list[Excess]:
    """Return what exceeds a limit by more than is allowed."""
    limits = allowed.get(check.title, {})
    return [excess for excess in check.excesses if excess.count > limits.get(excess.name, 0)]


def stale(checks: Iterable[Check], allowed: Allowed) -> list[str]:
    """Return the entries that nothing needs any more, as ``title: name``."""
    needed = {(check.title, excess.name) for check in checks for excess in check.excesses}
    entries = ((title, name) for title, names in allowed.items() for name in names)
    return [f"{title}: {name}" for title, name in entries if (title, name) not in needed]


def shrink(checks: Iterable[Check], allowed: Allowed) -> str:
    """Return the file's text with entries and numbers as small as they may be by now."""
    lines = [HEADER]
    for check in checks:
        limits = allowed.get(check.title, {})
        names = {e.name: min(e.count, limits[e.name]) for e in check.excesses if e.name in limits}
        if names:
            lines += [f"[{json.dumps(check.title)}]", *(f"{json.dumps(n)} = {names[n]}" for n in sorted(names)), ""]
    return "\n".join(lines).rstrip() + "\n"
