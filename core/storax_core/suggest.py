"""The nearest right name for a wrong one."""

from difflib import get_close_matches
from typing import Any


def nearest(name: str, known: Any) -> str:
    """A hint with the nearest right name, or all of them where none is near."""
    words = sorted(str(k) for k in known)
    found = get_close_matches(name, words, n=1, cutoff=0.6)
    return f"Did you mean {found[0]!r}?" if found else f"Known: {', '.join(words[:40])}."
