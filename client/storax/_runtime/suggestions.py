"""The nearest right name for a wrong one."""

from collections.abc import Iterable

from storax.errors import UnknownName


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that names the right word nearest to ``word``, or lists them all where none is near."""
    from difflib import get_close_matches

    names = sorted({n for n in known if n})
    close = get_close_matches(str(name), names, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"There are: {', '.join(names)}." if names else ""


def unknown(what: str, name: str, known: Iterable[str]) -> UnknownName:
    """The error for a ``word`` that is not among the ``known``; ``what`` is its kind, such as "Job has no filter"."""
    return UnknownName(f"{what} {name!r}.", hint=nearest(name, known))
