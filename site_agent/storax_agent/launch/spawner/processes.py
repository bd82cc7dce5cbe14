"""Starting one process for a job, or one worker."""

import errno
import functools
import os
from collections.abc import Mapping
from typing import Any

from storax_agent.files.free_space import is_full_error
from storax_agent.files.safe_path import PathError, open_folder
from storax_agent.launch.spawner.output_names import Names, OutputNames, name_as_latest
from storax_agent.launch.spawner.scripts import flaw_of
from storax_agent.launch.work import Cause, Work

OUTPUT = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
RESULT_VARIABLE = "STORAX_RESULT_FILE"
LAUNCHER_VARIABLE = "STORAX_LAUNCHER"


class StartError(Exception):
    """A process could not be started; ``code`` is the exit code a shell would give (127, 126) or None. ``full``: a disk
    had no room."""

    def __init__(self, message: str, *, cause: Cause, code: int | None = None, full: bool = False) -> None:
        super().__init__(message)
        self.cause: Cause = cause
        self.code = code
        self.full = full


def spawn(work: Work, *, data: int, environment: Mapping[bytes, bytes], outputs: OutputNames) -> int:
    """Start ``work`` in its workdir below the open folder ``data``, in a session of its own; returns its pid.

    posix_spawn cannot change the folder, so this process does, and every other path it uses is absolute or opened:
    cheaper than one more exec of ``env -C`` for each job.

    Raises:
        StartError: the workdir leaves the data folder, the command is missing, or the machine refuses.
    """
    folder = open_workdir(work, data)
    try:
        os.fchdir(folder)
        return _start_in(folder, work, environment, outputs)
    finally:
        os.close(folder)


def _start_in(folder: int, work: Work, environment: Mapping[bytes, bytes], outputs: OutputNames) -> int:
    """Start ``work`` in the open ``folder``, which is the current one; returns its pid. Raises StartError."""
    names = claim(folder, work, outputs)
    try:
        own = {os.fsencode(key): os.fsencode(value) for key, value in work.environment.items()}
        merged = {**environment, **own}
        try:
            pid = _spawn(work.argv, merged, names)
        except FileExistsError:  # another spawner started a job here in this moment
            names = claim(folder, work, outputs, contested=True)
            pid = _spawn(work.argv, merged, names)
    except (OSError, ValueError) as error:
        raise _explain(error, work.argv[0], names) from error
    name_as_latest(names)
    return pid


def _spawn(argv: list[str], environment: dict[bytes, bytes], names: Names) -> int:
    path = environment.get(b"PATH", b"/usr/bin:/bin")
    try:
        program = _find(argv[0], path)
        return os.posix_spawn(program, argv, environment, file_actions=_files(names, os.O_EXCL), setsid=True)
    except FileNotFoundError:
        _find.cache_clear()  # it may be elsewhere now
        program = _find(argv[0], path)
        return os.posix_spawn(program, argv, environment, file_actions=_files(names, os.O_TRUNC), setsid=True)


def _files(names: Names, flag: int) -> list[tuple[Any, ...]]:
    return [(os.POSIX_SPAWN_OPEN, number + 1, name, OUTPUT | flag, 0o644) for number, name in enumerate(names)]


def claim(folder: int, work: Work, outputs: OutputNames, *, contested: bool = False) -> Names:
    """The names of the output files of ``work`` in its open workdir.

    Raises:
        StartError: they cannot be used.
    """
    try:
        return outputs.claim(folder, work.lease, work.workdir, contested=contested)
    except OSError as error:
        raise StartError(
            f"the process could not be started: {error.filename} in the workdir cannot be written: {error.strerror}",
            cause="system",
            full=is_full_error(error),
        ) from error


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
    """The open workdir, made where needed.

    Raises:
        StartError: it leaves the data folder, or cannot be used.
    """
    try:
        folder = open_folder(data, work.workdir, create=True)
    except PathError as error:
        raise StartError(f"workdir refused: {error}", cause="workdir") from error
    except OSError as error:
        message = f"workdir {work.workdir!r} cannot be used: {error.strerror}"
        raise StartError(message, cause="system", full=is_full_error(error)) from error
    return folder


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


def _explain(error: OSError | ValueError, command: str, names: Names) -> StartError:
    if isinstance(error, ValueError):
        return StartError(f"command {command!r} cannot be passed on: {error}", cause="command", code=126)
    if broken := _output_error(names):
        name, fault = broken
        message = f"the process could not be started: {name} in the workdir cannot be written: {fault.strerror}"
        return StartError(message, cause="system", full=is_full_error(fault))
    flaw = flaw_of(command) if "/" in command and error.errno in (errno.ENOENT, errno.ENOEXEC) else ""
    match error.errno:
        case errno.ENOENT if not flaw:
            why = error.strerror or "not found"
            return StartError(f"command not found: {command!r} ({why})", cause="command", code=127)
        case errno.ENOENT | errno.EACCES | errno.ENOEXEC | errno.E2BIG | errno.EISDIR:
            code = 127 if error.errno == errno.ENOENT else 126
            return StartError(
                f"command {command!r} cannot be run: {flaw or error.strerror}", cause="command", code=code
            )
        case _:
            message = f"the process could not be started: {error.strerror}"
            return StartError(message, cause="system", full=is_full_error(error))


def _output_error(names: Names) -> tuple[str, OSError] | None:
    # posix_spawn gives one errno for both its files and its program; opening the files again tells which it was.
    for name in names:
        try:
            os.close(os.open(name, OUTPUT, 0o644))
        except OSError as error:
            return name, error
    return None
