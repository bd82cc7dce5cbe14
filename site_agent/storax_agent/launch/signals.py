"""Signals that a process got from whoever started it, and that what it starts must not inherit."""

import signal
from types import FrameType


def reset_signals() -> None:
    """Unblock all signals, and catch those that are ignored, to no effect.

    A process inherits what its parent blocks or ignores: `nohup` ignores SIGHUP, a shell's `&` SIGINT. Unlike an
    ignored signal, one that is caught has its default effect in what is started from here.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for number in signal.valid_signals():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, do_nothing)


def do_nothing(_number: int, _frame: FrameType | None) -> None:
    """Handle a signal without any effect."""
