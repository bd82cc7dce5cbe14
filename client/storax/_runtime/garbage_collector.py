"""Pause Python's garbage collector while many objects are made at once.

Each ten thousand new objects would else have it walk through all that exist, several times, and find nothing: half of
the time of a large bulk call.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the collector in a block without network or user code; another thread may at worst resume it early."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()
