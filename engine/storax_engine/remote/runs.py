"""The remote runs of one open project: what it has sites do, watched until the result is collected.

A run is accepted once its job is there. Its folder then stays until the result has become part of the project, so an
engine that was killed takes it up again. A failed one stays for another attempt of its job, as long as there is room.
"""

import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from storax.errors import JobFailed, NoProject, StoraxError
from storax.models.job import Job
from storax_engine.command_progress import Cancelled, Work
from storax_engine.platform.jobs import FOLDER, Jobs, check_fields
from storax_engine.remote import manifest, steps
from storax_engine.remote.ended_jobs import ASIDE, Collect, EndedJobs
from storax_engine.remote.manifest import Fit, Manifest, State, Transform, Whole
from storax_engine.remote.outcome import Failure
from storax_engine.remote.run import RemoteRun
from storax_engine.remote.table import RunTable
from storax_engine.remote.watcher import Watcher

Tags = Mapping[str, str]
_RUN_TAG, _STEP_TAG = "order", "step_of"  # by the names that jobs of earlier releases have

log = logging.getLogger("storax_engine")


class RemoteRuns:
    """Runs by token. Safe for threads."""

    def __init__(self, folder: Path, jobs: Jobs, collect: Collect) -> None:
        self._folder, self._jobs = folder, jobs
        self._table = RunTable()
        self._ended_jobs = EndedJobs(self._table, jobs, collect)
        self._watcher = Watcher(jobs.client, self._table.job_ids, self._ended_jobs.act_on_all)
        folder.mkdir(mode=0o700, exist_ok=True)
        for left in folder.glob(f"{ASIDE}*"):
            shutil.rmtree(left, ignore_errors=True)
        for place in sorted(folder.iterdir()):
            self._take_up(place)
        self._watcher.wake()

    # ---- for commands ----------------------------------------------------------------------------------------------

    def start(
        self, write_files: Callable[[Path], Whole], *, site: str, tags: Tags, job: Mapping[str, Any]
    ) -> RemoteRun:
        """Have a site do something.

        Args:
            write_files: writes what the jobs read into a folder, and returns the task.
            site: name of the site.
            tags: of all jobs, besides those of ``job``.
            job: fields of Job that the user sets.

        Raises:
            InvalidInput: there is no such site, or a field of ``job`` is wrong.
        """
        check_fields(job)
        app_id = self._jobs.app(self._jobs.site(site))
        token = uuid4().hex
        scratch, folder = self._folder / f"{ASIDE}{token}", self._folder / token
        scratch.mkdir(mode=0o700)
        try:
            whole = Manifest(token=token, task=write_files(scratch))
            if buckets := _buckets(whole):
                steps.write_manifests(scratch, token, buckets)
            manifest.write(scratch, whole)
            scratch.rename(folder)
            fields = {**job, "app_id": app_id, "tags": {**job.get("tags", {}), **tags}}
            *step_ids, job_id = self._jobs.create(*_new_jobs(folder, buckets, fields))
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            shutil.rmtree(folder, ignore_errors=True)
            raise
        run = RemoteRun(folder, whole, State(job_id=job_id, step_ids=tuple(step_ids)))
        run.update()
        self._table.add(run)
        self._watcher.wake()
        return run

    def require(self, site: str, job: Mapping[str, Any]) -> None:
        """Check that there is such a site, and that the fields of a job are a user's to set.

        Raises:
            InvalidInput: there is none, or naming the field.
        """
        check_fields(job)
        self._jobs.site(site)

    def of_job(self, job_id: int) -> RemoteRun | None:
        """The run whose job this is, unless its result was collected or it was cancelled."""
        return next((run for run in self._table.all() if run.job_id == job_id), None)

    def of_trial(self, tuning: str, number: int) -> RemoteRun | None:
        """The run of one trial of a tuning, while it is at work."""
        return next((run for run in self._table.all() if not run.failed and run.is_trial(tuning, number)), None)

    def wait(self, run: RemoteRun, work: Work, *, cancel: bool) -> dict[str, Any]:
        """Wait until its result was collected; ``cancel``: cancel it where nobody waits any more.

        Raises:
            StoraxError: why it failed.
            Cancelled: it was cancelled, or nobody waits any more.
            NoProject: the project was closed or deleted meanwhile, and nobody watches the job here.
        """
        work.remote_progress = run.progress
        if run.failed:
            self._ended_jobs.look_at(run)
        try:
            with suppress(Cancelled), work.interruptible(self._table.notify):
                self._table.wait_until(lambda: run.ended or work.cancelled.is_set())
        finally:
            work.remote_progress = None
        if work.cancelled.is_set() and not run.ended:
            if not cancel:
                work.raise_if_cancelled()
            self._cancel(run)
            self._table.wait_until(lambda: run.ended)
        if not run.ended:
            raise NoProject(
                f"The project was closed while job {run.job_id} worked for it.",
                hint="The job goes on, and its result is kept once the project is open again; "
                "where the project was deleted, the job is cancelled.",
            )
        if run.answer is None:
            raise run.error or JobFailed(f"Job {run.job_id} left nothing.")
        return run.answer

    def was_cancelled(self, job_id: int) -> bool:
        """Return whether a job that no longer belongs to a run was cancelled."""
        return self._jobs.was_cancelled(job_id, self._jobs.states([job_id]).get(job_id))

    def close(self) -> None:
        """Stop watching the runs. Their jobs go on, and are watched again when the project is next opened."""
        self._table.close()
        self._watcher.close()

    def _cancel(self, run: RemoteRun) -> None:
        """Have the watcher cancel its jobs."""
        with self._table.lock:
            if run.ended:
                return
            run.update(unwanted=True)
        self._watcher.wake()

    # ---- after a start ---------------------------------------------------------------------------------------------

    def _take_up(self, folder: Path) -> None:
        """Take up a run whose job is there, for it was accepted; delete another one."""
        try:
            whole, state = manifest.read_manifest(folder), manifest.read_state(folder)
        except StoraxError as error:
            log.warning("%s It is left alone.", error.message)
            return
        if whole is not None and state is None:
            state = self._accepted(folder.name, whole)
        if whole is None or state is None:
            shutil.rmtree(folder, ignore_errors=True)
            return
        run = RemoteRun(folder, whole, state)
        run.update()
        if run.failed:
            run.error = (run.failure() or Failure(detail="It failed.")).error()
            run.ended = True
        self._table.add(run)

    def _accepted(self, token: str, whole: Manifest) -> State | None:
        """The state of a run whose engine was killed before it knew its jobs; None where there are none."""
        job_ids = self._jobs.with_tags({_RUN_TAG: token})
        step_ids = self._jobs.with_tags({_STEP_TAG: token}) if job_ids and _buckets(whole) else []
        return State(job_id=job_ids[0], step_ids=tuple(step_ids)) if job_ids else None


