"""The process of a warm worker as its calls see it; beside ``worker.py``, by the standard library alone.

A call may change what belongs to the whole process: signals, timers, limits, the environment. ``Baseline`` is how the
process was before the first call, and puts it back after each.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import signal as _signal
else:
    import _signal  # its functions take 1/20 of the time of those in ``signal``, which make enumerations

TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
SIGNALS = sorted(map(int, signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}))
LIMITS = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]


class Baseline:
    """The state of the process to come back to. ``lasting`` is whether a call changed what cannot be put back."""

    def __init__(self) -> None:
        self.lasting = False
        self._handlers = {number: _signal.getsignal(number) for number in SIGNALS}
        self._handlers[int(signal.SIGTERM)] = int(signal.SIG_DFL)
        self._mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, ())
        self._environment = variables().copy()
        os.umask(umask := os.umask(0o077))
        self._umask, self._nice = umask, os.nice(0)
        self._limits = _limits()
        self._cpus = os.sched_getaffinity(0)
        self._streams = (sys.stdin, sys.stdout, sys.stderr)
        self._argv, self._path = list(sys.argv), list(sys.path)
        self._recursion = sys.getrecursionlimit()
        self._log_handlers, self._log_level = list(logging.root.handlers), logging.root.level

    def begin(self) -> None:
        """Start a call: random numbers are as in a new process, and not those of the seed of an earlier call."""
        self._cpus = os.sched_getaffinity(0)  # the spawner sets them for each call
        for name in ("random", "numpy.random"):  # not imported here: who draws none is spared the seed
            module = sys.modules.get(name)
            with suppress(Exception):  # a module of that name may be anything
                module.seed() if module else None

    def restore(self) -> None:
        """Undo what the call has changed. What Python objects hold stays, as the App's module does."""
        self._restore_signals()
        self._restore_interpreter()
        os.umask(self._umask)
        if os.sched_getaffinity(0) != self._cpus:
            os.sched_setaffinity(0, self._cpus)
        self._restore_environment()
        self.lasting = self.lasting or not self._restored_limits() or os.nice(0) != self._nice

    def _restore_environment(self) -> None:
        """Put back the variables that differ; one always does, the id of the job."""
        now = variables()
        for name in now.keys() - self._environment.keys():
            del os.environb[name]
        for name, value in self._environment.items():
            if now.get(name) != value:
                os.environb[name] = value

    def _restore_signals(self) -> None:
        for timer in TIMERS:
            _signal.setitimer(timer, 0)
        for number in _signal.sigpending():  # a blocked alarm would end the next call
            _signal.signal(number, _signal.SIG_IGN)
        for number, handler in self._handlers.items():
            if handler is not None and _signal.getsignal(number) != handler:
                _signal.signal(number, handler)
        _signal.pthread_sigmask(_signal.SIG_SETMASK, self._mask)
        _signal.set_wakeup_fd(-1)

    def _restore_interpreter(self) -> None:
        sys.stdin, sys.stdout, sys.stderr = self._streams
        sys.argv[:], sys.path[:] = self._argv, self._path
        sys.setrecursionlimit(self._recursion)
        sys.settrace(None)
        if (sockets := sys.modules.get("socket")) is not None:
            sockets.setdefaulttimeout(None)
        # A file that basicConfig() opened in one workdir is not the log of the next call.
        for handler in [one for one in logging.root.handlers if one not in self._log_handlers]:
            logging.root.removeHandler(handler)
            with suppress(Exception):
                handler.close()
        logging.root.setLevel(self._log_level)

    def _restored_limits(self) -> bool:
        now = _limits()
        if now == self._limits:
            return True
        for limit, values in self._limits.items():
            if now[limit] != values:
                with suppress(OSError, ValueError):
                    resource.setrlimit(limit, values)
        return _limits() == self._limits


def variables() -> dict[bytes, bytes]:
    """Return the environment's own dictionary, which is compared 20 times faster than the mapping around it."""
    own: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]
    return own


def _limits() -> dict[int, tuple[int, int]]:
    return {limit: resource.getrlimit(limit) for limit in LIMITS}


def end_stray_child(worker: int, error: BaseException | None) -> None:
    """End this process if it is a child that came back from ``fork()`` in a call: the call is the worker's own."""
    if os.getpid() == worker:
        return
    with suppress(Exception):
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    os._exit(_status(error))


def _status(error: Any) -> int:
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    return int(error is not None)
