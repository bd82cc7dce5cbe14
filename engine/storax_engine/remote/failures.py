"""Why a remote run failed."""

from storax.errors import JobFailed
from storax_engine.platform.jobs import Jobs
from storax_engine.remote.outcome import Failure
from storax_engine.remote.run import RemoteRun


def failure_of(run: RemoteRun, jobs: Jobs, state: str) -> Failure | None:
    """Why the job of a run failed, and which job to look at; None where it was cancelled. ``state``: of the job."""
    if run.state.unwanted or jobs.was_cancelled(run.job_id, state):
        return None
    culprit = _culprit(run, jobs)
    failure = run.failure()
    if failure is None:
        reason = jobs.reason(culprit)
        failure = Failure(code=JobFailed.code, detail=f"Job {culprit} failed: {reason}.")
    return failure.model_copy(update={"job_id": run.job_id, "hint": f"storax job explain {culprit}"})


def _culprit(run: RemoteRun, jobs: Jobs) -> int:
    """The first of its jobs that failed: those after it failed for it."""
    states = jobs.states(run.state.step_ids)
    return next((i for i in run.state.step_ids if states.get(i) == "FAILED"), run.job_id)
