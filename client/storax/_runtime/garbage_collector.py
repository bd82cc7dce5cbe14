"""Python's garbage collector, told to wait while many objects are made at once.

Each ten thousand new objects would else have it walk through all that exist, several times, and find nothing: half of
the time of a large bulk call.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """For a moment without network or user code in it. Other threads may at worst let the collector go on early."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()
