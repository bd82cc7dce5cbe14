"""The one way of text to a terminal: what would steer it, or change the order of the letters, is shown as an escape.

A job's workdir or the last words of a program may contain any character. An escape sequence could clear the screen,
write into the clipboard or hide a line; a right-to-left mark makes a name look like another one.
"""

import re
import sys
from contextlib import suppress
from typing import TextIO

_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")


def visible(text: str) -> str:
    """Return a text in which every character can be seen: ``\\x1b`` for an escape, ``\\n`` for a line break."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def visible_json(text: str) -> str:
    """Return the same JSON with escapes of JSON for the characters that cannot be seen; its value is the same."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else _json_escape(c) for c in text)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[n : n + 2].hex()}" for n in range(0, len(units), 2))


def say(*lines: str, out: TextIO | None = None, flush: bool = False) -> None:
    """Print lines on stdout, or ``out``, all visible. What follows a line break inside of one is indented."""
    out = out or sys.stdout
    for line in lines or ("",):
        first, *rest = line.split("\n")
        out.write("\n  ".join(map(visible, (first, *rest))) + "\n")
    if flush:
        out.flush()


def say_coloured(*lines: str) -> None:
    """Print lines on stdout with the colours in them; all else is visible. Texts of others must be visible before."""
    for line in lines:
        parts = _COLOUR.split(line)
        sys.stdout.write("".join(part if at % 2 else visible(part) for at, part in enumerate(parts)) + "\n")


def say_exactly(text: str, *, end: str = "\n") -> None:
    """Print a text for programs: unchanged in a pipe or a file, visible on a terminal."""
    if sys.stdout.isatty():
        text = "\n".join(map(visible, text.split("\n")))
    sys.stdout.write(text + end)


def note(*lines: str) -> None:
    """Print a note about the data on stderr; one that nobody can read does not end the command."""
    with suppress(OSError):
        say(*lines, out=sys.stderr)
