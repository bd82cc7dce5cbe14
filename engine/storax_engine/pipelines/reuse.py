"""Sorted tables and learned features that the fits of this process share."""

import os
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storax_engine.learning.tables.cache import Cache

PART = 8  # of the machine's memory, as a divisor


@cache
def shared() -> "Cache":
    """The cache of this process; it takes an eighth of the machine's memory at most."""
    from storax_engine.learning.tables.cache import Cache

    return Cache(limit=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // PART)


def nbytes() -> dict[str, int]:
    """Return the bytes of what is shared by kind; a process that has learned nothing imports nothing for it."""
    return shared().nbytes() if shared.cache_info().currsize else {}
