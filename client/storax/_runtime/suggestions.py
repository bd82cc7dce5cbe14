"""Suggest the nearest valid name for a wrong one: "Did you mean ...?"."""

from collections.abc import Iterable

from storax.errors import UnknownName

MANY = 50  # a data frame may have thousands of columns


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a sentence with the valid name nearest to ``name``, or with the first ``MANY`` where none is near."""
    from difflib import get_close_matches

    names = sorted({n for n in known if n})
    close = get_close_matches(str(name), names, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    more = ", ..." if len(names) > MANY else ""
    return f"There are: {', '.join(names[:MANY])}{more}." if names else ""


def unknown(what: str, name: str, known: Iterable[str]) -> UnknownName:
    """Return the error for a ``name`` that is not ``known``; ``what`` begins the message: "Job has no filter"."""
    return UnknownName(f"{what} {name!r}.", hint=nearest(name, known))
