"""Taking over what an earlier spawner of this state folder left: by its journal, or by the environment of processes."""

import os
import time
from pathlib import Path

from storax_agent.launch.process_identity import pidfd_of
from storax_agent.launch.spawner.jobs import Jobs
from storax_agent.launch.spawner.journal import Journal
from storax_agent.launch.spawner.orphans import unrecorded
from storax_agent.launch.spawner.recorder import Recorder
from storax_agent.launch.spawner.worker_pool import remove_answers
from storax_agent.launch.work import Ended, Place, Started


def adopt(jobs: Jobs, journal: Journal, recorder: Recorder, *, state: Path, data: Path) -> None:
    """Watch what still runs; end what is gone without a trace."""
    for started in list(journal.running.values()):
        handle = pidfd_of(started.pid, start_time=started.start_time) if journal.same_boot else None
        if handle is not None:
            jobs.take_over(started, handle)
            continue
        message = "the process ended while nobody watched it"
        jobs.ended(Ended(started.lease, time.time(), None, "lost", message, started.workdir, True, started.stage))
    _adopt_unrecorded(jobs, recorder, state=state, data=data)
    remove_answers(state / "results", keep=journal.running)
    recorder.flush()


def _adopt_unrecorded(jobs: Jobs, recorder: Recorder, *, state: Path, data: Path) -> None:
    """Take over what was started but never written down."""
    for lease, pid, start_time in unrecorded(str(state)):
        handle = pidfd_of(pid, start_time=start_time) if lease not in jobs.watch else None
        if handle is not None:
            workdir = os.path.relpath(Path(f"/proc/{pid}/cwd").resolve(), data.resolve())
            started = Started(lease, time.time(), pid, start_time, workdir, Place([0]), 0.0)
            recorder.started(started)
            jobs.take_over(started, handle)
