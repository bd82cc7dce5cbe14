"""One part at work: started or adopted, watched, started again when it dies."""

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from storax._runtime.processes import MARK, Process, end, identify
from storax.local.errors import StartError
from storax.local.parts import Part
from storax.local.state import Record

_FIRST_DELAY_SEC = 0.1
_LONGEST_DELAY_SEC = 5.0
_SETTLED_SEC = 10.0  # after so long a run, the next failure starts with the first delay again
_RETRY_SEC = 0.25
_LOG_LIMIT = 20 * 1024 * 1024
_TAIL_LINES = 15

# Of our own environment these would name another server, user or stack to the processes we start.
_NOT_PASSED_ON = {"STORAX_URL", "STORAX_TOKEN", "STORAX_PROFILE", MARK}
_MINIMAL = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")


class Phase(StrEnum):
    """Where a part stands."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"


class Child:
    """Runs one part. ``step`` moves it on and returns at once; the supervisor calls it often."""

    def __init__(self, part: Part, *, stack_id: str, version: str, log: Path, record: Record | None = None) -> None:
        self.part = part
        self.phase = Phase.WAITING
        self.record: Record | None = None
        self.started_here = False
        self.due = 0.0  # when to start again, by the monotonic clock
        self._found = record
        self._mark = f"{stack_id}:{part.name}"
        self._version = version
        self._log = log
        self._log_from = 0
        self._popen: subprocess.Popen[str] | None = None
        self._first_start = 0.0
        self._last_start = 0.0
        self._failures = 0
        self._restarts = record.restarts if record else 0
        self._was_ready = False
        self._stack_starts = False

    @property
    def process(self) -> Process | None:
        """The running process, if any."""
        return self.record.process if self.record else None

    @property
    def settled(self) -> bool:
        """Whether there is nothing to do until a process ends."""
        return self.phase is Phase.READY

    def step(self, *, ready: set[str], now: float, starting: bool = False) -> None:
        """Move on.

        Args:
            ready: names of the parts that are ready.
            now: the monotonic clock.
            starting: whether the stack still starts; until it runs, the end of a part started here is an error.

        Raises:
            StartError: the part did not come up for the first time.
        """
        self._stack_starts = starting
        if self.phase is Phase.WAITING and ready.issuperset(self.part.needs):
            self._take_turn(now)
        elif self.phase is Phase.RESTARTING and now >= self.due and ready.issuperset(self.part.needs):
            self._spawn(now)
        elif self.phase is Phase.STARTING or (self.phase is Phase.READY and not self.part.once):
            self._watch(now)

    def reap(self) -> None:
        """Collect the exit status of a process that was stopped."""
        if self._popen is not None:
            self._popen.poll()

    def _take_turn(self, now: float) -> None:
        if self.part.skip():
            self.phase = Phase.READY
        elif not self._adopt():
            self._spawn(now)

    def _adopt(self) -> bool:
        """Take over the process an earlier supervisor left; one that is not the same, or is ill, is stopped."""
        found = self._found
        if self.part.once or found is None or found.process is None or not found.process.alive():
            return False
        if found.fingerprint == self.part.fingerprint(self._version) and self.part.alive():
            self.record, self.phase, self._was_ready = found, Phase.READY, True
            self._last_start = time.monotonic()
            found.state = str(self.phase)
            return True
        end([found.process], number=found.signal, grace=found.grace)
        return False

    def _spawn(self, now: float) -> None:
        try:
            self.part.before()
            self._popen = self._popen_part()
        except OSError as error:
            self._cannot_spawn(error, now)
            return
        self.started_here = True
        self._first_start = self._first_start or now
        self._last_start = now
        self.phase = Phase.STARTING
        self.record = self._new_record(identify(self._popen.pid))

    def _cannot_spawn(self, error: OSError, now: float) -> None:
        """No memory, no room on the disk: fatal at the first start, else tried again until it passes."""
        if not self._was_ready:
            raise StartError(f"{self.part.name} could not be started: {error}") from error
        self.due = now + _LONGEST_DELAY_SEC
        self._become(Phase.RESTARTING)

    def _popen_part(self) -> subprocess.Popen[str]:
        part = self.part
        with self._open_log() as log, tempfile.TemporaryFile("w+") as words:
            self._log_from = log.seek(0, os.SEEK_END)
            words.write(part.input)
            words.seek(0)
            return subprocess.Popen(
                part.user.command(part.argv),
                env=self._environment(part.environment()),
                cwd=self._log.parent.parent,
                stdin=words,
                stdout=subprocess.PIPE if part.after else log,
                stderr=log,
                text=True,
                start_new_session=True,  # Ctrl-C in a terminal must not reach it: stopping has an order
                user=part.user.uid,
                group=part.user.gid,
                extra_groups=[] if part.user.uid is not None else None,
            )

    def _open_log(self) -> TextIO:
        if self._log.exists() and self._log.stat().st_size > _LOG_LIMIT:
            self._log.replace(self._log.with_suffix(".log.1"))
        handle = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(handle, "a")

    def _environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        if self.part.clean:
            own = {name: os.environ[name] for name in _MINIMAL if name in os.environ}
        else:
            own = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
        return {**own, **extra, MARK: self._mark}

    def _new_record(self, process: Process | None) -> Record:
        part = self.part
        return Record(
            argv=list(part.argv),
            fingerprint=part.fingerprint(self._version),
            signal=int(part.signal),
            grace=part.grace,
            rank=part.rank,
            address=part.address,
            state=str(self.phase),
            restarts=self._restarts,
            process=process,
        )

    def _watch(self, now: float) -> None:
        code = self._exit_code()
        if code is None:
            self._look_ready(now)
        elif self.part.once and code == 0:
            self._finish_once()
        else:
            self._died(code, now)

    def _look_ready(self, now: float) -> None:
        if self.phase is Phase.STARTING and not self.part.once and self._is_ready(now):
            self._become(Phase.READY)
            self._was_ready = True
        elif not self._was_ready and now - self._first_start > self.part.timeout:
            raise StartError(self._story(f"was not ready within {self.part.timeout:.0f} seconds"))

    def _is_ready(self, now: float) -> bool:
        return now - self._last_start >= self.part.settle and self.part.ready()

    def _finish_once(self) -> None:
        if self.part.after and self._popen:
            self.part.after(self._popen.communicate()[0])
        self._become(Phase.READY)

    def _died(self, code: int, now: float) -> None:
        if not self._was_ready or (self._stack_starts and self.started_here):
            self._failed_at_start(code, now)
            return
        self._failures = 0 if now - self._last_start > _SETTLED_SEC else self._failures
        self.due = now + min(_LONGEST_DELAY_SEC, _FIRST_DELAY_SEC * 2**self._failures)
        self._failures += 1
        self._restarts += 1
        self._become(Phase.RESTARTING)

    def _failed_at_start(self, code: int, now: float) -> None:
        if now - self._first_start > self.part.patience or not self.part.retry(self.log_tail()):
            raise StartError(self._story(f"ended at its start with status {code}"))
        self.due = now + _RETRY_SEC
        self._become(Phase.RESTARTING)

    def _become(self, phase: Phase) -> None:
        self.phase = phase
        if self.record:
            self.record.state = str(phase)

    def _exit_code(self) -> int | None:
        if self._popen is not None:
            return self._popen.poll()
        return None if self.process is None or self.process.alive() else -1

    def _story(self, what: str) -> str:
        tail = self.log_tail()
        shown = f" The end of its log:\n{tail}\n" if tail else " "
        return f"{self.part.name} {what}.{shown}The whole log: {self._log}"

    def log_tail(self) -> str:
        """The last lines it wrote since it was last started."""
        try:
            with self._log.open(encoding="utf-8", errors="replace") as file:
                file.seek(self._log_from)
                return "\n".join(line.rstrip() for line in file.readlines()[-_TAIL_LINES:])
        except OSError:
            return ""
