"""Taking over what an earlier spawner of this state folder left: by its journal, or by the environment of processes."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from storax_agent.launch.process_identity import pidfd_of
from storax_agent.launch.spawner.jobs import Jobs
from storax_agent.launch.spawner.journal import Journal
from storax_agent.launch.spawner.orphans import unrecorded
from storax_agent.launch.spawner.recorder import Recorder
from storax_agent.launch.spawner.worker_pool import remove_answers
from storax_agent.launch.work import Ended, Lease, Place, Started


def adopt(jobs: Jobs, journal: Journal, recorder: Recorder, *, state: Path, data: Path) -> None:
    """Watch what still runs; end what is gone without a trace."""
    running, intended = ({s.lease: s for s in journal.running.values() if bool(s.pid) is has} for has in (True, False))
    for started in running.values():
        handle = pidfd_of(started.pid, start_time=started.start_time) if journal.same_boot else None
        if handle is None:
            _end_lost(jobs, started)
        else:
            jobs.take_over(started, handle)
    _adopt_unrecorded(jobs, recorder, intended, state=state, data=data)
    for started in intended.values():
        if started.lease not in jobs.watch:
            recorder.started(started)  # it may have run: to start it once more would be unknown to the log
            _end_lost(jobs, started)
    remove_answers(state / "results", keep=journal.running)
    recorder.flush()


def _end_lost(jobs: Jobs, started: Started) -> None:
    message = "the process ended while nobody watched it"
    jobs.ended(Ended(started.lease, time.time(), None, "lost", message, started.workdir, True, started.stage))


def _adopt_unrecorded(
    jobs: Jobs, recorder: Recorder, intended: Mapping[Lease, Started], *, state: Path, data: Path
) -> None:
    """Take over what was started but never written down."""
    for lease, pid, start_time in unrecorded(str(state)):
        handle = pidfd_of(pid, start_time=start_time) if lease not in jobs.watch else None
        if handle is None:
            continue
        if lease in intended:
            started = replace(intended[lease], pid=pid, start_time=start_time)
        else:
            workdir = os.path.relpath(Path(f"/proc/{pid}/cwd").resolve(), data.resolve())
            started = Started(lease, time.time(), pid, start_time, workdir, Place([0]), 0.0)
        recorder.started(started)
        jobs.take_over(started, handle)
