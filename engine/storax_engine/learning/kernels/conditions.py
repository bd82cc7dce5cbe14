"""Counts and sums per value of a category, all values in one pass."""

from typing import Any

from storax_engine.learning.kernels.compile import kernel


@kernel
def counts(slots: Any, lo: Any, hi: Any, out: Any) -> None:
    """``out[i, s]``: rows of slice i whose slot is s; a slot below 0 is counted nowhere. ``out`` begins as zeros."""
    for i in range(lo.size):
        for j in range(lo[i], hi[i]):
            if slots[j] >= 0:
                out[i, slots[j]] += 1.0


@kernel
def sums(slots: Any, values: Any, lo: Any, hi: Any, n_out: Any, out: Any) -> None:
    """``out[i, s]``: sum of the known values of slice i with slot s, ``n_out[i, s]`` how many; both begin as zeros."""
    for i in range(lo.size):
        for j in range(lo[i], hi[i]):
            if slots[j] >= 0 and values[j] == values[j]:
                out[i, slots[j]] += values[j]
                n_out[i, slots[j]] += 1.0
