"""The nearest right name for a wrong one."""

from difflib import get_close_matches
from typing import Any


def nearest(name: str, known: Any) -> str:
    """A hint with the nearest right name, or all of them where none is near."""
    names = sorted(str(k) for k in known)
    matches = get_close_matches(name, names, n=1, cutoff=0.6)
    return f"Did you mean {matches[0]!r}?" if matches else f"Known: {', '.join(names[:40])}."
