"""The local scheduler: an allocation is a process of this machine that runs jobs as the agent does, for its wall time.

It works beside the agent, with the same number of cores: this machine has no scheduler that would keep the two apart.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from storax_agent.files.locks import holder
from storax_agent.launch.end_jobs import end_jobs
from storax_agent.launch.process_identity import date_of, runs, start_time_of
from storax_agent.schedulers.base import (
    BEGAN,
    Limits,
    Request,
    SchedulerSnapshot,
    Status,
    Submitted,
    runner_command,
)
from storax_agent.settings.job_environment import ProcessEnvironment
from storax_agent.settings.scheduler_kinds import is_id
from storax_agent.settings.site import SiteFolder, SiteSettings

QUEUE = "local"
MAX_WALL_MIN = 7 * 24 * 60


def make(folder: SiteFolder, settings: SiteSettings) -> "LocalScheduler":
    """The scheduler of this machine."""
    return LocalScheduler(folder, environment=settings.environment)


class LocalScheduler:
    """Runs each allocation as ``python -m storax_agent run SITE --batch-job ID``. Its id is ``ID.PID@START_TIME``.

    ``runner`` gives another command for a BatchJob; it must hold the lock of its part of the site.
    """

    def __init__(
        self, folder: SiteFolder, *, runner: Callable[[int], Sequence[str]] | None = None,
        environment: ProcessEnvironment | None = None,
    ) -> None:  # fmt: skip
        self._folder = folder
        self._environment = environment or ProcessEnvironment()
        self._runner = runner or partial(runner_command, folder.path)

    def submit(self, requests: Sequence[Request]) -> Sequence[Submitted]:
        """Start the runners."""
        return [self._submit(request) for request in requests]

    def find(self, batch_job_ids: Sequence[int]) -> Mapping[int, str] | None:
        """Those whose runner runs."""
        return {number: known for number in batch_job_ids if (known := self._known(number))}

    def statuses(self, scheduler_ids: Sequence[str]) -> Mapping[str, Status]:
        """Running, or finished; an id that is none of ours is unknown."""
        return {scheduler_id: self._status(scheduler_id) for scheduler_id in scheduler_ids}

    def cancel(self, scheduler_ids: Sequence[str]) -> None:
        """Ask the runners to end; they end their jobs."""
        for scheduler_id in scheduler_ids:
            process = _parse(scheduler_id)
            # Only a runner of this site: the id came from the server.
            if process is not None and self._known(process[0]) == scheduler_id:
                with suppress(ProcessLookupError):
                    os.kill(process[1], signal.SIGTERM)

    def queues(self) -> Limits:
        """One queue, for one node."""
        return {QUEUE: {"max_nodes": 1, "max_walltime": MAX_WALL_MIN, "max_queued_jobs": 100}}

    def snapshot(self) -> SchedulerSnapshot | None:
        """This machine is always there, and its allocations never wait."""
        return SchedulerSnapshot({QUEUE: [{"num_nodes": 1, "wall_time_min": MAX_WALL_MIN}]}, {})

    def _submit(self, request: Request) -> Submitted:
        if request.num_nodes > 1:
            return Submitted(
                request.batch_job_id, None, f"asks for {request.num_nodes} nodes; the local scheduler has 1"
            )
        if request.queue not in ("", QUEUE):
            return Submitted(
                request.batch_job_id, None, f"there is no queue {request.queue!r}; the local scheduler has {QUEUE!r}"
            )
        known = self._known(request.batch_job_id) or self._named(request.batch_job_id, self._spawn(request))
        if known is None:
            return Submitted(
                request.batch_job_id, None, f"its runner ended at once; see {self._log(request.batch_job_id)}"
            )
        note = self._note(request.batch_job_id)
        note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        note.write_text(known, encoding="utf-8")
        return Submitted(request.batch_job_id, known)

    def _known(self, batch_job_id: int) -> str | None:
        """The id of a runner that runs. Until it has its lock, the note tells of it."""
        if (pid := holder(self._part(batch_job_id).lock)) is not None:
            return self._named(batch_job_id, pid)
        with suppress(OSError):
            noted = self._note(batch_job_id).read_text(encoding="utf-8", errors="replace")
            process = _parse(noted)
            return noted if process is not None and runs(process[1], start_time=process[2]) else None
        return None

    def _named(self, batch_job_id: int, pid: int) -> str | None:
        start_time = start_time_of(pid)
        return None if start_time is None else f"{batch_job_id}.{pid}@{start_time:.2f}"

    def _note(self, batch_job_id: int) -> Path:
        return self._part(batch_job_id).state / "runner"

    def _spawn(self, request: Request) -> int:
        arguments = list(self._runner(request.batch_job_id))
        log = str(self._log(request.batch_job_id))
        out = (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        environment = {**self._environment.scheduler(os.environ), BEGAN: f"{time.time():.3f}"}
        actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), out, (os.POSIX_SPAWN_DUP2, 1, 2)]
        return os.posix_spawn(arguments[0], arguments, environment, file_actions=actions, setsid=True)

    def _status(self, scheduler_id: str) -> Status:
        process = _parse(scheduler_id)
        if process is None:
            return Status("unknown", info={"message": f"{scheduler_id!r} is no id of the local scheduler"})
        batch_job_id, pid, start_time = process
        if runs(pid, start_time=start_time):
            return Status("running", start_time=date_of(start_time))
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        if self._known(batch_job_id) is None:
            end_jobs(self._part(batch_job_id))  # of a runner that was killed
        return Status("finished", date_of(start_time), datetime.now(UTC))

    def _part(self, batch_job_id: int) -> SiteFolder:
        return SiteFolder(self._folder.path, part=f"batch-{batch_job_id}")

    def _log(self, batch_job_id: int) -> Path:
        return self._folder.log / f"batch-{batch_job_id}.out"


def _parse(scheduler_id: str) -> tuple[int, int, float] | None:
    if not is_id(QUEUE, scheduler_id):
        return None
    batch_job_id, _, process = scheduler_id.partition(".")
    pid, _, start_time = process.partition("@")
    return int(batch_job_id), int(pid), float(start_time)
