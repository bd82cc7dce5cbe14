"""One part at work: started or adopted, watched, started again when it dies."""

import subprocess
import time
from enum import StrEnum
from pathlib import Path

from storax._runtime.processes import Process, end, identify
from storax._runtime.retry import doubling_pause
from storax.local.errors import StartError
from storax.local.processes.log_file import LogFile
from storax.local.processes.spawn import spawn
from storax.local.stack_parts import Part
from storax.local.state import PartRecord

_FIRST_DELAY_SEC = 0.1
_LONGEST_DELAY_SEC = 5.0
_SETTLED_SEC = 10.0  # after so long a run, the next failure starts with the first delay again
_RETRY_SEC = 0.25


class Phase(StrEnum):
    """Where a part stands."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"


class Child:
    """Runs one part. ``step`` advances it and returns at once; the supervisor calls it often.

    Args:
        part: What to run.
        stack_id: Id of the stack, which marks the process.
        version: Version of Storax, part of the fingerprint.
        log: Path of the part's log.
        record: What an earlier supervisor recorded about the part; None where there is none.
    """

    def __init__(self, part: Part, *, stack_id: str, version: str, log: Path, record: PartRecord | None = None) -> None:
        self.part = part
        self.phase = Phase.WAITING
        self.record: PartRecord | None = None
        self.started_here = False
        self.due = 0.0  # when to start again, by the monotonic clock
        self._earlier_record = record
        self._mark = f"{stack_id}:{part.name}"
        self._version = version
        self._log = LogFile(log)
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
        """Advance by one step: start what is due, check what starts, notice what died.

        Args:
            ready: Names of the parts that are ready.
            now: The monotonic clock, in seconds.
            starting: Whether the stack still starts; until it runs, the end of a part started here is an error.

        Raises:
            StartError: the part did not come up for the first time.
        """
        self._stack_starts = starting
        if self.phase is Phase.WAITING and ready.issuperset(self.part.needs):
            self._begin(now)
        elif self.phase is Phase.RESTARTING and now >= self.due and ready.issuperset(self.part.needs):
            self._start(now)
        elif self.phase is Phase.STARTING or (self.phase is Phase.READY and not self.part.once):
            self._watch(now)

    def reap(self) -> None:
        """Collect the exit status of a process that was stopped."""
        if self._popen is not None:
            self._popen.poll()

    # ---- starting ---------------------------------------------------------------------------------------------------

    def _begin(self, now: float) -> None:
        if self.part.skip():
            self.phase = Phase.READY
        elif not self._adopt():
            self._start(now)

    def _adopt(self) -> bool:
        """Adopt the process of an earlier supervisor; stop one that is not the same or does not answer."""
        earlier = self._earlier_record
        if self.part.once or earlier is None or earlier.process is None or not earlier.process.alive():
            return False
        if earlier.fingerprint == self.part.fingerprint(self._version) and self.part.alive():
            self.record, self.phase, self._was_ready = earlier, Phase.READY, True
            self._last_start = time.monotonic()
            earlier.state = str(self.phase)
            return True
        end([earlier.process], number=earlier.signal, grace=earlier.grace)
        return False

    def _start(self, now: float) -> None:
        try:
            self.part.before()
            self._popen = spawn(self.part, log=self._log, mark=self._mark)
        except OSError as error:
            self._retry_spawn(error, now)
            return
        self.started_here = True
        self._first_start = self._first_start or now
        self._last_start = now
        self.phase = Phase.STARTING
        self.record = self._new_record(identify(self._popen.pid))

    def _retry_spawn(self, error: OSError, now: float) -> None:
        """Schedule another try after a lack of memory or disk; at the first start the lack is an error."""
        if not self._was_ready:
            raise StartError(f"{self.part.name} could not be started: {error}") from error
        self.due = now + _LONGEST_DELAY_SEC
        self._enter(Phase.RESTARTING)

    def _new_record(self, process: Process | None) -> PartRecord:
        part = self.part
        return PartRecord(
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

    # ---- watching ---------------------------------------------------------------------------------------------------

    def _watch(self, now: float) -> None:
        code = self._exit_code()
        if code is None:
            self._check_ready(now)
        elif self.part.once and code == 0:
            self._finish_once()
        else:
            self._handle_exit(code, now)

    def _exit_code(self) -> int | None:
        if self._popen is not None:
            return self._popen.poll()
        return None if self.process is None or self.process.alive() else -1

    def _check_ready(self, now: float) -> None:
        if self.phase is Phase.STARTING and not self.part.once and self._is_ready(now):
            self._enter(Phase.READY)
            self._was_ready = True
        elif not self._was_ready and now - self._first_start > self.part.timeout:
            raise self._start_error(f"was not ready within {self.part.timeout:.0f} seconds")

    def _is_ready(self, now: float) -> bool:
        return now - self._last_start >= self.part.settle and self.part.ready()

    def _finish_once(self) -> None:
        if self.part.after and self._popen:
            self.part.after(self._popen.communicate()[0])
        self._enter(Phase.READY)

    def _handle_exit(self, code: int, now: float) -> None:
        if not self._was_ready or (self._stack_starts and self.started_here):
            self._retry_start(code, now)
            return
        self._failures = 0 if now - self._last_start > _SETTLED_SEC else self._failures
        self.due = now + doubling_pause(_FIRST_DELAY_SEC, self._failures + 1, _LONGEST_DELAY_SEC)
        self._failures += 1
        self._restarts += 1
        self._enter(Phase.RESTARTING)

    def _retry_start(self, code: int, now: float) -> None:
        if now - self._first_start > self.part.patience or not self.part.retry(self._log.tail()):
            raise self._start_error(f"ended at its start with status {code}")
        self.due = now + _RETRY_SEC
        self._enter(Phase.RESTARTING)

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        if self.record:
            self.record.state = str(phase)

    def _start_error(self, problem: str) -> StartError:
        tail = self._log.tail()
        excerpt = f" The end of its log:\n{tail}\n" if tail else " "
        return StartError(f"{self.part.name} {problem}.{excerpt}The whole log: {self._log.path}")
