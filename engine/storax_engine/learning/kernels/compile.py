"""How every kernel is compiled: without the GIL, and once per machine and version."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numba
import platformdirs
from numba.core import event

MESSAGE = "Compiling kernels, once on this machine"
# Numba would write beside the source, which an installed package may not allow.
settings: Any = numba.config
if not settings.CACHE_DIR:
    settings.CACHE_DIR = os.path.join(platformdirs.user_cache_dir("storax"), "numba")  # noqa: PTH118


def kernel(function: Callable[..., Any]) -> Any:
    """Compile at first call; division by zero gives infinity or NaN, as in numpy."""
    return numba.njit(cache=True, nogil=True, error_model="numpy")(function)


class CompileProgress:
    """Progress that also says when the thread that tells it has to wait for a kernel to be compiled."""

    def __init__(self, progress: Callable[[float, str], None]) -> None:
        self._progress, self._last, self._depth = progress, (0.0, ""), 0

    def __call__(self, share: float, text: str) -> None:
        self._last = share, text
        self._progress(share, text)

    def compiling(self, more: int) -> None:
        """One more kernel is being compiled, or one less; a kernel that calls another one waits for it."""
        self._depth += more
        if (self._depth, more) == (1, 1):
            self._progress(self._last[0], MESSAGE)
        elif self._depth == 0:
            self._progress(*self._last)


@contextmanager
def report_compilation(progress: Callable[[float, str], None]) -> Iterator[CompileProgress]:
    """Within the block this thread's compilations are told as well; what comes from the cache is none."""
    before, _here.progress = getattr(_here, "progress", None), CompileProgress(progress)
    try:
        yield _here.progress
    finally:
        _here.progress = before


class _Listener(event.Listener):
    """Numba tells it in the thread that compiles."""

    def on_start(self, event: Any) -> None:  # noqa: ARG002
        if compile_progress := getattr(_here, "progress", None):
            compile_progress.compiling(1)

    def on_end(self, event: Any) -> None:  # noqa: ARG002
        if compile_progress := getattr(_here, "progress", None):
            compile_progress.compiling(-1)


_here = threading.local()
event.register("numba:compile", _Listener())  # type: ignore[no-untyped-call]
