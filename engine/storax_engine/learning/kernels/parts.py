"""Long work in parts: a kernel cannot be interrupted, so its caller is asked between two calls whether to go on."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

ROWS_AT_ONCE = 10_000_000
"""Rows that a kernel reads in one call, if it takes some nanoseconds for each."""


def in_parts(sizes: npt.NDArray[np.int64], at_most: int, tick: Callable[[], None]) -> Iterator[slice]:
    """Yield the parts of a sequence whose sizes add up to ``at_most`` each, or to the size of one element.

    Args:
        sizes: of the elements.
        at_most: of a part.
        tick: called before each part; it may raise.
    """
    sums, begin = np.cumsum(sizes), 0
    while begin < len(sums):
        tick()
        before = int(sums[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(sums, before + at_most, side="right")))
        yield slice(begin, end)
        begin = end
