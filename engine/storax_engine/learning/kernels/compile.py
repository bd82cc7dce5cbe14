"""How every kernel is compiled: without the GIL, and once per machine and version."""

import os
from collections.abc import Callable
from typing import Any

import numba
import platformdirs

# Numba would write beside the source, which an installed package may not allow.
settings: Any = numba.config
if not settings.CACHE_DIR:
    settings.CACHE_DIR = os.path.join(platformdirs.user_cache_dir("storax"), "numba")  # noqa: PTH118


def kernel(function: Callable[..., Any]) -> Any:
    """Compile at first call; division by zero gives infinity or NaN, as in numpy."""
    return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
