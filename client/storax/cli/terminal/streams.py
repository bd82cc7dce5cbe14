"""The standard streams of a command: they are open, take every character, and lost output is an exit status."""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, TextIO


def prepare() -> None:
    """Open closed standard streams on the null device, and escape characters that the encoding of one lacks."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, _null(writing=name != "stdin"))
    streams: tuple[Any, ...] = (sys.stdout, sys.stderr)
    for stream in streams:
        with suppress(AttributeError, ValueError):  # of a notebook or a test
            stream.reconfigure(errors="backslashreplace")


def _null(*, writing: bool) -> TextIO:
    """Open the null device, under the lowest free number: that of the closed stream. Child processes inherit it."""
    stream: Any = open(os.devnull, "w" if writing else "r", encoding="utf-8")  # noqa: SIM115, PTH123
    os.set_inheritable(stream.fileno(), True)
    return stream  # type: ignore[no-any-return]


def write_bytes(blocks: Iterable[bytes]) -> None:
    """Write to stdout as it is, whatever its encoding."""
    for block in blocks:
        sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()


def takes(text: str, out: TextIO) -> bool:
    """Return whether the encoding of a stream has all characters of a text."""
    try:
        text.encode(out.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def is_unicode(out: TextIO) -> bool:
    """Return whether a stream is in UTF-8, so that JSON may contain any character as it is."""
    return (out.encoding or "utf-8").lower().replace("-", "").replace("_", "") in ("utf8", "utf8sig")


def flush_stderr() -> None:
    """Flush stderr; messages that nobody can read are dropped."""
    try:
        sys.stderr.flush()
    except OSError:
        discard(sys.stderr)


def discard(stream: TextIO) -> None:
    """Send what is still buffered nowhere: the interpreter flushes once more as it ends, and must not complain."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
