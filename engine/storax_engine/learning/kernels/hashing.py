"""A number of 64 bits for each key, the same on every machine: FNV-1a, and the finish of SplitMix64."""

from typing import Any

import numpy as np

from storax_engine.learning.kernels.compile import kernel

SEED = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_A, _B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)


@kernel
def whole(values: Any, out: Any) -> None:
    """Mix each whole number into ``out``, which begins as SEED."""
    for i in range(values.size):
        out[i] = _finish((out[i] ^ values[i]) * _PRIME)


@kernel
def texts(data: Any, offsets: Any, out: Any) -> None:
    """Mix the bytes ``data[offsets[i]:offsets[i + 1]]`` of each text into ``out``, which begins as SEED."""
    for i in range(offsets.size - 1):
        mixed = out[i]
        for j in range(offsets[i], offsets[i + 1]):
            mixed = (mixed ^ np.uint64(data[j])) * _PRIME
        out[i] = _finish(mixed)


@kernel
def _finish(mixed: Any) -> Any:
    mixed = (mixed ^ (mixed >> _S30)) * _A
    mixed = (mixed ^ (mixed >> _S27)) * _B
    return mixed ^ (mixed >> _S31)
