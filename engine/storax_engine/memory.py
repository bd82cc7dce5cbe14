"""The memory of this process: how much it is, and giving back what is no longer used."""

import ctypes
import os
import threading
from pathlib import Path

import pyarrow as pa

GROWTH = 64 * 1024 * 1024  # bytes after which it is worth while to look for memory that can be given back
_STATM = Path("/proc/self/statm")
_guard = threading.Lock()
_least = 0


def resident() -> int:
    """Return the bytes of this process that are in memory; 0 where the system does not tell."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def give_back(*, at_once: bool = False) -> None:
    """Give freed memory back to the system: allocators keep it for themselves.

    Args:
        at_once: also if the process has hardly grown since the last time. Default False.
    """
    global _least  # noqa: PLW0603
    if at_once or resident() > _least + GROWTH:
        with _guard:
            pa.default_memory_pool().release_unused()
            if _trim is not None:
                _trim(0)
            _least = resident()


_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; others have none
