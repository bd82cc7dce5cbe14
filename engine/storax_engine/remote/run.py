"""One remote run: its folder, manifest, state and outcome."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storax.errors import StoraxError
from storax_engine.remote import manifest, outcome, steps
from storax_engine.remote.manifest import Fit, Manifest, State, Transform, Trial

log = logging.getLogger("storax_engine")


@dataclass(eq=False)
class RemoteRun:
    """A run whose job exists.

    Attributes:
        folder: its files; the jobs and the engine both see it.
        manifest: what the jobs do.
        state: how far the engine is with it; on the disk as well.
        ended: whether its result was collected, or it failed.
        answer: what the caller gets, once the result was collected.
        error: why it failed.
        late_since: monotonic time at which the result of a finished job was first missed; 0: it was not.
    """

    folder: Path
    manifest: Manifest
    state: State
    ended: bool = False
    answer: dict[str, Any] | None = None
    error: StoraxError | None = None
    late_since: float = 0.0

    @property
    def token(self) -> str:
        """Its name, which is that of its folder and a tag of its jobs."""
        return self.folder.name

    @property
    def job_id(self) -> int:
        """The job whose end is the run's."""
        return self.state.job_id

    @property
    def failed(self) -> bool:
        """Whether its job failed and may be started again."""
        return self.state.failed_at is not None

    def is_trial(self, tuning: str, number: int) -> bool:
        """Return whether it is this trial of this tuning."""
        task = self.manifest.task
        return isinstance(task, Trial) and (task.tuning, task.number) == (tuning, number)

    def update(self, **changes: Any) -> None:
        """Change fields of its state, on the disk as well."""
        self.state = self.state.changed(**changes)
        manifest.write(self.folder, self.state)

    def progress(self) -> tuple[float, str]:
        """Return the progress of its jobs: the part done, 0 to 1, and the present step. Reads files."""
        try:
            now = outcome.read(self.folder, outcome.Progress)
            task = self.manifest.task
            if not (now and now.part) and isinstance(task, Fit | Transform) and task.buckets:
                return steps.progress(self.folder, task.buckets)
        except (OSError, ValueError):
            return 0.0, ""
        return (now.part, now.text) if now else (0.0, "")

    def failure(self) -> outcome.Failure | None:
        """Return the failure that its jobs recorded; None if there is no readable record."""
        try:
            return outcome.read(self.folder, outcome.Failure) or steps.failure(self.folder)
        except ValueError as error:
            log.warning("what job %d left cannot be read: %s", self.job_id, error)
            return None
