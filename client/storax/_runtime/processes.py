"""Process identity: a pid together with its start time, so that a reused pid is never mistaken for ours."""

import os
import select
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MARK = "STORAX_STACK"  # environment variable that marks a process of a stack, as <stack id>:<part>

_THREADS_FIELD, _START_FIELD = 17, 19  # of /proc/PID/stat, counted after the command's closing parenthesis


@dataclass(frozen=True)
class Process:
    """One process of this machine: its pid and its start time since boot, in clock ticks."""

    pid: int
    start: str

    def alive(self) -> bool:
        """Return whether it still runs; a zombie does not, unless it has threads that do."""
        return _start_of(self.pid) == self.start

    def send(self, number: int) -> None:
        """Send a signal, unless the process is gone."""
        if self.alive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def uptime(self) -> float:
        """Return the seconds since it started."""
        ticks = float(self.start.partition("-")[2])
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"))


def identify(pid: int) -> Process | None:
    """Return the process of a pid, or None when there is none."""
    start = _start_of(pid)
    return Process(pid=pid, start=start) if start else None


def wait_gone(processes: Iterable[Process], *, timeout: float) -> list[Process]:
    """Wait until all have ended; after ``timeout`` seconds return those that still run."""
    deadline = time.monotonic() + timeout
    left = [process for process in processes if process.alive()]
    while left and (rest := deadline - time.monotonic()) > 0:
        _sleep_until_one_ends(left, min(rest, 1.0))
        left = [process for process in left if process.alive()]
    return left


def end(processes: Iterable[Process], *, number: int = signal.SIGTERM, grace: float = 5.0) -> None:
    """Send the signal, wait ``grace`` seconds, then kill what is left."""
    running = [process for process in processes if process.alive()]
    for process in running:
        process.send(number)
    stubborn = wait_gone(running, timeout=grace)
    for process in stubborn:
        process.send(signal.SIGKILL)
    wait_gone(stubborn, timeout=5.0)


def orphans(stack_id: str, *, commands: Iterable[list[str]]) -> list[Process]:
    """Find the processes that were started for a stack, by their environment, and run one of its commands.

    The command is compared as well because the users' jobs inherit the environment, and are not ours to stop.
    """
    command_lines = {b"\0".join(part.encode() for part in command) for command in commands}
    mark = f"{MARK}={stack_id}:".encode()
    matches = (
        identify(int(entry.name))
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _belongs(entry, mark=mark, command_lines=command_lines)
    )
    return [process for process in matches if process and process.pid != os.getpid()]


def _belongs(entry: Path, *, mark: bytes, command_lines: set[bytes]) -> bool:
    try:
        if (entry / "cmdline").read_bytes().rstrip(b"\0") not in command_lines:
            return False
        return any(line.startswith(mark) for line in (entry / "environ").read_bytes().split(b"\0"))
    except OSError:
        return False  # gone meanwhile, or another user's


def _start_of(pid: int) -> str:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    # After kill -9 the first thread is a zombie while another one still waits for the disk: files and locks are held.
    ended = fields[0] in "Xx" or (fields[0] == "Z" and int(fields[_THREADS_FIELD]) <= 1)
    return "" if ended else f"{_boot()}-{fields[_START_FIELD]}"


def _boot() -> str:
    # Start times count from boot, so a record of an earlier boot must never match.
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]


def _sleep_until_one_ends(processes: list[Process], timeout: float) -> None:
    poll = select.poll()
    handles = []
    try:
        for process in processes:
            with suppress(ProcessLookupError):
                handles.append(os.pidfd_open(process.pid))
                poll.register(handles[-1], select.POLLIN)
        if len(handles) == len(processes):
            poll.poll(timeout * 1000)
    finally:
        for handle in handles:
            os.close(handle)
