"""Starting one process for a job, or one worker."""

import errno
import functools
import os
from collections.abc import Mapping
from contextlib import suppress

from storax_agent.files.safe_path import PathError, open_folder
from storax_agent.launch.work import Cause, Work

OUTPUT = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW
OUTPUTS = ("job.out", "job.err")
FILE_ACTIONS = [(os.POSIX_SPAWN_OPEN, number + 1, name, OUTPUT, 0o644) for number, name in enumerate(OUTPUTS)]
RESULT_VARIABLE = "STORAX_RESULT_FILE"
LAUNCHER_VARIABLE = "STORAX_LAUNCHER"


class StartError(Exception):
    """A process could not be started; ``code`` is the exit code a shell would give (127, 126) or None."""

    def __init__(self, message: str, *, cause: Cause, code: int | None = None) -> None:
        super().__init__(message)
        self.cause: Cause = cause
        self.code = code


def spawn(work: Work, *, data: int, environment: Mapping[bytes, bytes]) -> int:
    """Start ``work`` in its workdir below the open folder ``data``, in a session of its own; returns its pid.

    posix_spawn cannot change the folder, so this process does, and every other path it uses is absolute or opened:
    cheaper than one more exec of ``env -C`` for each job.

    Raises:
        StartError: the workdir leaves the data folder, the command is missing, or the machine refuses.
    """
    folder = open_workdir(work, data)
    try:
        os.fchdir(folder)
    finally:
        os.close(folder)
    try:
        own = {os.fsencode(key): os.fsencode(value) for key, value in work.environment.items()}
        merged = {**environment, **own}
        return _spawn(work.argv, merged)
    except (OSError, ValueError) as error:
        raise _explain(error, work.argv[0]) from error


def _spawn(argv: list[str], environment: dict[bytes, bytes]) -> int:
    path = environment.get(b"PATH", b"/usr/bin:/bin")
    try:
        program = _find(argv[0], path)
        return os.posix_spawn(program, argv, environment, file_actions=FILE_ACTIONS, setsid=True)
    except FileNotFoundError:
        _find.cache_clear()  # it may be elsewhere now
        program = _find(argv[0], path)
        return os.posix_spawn(program, argv, environment, file_actions=FILE_ACTIONS, setsid=True)


def spawn_worker(argv: list[str], own: Mapping[str, str], environment: Mapping[bytes, bytes]) -> int:
    """Start a warm worker in a session of its own, its output in the launcher's log; returns its pid.

    Raises:
        StartError: the interpreter is missing, or the machine refuses.
    """
    merged = {**environment, **{os.fsencode(key): os.fsencode(value) for key, value in own.items()}}
    try:
        os.chdir("/")
        program = _find(argv[0], merged.get(b"PATH", b"/usr/bin:/bin"))
        return os.posix_spawn(program, argv, merged, setsid=True)
    except OSError as error:
        _find.cache_clear()
        missing = error.errno == errno.ENOENT
        raise StartError(
            f"the App's interpreter {argv[0]!r} cannot be started: {error.strerror}",
            cause="command",
            code=127 if missing else 126,
        ) from error


def open_workdir(work: Work, data: int) -> int:
    """The open workdir, made where needed; outputs of an earlier attempt are set aside.

    Raises:
        StartError: it leaves the data folder, or cannot be used.
    """
    try:
        folder = open_folder(data, work.workdir, create=True)
    except PathError as error:
        raise StartError(f"workdir refused: {error}", cause="workdir") from error
    except OSError as error:
        raise StartError(f"workdir {work.workdir!r} cannot be used: {error.strerror}", cause="system") from error
    if work.lease.attempt > 1 and (work.call is None or work.call.method == "run"):
        try:
            _set_aside(folder, work.lease.attempt - 1)
        except OSError as error:
            os.close(folder)
            raise StartError(
                f"outputs of the last attempt cannot be set aside: {error.strerror}", cause="system"
            ) from error
    return folder


def _set_aside(folder: int, attempt: int) -> None:
    for name in OUTPUTS:
        with suppress(FileNotFoundError):
            os.rename(name, f"{name}.{attempt}", src_dir_fd=folder, dst_dir_fd=folder)


@functools.lru_cache(maxsize=256)
def _find(name: str, path: bytes) -> str:
    if "/" in name:
        return name
    for folder in os.fsdecode(path).split(os.pathsep):
        if not folder.startswith("/"):
            continue  # the workdir of whichever job comes first
        candidate = os.path.join(folder, name)  # noqa: PTH118 - 4 times faster, once per job
        if os.access(candidate, os.X_OK) and os.path.isfile(candidate):  # noqa: PTH113
            return candidate
    raise FileNotFoundError(errno.ENOENT, f"not found on PATH {os.fsdecode(path)}")


def _explain(error: OSError | ValueError, command: str) -> StartError:
    if isinstance(error, ValueError):
        return StartError(f"command {command!r} cannot be passed on: {error}", cause="command", code=126)
    match error.errno:
        case errno.ENOENT if (broken := _output_error()) is None:
            why = error.strerror or "not found"
            return StartError(f"command not found: {command!r} ({why})", cause="command", code=127)
        case errno.EACCES | errno.ENOEXEC | errno.E2BIG | errno.EISDIR if (broken := _output_error()) is None:
            way_out = "; a script needs a #! line" if error.errno == errno.ENOEXEC else ""
            return StartError(
                f"command {command!r} cannot be run: {error.strerror}{way_out}", cause="command", code=126
            )
        case _:
            broken = _output_error()
            return StartError(f"the process could not be started: {broken or error.strerror}", cause="system")


def _output_error() -> str | None:
    # posix_spawn gives one errno for both its files and its program; opening the files again tells which it was.
    for name in OUTPUTS:
        try:
            os.close(os.open(name, OUTPUT & ~os.O_TRUNC, 0o644))
        except OSError as error:
            return f"{name} in the workdir cannot be written: {error.strerror}"
    return None
