"""Runs a scheduler's command, and never raises for one that hangs, is missing, or prints without end."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from storax_agent.settings.job_environment import ProcessEnvironment
from storax_agent.settings.site import SiteSettings

MOST_BYTES = 32 << 20
LAST_WORDS = 400
# One zone and one language for all answers; the last two make Slurm and LSF tell whole dates.
SPEECH = {"TZ": "UTC", "LC_ALL": "C", "SLURM_TIME_FORMAT": "standard", "LSB_DISPLAY_YEAR": "Y"}


class Ran(NamedTuple):
    """What became of a command. ``code`` is None when it did not end by itself: ``err`` then says why."""

    code: int | None
    out: str
    err: str

    @property
    def ok(self) -> bool:
        """Whether it ended well, and its output was not cut off in the middle of a line."""
        return self.code == 0 and (not self.out or self.out.endswith("\n"))

    @property
    def message(self) -> str:
        """What it said, for people: the end of stderr, else of stdout, else its exit code."""
        return (self.err.strip() or self.out.strip() or f"exit code {self.code}, no words")[-LAST_WORDS:]


@dataclass(frozen=True)
class CommandRunner:
    """Runs the commands of a site's scheduler: ``environment`` is what the site passes on to them."""

    timeout_sec: float
    environment: ProcessEnvironment = field(default_factory=ProcessEnvironment)

    @classmethod
    def of(cls, settings: SiteSettings) -> "CommandRunner":
        """Return the runner that the settings describe."""
        return cls(settings.scheduler.command_timeout_sec, settings.environment)

    def __call__(self, argv: Sequence[str], *, stdin: Path | None = None) -> Ran:
        """Run ``argv`` as ``run`` does."""
        return run(argv, timeout_sec=self.timeout_sec, environment=self.environment, stdin=stdin)


def run(
    argv: Sequence[str], *, timeout_sec: float, environment: ProcessEnvironment | None = None, stdin: Path | None = None
) -> Ran:
    """Run ``argv`` without a shell, in UTC and plain English. It is killed with its children after the timeout."""
    variables = (environment or ProcessEnvironment()).scheduler(os.environ)
    try:
        with Path(stdin or os.devnull).open("rb") as stdin_file:
            process = _start(argv, stdin_file, {**variables, **SPEECH})
    except (OSError, ValueError) as error:
        return Ran(None, "", f"{argv[0]} cannot be run: {error}")
    try:
        return _read(process, argv[0], time.monotonic() + timeout_sec, timeout_sec)
    finally:
        _end(process)


def _start(argv: Sequence[str], stdin_file: IO[bytes], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        list(argv),
        stdin=stdin_file,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )


def _read(process: subprocess.Popen[bytes], name: str, deadline: float, timeout_sec: float) -> Ran:
    held = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as selector:
        for pipe in held:
            selector.register(pipe, selectors.EVENT_READ)  # type: ignore[arg-type]
        while selector.get_map() and sum(map(len, held.values())) <= MOST_BYTES:
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                break
            for key, _ in ready:
                _take(selector, key.fileobj, held)  # type: ignore[arg-type]
        over = bool(selector.get_map())
    out, err = (bytes(text).decode("utf-8", "replace") for text in held.values())
    if sum(map(len, held.values())) > MOST_BYTES:
        return Ran(None, "", f"{name} printed more than {MOST_BYTES >> 20} MiB; stopped")
    with suppress(subprocess.TimeoutExpired):
        if not over:
            process.wait(max(0.1, deadline - time.monotonic()))
    if process.returncode is None:
        return Ran(None, out, f"{name} gave no answer within {timeout_sec:g} s")
    return Ran(process.returncode, out, err)


def _take(selector: selectors.BaseSelector, pipe: IO[bytes], held: dict[IO[bytes] | None, bytearray]) -> None:
    chunk = os.read(pipe.fileno(), 1 << 16)
    if chunk:
        held[pipe] += chunk
    else:
        selector.unregister(pipe)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):  # in an uninterruptible sleep, on a file system that hangs
            process.wait(1.0)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
