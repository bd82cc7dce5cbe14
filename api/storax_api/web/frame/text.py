"""Text of users and programs on a page: what cannot be seen, or changes the order of the letters, is an escape.

Jinja2 escapes what is HTML; this is about control characters, ANSI sequences and right-to-left marks.
"""

import re

# Colours and styles of terminals; every other sequence is shown as an escape.
_STYLE = re.compile(r"\x1b\[[0-9;:]*m")
_LINE_END = re.compile(r"\r\n?|\n")


def visible(text: str) -> str:
    """Return a text in which every character can be seen: ``\\x1b`` for an escape, ``\\n`` for a line break."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def output(text: str) -> str:
    """Return what a program wrote: its lines as lines, without the colours of a terminal, all else visible."""
    lines = _LINE_END.split(_STYLE.sub("", text))
    return "\n".join("\t".join(map(visible, line.split("\t"))) for line in lines)
