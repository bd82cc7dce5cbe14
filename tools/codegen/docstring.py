"""The docstring of a generated method."""

import textwrap
from collections.abc import Iterator, Sequence

TEXT_WIDTH = 110

Entries = Sequence[tuple[str, str]]


def docstring(text: str, arguments: Entries = (), raises: Entries = ()) -> str:
    """Return a docstring, indented as in a method: a text, then each argument and each error by name."""
    if not arguments and not raises:
        return f'        """{text}"""'
    sections = (_section(title, entries) for title, entries in (("Args", arguments), ("Raises", raises)) if entries)
    return "\n\n".join([f'        """{text}', *sections]) + '\n        """'


def _section(title: str, entries: Entries) -> str:
    return "\n".join([f"        {title}:", *_wrapped(entries)])


def _wrapped(entries: Entries) -> Iterator[str]:
    for name, description in entries:
        yield textwrap.fill(
            f"{name}: {description}",
            TEXT_WIDTH,
            initial_indent=" " * 12,
            subsequent_indent=" " * 16,
            break_on_hyphens=False,
        )