def abandon(folder: Path, jobs: Jobs) -> None:
    """Cancel the jobs of the runs in a folder: their project is deleted."""
    jobs.cancel(job_id for state in _states(folder) for job_id in state.job_ids)


def _states(folder: Path) -> Iterator[State]:
    for place in folder.glob("*/"):
        try:
            state = manifest.read_state(place)
        except StoraxError as error:
            log.warning("%s", error.message)
        else:
            yield from [state] if state else []


def _buckets(whole: Manifest) -> int | None:
    return whole.task.buckets if isinstance(whole.task, Fit | Transform) else None


def _new_jobs(folder: Path, buckets: int | None, fields: Mapping[str, Any]) -> tuple[list[Job], Job]:
    """The unsaved jobs of a run: those of its steps, and its own, which waits for them."""

    def job(place: Path, workdir: str, tags: Tags, parents: list[Job]) -> Job:
        more = {"parameters": {FOLDER: str(place)}, "workdir": workdir, "parent_ids": parents}
        return Job(**{**fields, **more, "tags": {**fields["tags"], **tags}})

    token, parts = folder.name, list[Job]()
    base = f"pipelines/{token}"
    for i, (place, tags) in enumerate(steps.jobs(folder, buckets) if buckets else ()):
        parts.append(job(place, f"{base}/{i}", {**tags, _STEP_TAG: token}, parts[:1]))
    return parts, job(folder, f"{base}/{len(parts)}" if parts else base, {_RUN_TAG: token}, parts)
