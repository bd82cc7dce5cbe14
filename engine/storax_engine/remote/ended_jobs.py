"""Remote runs whose job has ended: collect the result, keep a failed run for another attempt, drop a cancelled one."""

import logging
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from storax.errors import JobFailed, NoResult, StoraxError, Unavailable
from storax_engine.command_progress import cancelled_job
from storax_engine.platform.jobs import Jobs
from storax_engine.remote import outcome
from storax_engine.remote.failures import failure_of
from storax_engine.remote.manifest import Trial
from storax_engine.remote.outcome import Result
from storax_engine.remote.run import RemoteRun
from storax_engine.remote.table import RunTable

Collect = Callable[[RemoteRun, Result], dict[str, Any]]
ASIDE = ".new-"  # begins the name of a folder that is no run yet, or no longer
FAILED_KEPT = 20
LATE_SEC = 60.0  # a file that a job wrote may be seen late, over a network
_LOOK_SEC, _LOOK_LATE_SEC = 5.0, 1.0

log = logging.getLogger("storax_engine")


class EndedJobs:
    """Acts on the states of the jobs of remote runs. Safe for threads."""

    def __init__(self, table: RunTable, jobs: Jobs, collect: Collect) -> None:
        self._table, self._jobs, self._collect = table, jobs, collect

    def act_on_all(self) -> float:
        """Act on the present state of every job; return the seconds until the next look."""
        runs = self._table.all()
        unwanted = [job_id for run in runs if run.state.unwanted for job_id in run.state.job_ids]
        self._jobs.cancel(unwanted)
        states = self._jobs.states(run.job_id for run in runs)
        for run in runs:
            self._act(run, states.get(run.job_id))
        late = any(run.late_since and not run.ended for run in runs)
        return _LOOK_LATE_SEC if late else _LOOK_SEC  # a job that is started again is not pushed

    def look_at(self, run: RemoteRun) -> None:
        """Act on the present state of one job."""
        self._act(run, self._jobs.states([run.job_id]).get(run.job_id))

    def _act(self, run: RemoteRun, state: str | None) -> None:
        if self._table.closed:
            return
        if state is None:
            self._drop(run, JobFailed(f"Job {run.job_id} was deleted; nothing was kept."))
        elif state == "JOB_FINISHED":
            self._finished(run)
        elif state == "CANCELLED" or (state == "FAILED" and not run.failed):
            self._unsuccessful(run, state)
        elif state != "FAILED" and run.failed:  # it was started again
            run.update(failed_at=None)
            run.error, run.ended = None, False
            (run.folder / outcome.ERROR).unlink(missing_ok=True)

    def _finished(self, run: RemoteRun) -> None:
        with self._table.lock:
            if self._table.closed or run not in self._table:  # or collected by a look that began earlier
                return
            if run.state.unwanted:
                self._drop(run, cancelled_job(run.job_id))
                return
            try:
                run.answer = self._collect(run, self._result(run))
            except Unavailable as error:
                log.warning("the result of job %d waits: %s", run.job_id, error)
            except (StoraxError, OSError, ValueError) as error:
                self._not_collected(run, error)
            else:
                self._drop(run, None)

    def _result(self, run: RemoteRun) -> Result:
        result = outcome.read(run.folder, Result)
        if result is None:
            raise NoResult(f"Job {run.job_id} finished, and left no result in {run.folder}.")
        return result

    def _not_collected(self, run: RemoteRun, error: Exception) -> None:
        run.late_since = run.late_since or time.monotonic()
        too_late = time.monotonic() - run.late_since > LATE_SEC
        if too_late or not isinstance(error, (NoResult, OSError)):
            log.warning("the result of job %d cannot be used: %s", run.job_id, error)
            unusable = StoraxError(f"The result of job {run.job_id} cannot be used: {error}.")
            self._drop(run, error if isinstance(error, StoraxError) else unusable)

    def _unsuccessful(self, run: RemoteRun, state: str) -> None:
        """Keep the run for another attempt; drop it if its job was cancelled."""
        failure = failure_of(run, self._jobs, state)
        with self._table.lock:
            if run not in self._table:
                return
            if failure is None:
                self._drop(run, cancelled_job(run.job_id))
                return
            outcome.write(run.folder, failure)
            run.error = failure.error()
            if isinstance(run.manifest.task, Trial):  # a tuning sees to its own attempts
                self._drop(run, run.error)
                return
            run.update(failed_at=datetime.now(UTC))
            self._table.end(run)
            self._drop_oldest_failures()

    def _drop_oldest_failures(self) -> None:
        failed = sorted((run for run in self._table.all() if run.failed), key=lambda run: str(run.state.failed_at))
        for run in failed[:-FAILED_KEPT]:
            self._drop(run, run.error)

    def _drop(self, run: RemoteRun, error: StoraxError | None) -> None:
        self._table.remove(run, error)
        if error is not None and run.state.step_ids:
            self._cancel_steps(run)
        scratch = run.folder.with_name(f"{ASIDE}{run.token}")
        if run.folder.is_dir():
            run.folder.rename(scratch)
        shutil.rmtree(scratch, ignore_errors=True)
        self._table.end(run)

    def _cancel_steps(self, run: RemoteRun) -> None:
        """Cancel the jobs of its steps. A step that still runs finds its folder gone, and fails."""
        try:
            self._jobs.cancel(run.state.step_ids)
        except StoraxError as error:
            log.warning("the steps of job %d could not be cancelled: %s", run.job_id, error)
