"""Report errors: one block on stderr (what happened, the way out, the request id) and an exit status."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress

from storax import _installation as installation
from storax.cli.terminal import streams
from storax.cli.terminal.hints import hint_of
from storax.cli.terminal.visible import say

ERROR, USAGE, NOT_FOUND, AUTH, REFUSED, JOBS_FAILED, TIMEOUT, UNREACHABLE, INTERRUPTED = 1, 2, 3, 4, 5, 6, 7, 8, 130

_debug: list[bool] = [False]


class CommandError(Exception):
    """A command failed: the message, a hint what to do, and the exit status."""

    def __init__(self, message: str, *, hint: str = "", status: int = ERROR) -> None:
        super().__init__(message)
        self.hint = hint
        self.status = status


class UsageError(CommandError):
    """The command line is not valid."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint, status=USAGE)


class MissingExtraError(CommandError):
    """A command group is not installed, or lacks a library."""

    def __init__(self, name: str, *, extra: str, module: str | None = None) -> None:
        lacks = f" (the module {module!r} is missing)" if module else ""
        hint = f"Install it: {installation.add_extra(extra)}" if extra else "Reinstall the package that provides it."
        super().__init__(f"The command `storax {name}` is not installed here{lacks}.", hint=hint)


def debug(*, on: bool) -> None:
    """Show tracebacks of errors, or do not, for the rest of this process."""
    _debug[0] = on


def report(error: BaseException) -> int:
    """Print an error on stderr and return its exit status."""
    with suppress(OSError):  # stderr is full or gone: the status still counts
        if _debug[0]:
            say(*"".join(traceback.format_exception(error)).splitlines(), out=sys.stderr)
        say(*_lines(error), out=sys.stderr)
    return status_of(error)


def status_of(error: BaseException) -> int:
    """Return the exit status of an error: the same for the same kind, whichever command meets it."""
    from storax import errors as e
    from storax._runtime.settings import SettingsError
    from storax.local.errors import PortBusyError, StackBusyError

    if isinstance(error, CommandError):
        return error.status
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if getattr(error, "status", None) == 500:
        return ERROR
    table = (
        (e.JobFailed, JOBS_FAILED),
        (e.DeadlineExceeded, TIMEOUT),
        ((e.Unavailable, e.NotConfigured, SettingsError), UNREACHABLE),
        (e.Unauthorized, AUTH),
        (e.NotFound, NOT_FOUND),
        ((e.Conflict, PortBusyError, StackBusyError), REFUSED),
        ((e.InvalidInput, e.MultipleObjectsReturned), USAGE),
    )
    return next((status for kinds, status in table if isinstance(error, kinds)), ERROR)


def flush(status: int) -> int:
    """Flush the output and return the status: that of an error where output is lost; a closed pipe is none."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        streams.discard(sys.stdout)
    except OSError as error:
        streams.discard(sys.stdout)
        lost = report(error)
        status = status or lost
    streams.flush_stderr()
    return status


def _lines(error: BaseException) -> Iterator[str]:
    from storax._runtime.settings import SettingsError
    from storax.errors import StoraxError
    from storax.local.errors import LocalError

    if isinstance(error, ModuleNotFoundError) and all(missing := installation.missing(error)):
        error = CommandError(missing[0], hint=missing[1])
    if not isinstance(error, (StoraxError, SettingsError, LocalError, CommandError, OSError)):
        yield f"error: unexpected error: {type(error).__name__}: {error}"
        if not _debug[0]:
            yield "  To see the traceback, set STORAX_DEBUG=1."
        return
    hint = hint_of(error)
    yield f"error: {_message(error)}"
    faults = list(getattr(error, "errors", ()))
    for fault in faults if len(faults) > 1 else ():  # a single one is the message already
        where = ".".join(str(part) for part in fault.get("loc", ()))
        yield f"  {where}: {fault.get('msg', '')}" if where else f"  {fault.get('msg', '')}"
    if hint:
        yield f"  {hint}"
    if request := getattr(error, "request_id", None):
        yield f"  request: {request}"


def _message(error: BaseException) -> str:
    text = getattr(error, "message", None) or str(error.args[0] if error.args else error)
    if isinstance(error, OSError) and error.strerror and not hasattr(error, "message"):
        text = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    if not text.partition(" ")[0].endswith(":"):  # a field's name stays as it is
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
