"""Starting one process, knowing it again, and learning how it ended, also when it is not our child."""

import errno
import fcntl
import functools
import os
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from storax_agent.files.safe_path import PathError, open_folder
from storax_agent.launch.base import Cause, Lease, Work

OUTPUT = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW
OUTPUTS = ("job.out", "job.err")
FILE_ACTIONS = [(os.POSIX_SPAWN_OPEN, number + 1, name, OUTPUT, 0o644) for number, name in enumerate(OUTPUTS)]
BIRTH_SLACK_SEC = 1.0
_RESULT = b"STORAX_RESULT_FILE="
RESULT_VARIABLE = "STORAX_RESULT_FILE"
LAUNCHER_VARIABLE = "STORAX_LAUNCHER"

_GET_INFO = 0xC040FF0B  # ioctl PIDFD_GET_INFO with the first, 64-byte form of struct pidfd_info
_INFO_EXIT = 1 << 3
_EXIT_OFFSET = 60
_START_FIELD, _STATE_FIELD, _EXIT_FIELD = 19, 0, 49  # of /proc/PID/stat, after the command's parenthesis


class StartError(Exception):
    """A process could not be started; ``code`` is the exit code a shell would give (127, 126) or None."""

    def __init__(self, message: str, *, cause: Cause, code: int | None = None) -> None:
        super().__init__(message)
        self.cause: Cause = cause
        self.code = code


def now_since_boot() -> float:
    """Seconds since boot, the clock in which the kernel keeps start times."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


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
        given = {os.fsencode(key): os.fsencode(value) for key, value in work.environment.items()}
        merged = {**environment, **given}
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


def spawn_worker(argv: list[str], given: Mapping[str, str], environment: Mapping[bytes, bytes]) -> int:
    """Start a warm worker in a session of its own, its output in the launcher's log; returns its pid.

    Raises:
        StartError: the interpreter is missing, or the machine refuses.
    """
    merged = {**environment, **{os.fsencode(key): os.fsencode(value) for key, value in given.items()}}
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


def same_process(pid: int, *, born: float) -> int | None:
    """A pidfd of the process that had this pid and was born then, or None when it is gone and fully forgotten.

    A zombie counts: its exit code can still be read.
    """
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return None
    stat = _stat(pid)
    if stat and abs(int(stat[_START_FIELD]) / os.sysconf("SC_CLK_TCK") - born) <= BIRTH_SLACK_SEC:
        return handle
    os.close(handle)
    return None


def born(pid: int) -> float | None:
    """When this process was born, in seconds since boot; None when there is none."""
    stat = _stat(pid)
    return _birth(pid) if stat and stat[_STATE_FIELD] not in "ZX" else None


def runs(pid: int, *, born: float) -> bool:
    """Whether the process that had this pid and was born then still runs; a zombie does not."""
    handle = same_process(pid, born=born)
    if handle is None:
        return False
    os.close(handle)
    stat = _stat(pid)
    return stat is not None and stat[_STATE_FIELD] not in "ZX"


def wall_time(born: float) -> datetime:
    """A time since boot as a date."""
    return datetime.fromtimestamp(time.time() - now_since_boot() + born, UTC)


def foreign_exit(pid: int, handle: int) -> int | None:
    """The exit code of an ended process that is not our child, or None when nobody can tell any more.

    A zombie's is in /proc; of one already reaped, Linux 6.15 and later tell it through the pidfd.
    """
    stat = _stat(pid)
    if stat and stat[_STATE_FIELD] in "ZX":
        return os.waitstatus_to_exitcode(int(stat[_EXIT_FIELD]))
    buffer = bytearray(64)
    struct.pack_into("Q", buffer, 0, _INFO_EXIT)
    try:
        fcntl.ioctl(handle, _GET_INFO, buffer)
    except OSError:
        return None
    if not struct.unpack_from("Q", buffer)[0] & _INFO_EXIT:
        return None
    status: int = struct.unpack_from("i", buffer, _EXIT_OFFSET)[0]
    return os.waitstatus_to_exitcode(status)


def strays(launcher: str) -> list[tuple[Lease, int, float]]:
    """Session leaders that the launcher of this state folder started, by their environment: lease, pid, birth.

    Finds the few that a launcher started and was killed before it could write them down.
    """
    return [(lease, pid, when) for lease, pid in marked(launcher) if _leads(pid) and (when := _birth(pid)) is not None]


def marked(launcher: str) -> list[tuple[Lease, int]]:
    """All processes that carry this launcher's mark, with the lease they belong to."""
    mark = f"{LAUNCHER_VARIABLE}={launcher}".encode()
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [(lease, pid) for pid in pids if (lease := lease_of(pid, mark)) is not None]


def lease_of(pid: int, mark: bytes) -> Lease | None:
    """The lease in whose name a process was started by the launcher of that ``mark``; None for a stranger."""
    try:
        lines = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        if mark not in lines:
            return None
        named = next(line for line in lines if line.startswith(_RESULT))
        job, epoch, attempt = (int(part) for part in named.rpartition(b"/")[2].removesuffix(b".json").split(b"."))
    except (OSError, StopIteration, ValueError):
        return None
    return Lease(job, epoch, attempt)


def _leads(pid: int) -> bool:
    with suppress(OSError):
        return os.getsid(pid) == pid
    return False


def _birth(pid: int) -> float | None:
    stat = _stat(pid)
    return int(stat[_START_FIELD]) / os.sysconf("SC_CLK_TCK") if stat else None


def _stat(pid: int) -> list[str] | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
