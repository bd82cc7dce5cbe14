"""Formats of files that outlive the process and the release that wrote them.

Such a file holds the number of its format, which grows when an older release could no longer read it. A file without a
number is of the release before there were numbers.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from storax.errors import StoraxError

HINT = "Install the newer Storax that wrote it."


class UnknownFormat(StoraxError):
    """A newer Storax wrote the file; the message names it, its format, and what this Storax reads."""


def check_format(path: Path, number: object, *, known: int, hint: str = HINT) -> None:
    """Refuse a format above ``known``, and what is no number.

    Raises:
        UnknownFormat: naming the file.
    """
    if not isinstance(number, int) or number > known:
        raise UnknownFormat(f"{path} has format {number!r}, and this Storax reads formats up to {known}.", hint=hint)


def without_format(path: Path, content: Mapping[str, Any], *, known: int) -> dict[str, Any]:
    """Return the fields of a file, whose format is in ``version``.

    Raises:
        UnknownFormat: a newer Storax wrote it.
    """
    fields = dict(content)
    check_format(path, fields.pop("version", known), known=known)
    return fields
