"""A fit that a site works on: wait for it, look at it, cancel it."""

from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from storax._engine import session

if TYPE_CHECKING:
    from storax.models.job import Job


class Learner(Protocol):
    """A pipeline, as far as a submitted fit needs it."""

    def _learned(self, row: dict[str, Any], /) -> Self: ...


P = TypeVar("P", bound=Learner)


class Submitted(Generic[P]):
    """Made by ``Pipeline.submit()``. Its result is kept when the job ends, whether anybody waits or not.

    Attributes:
        job_id: Of its job; ``PipelineRecord.objects.get(job_id=...)`` finds what it learned.
        name: Under which the pipeline will be kept; ``storax.pipeline.load(name)`` finds it then.
    """

    def __init__(self, pipeline: P, reply: dict[str, Any]) -> None:
        self._pipeline = pipeline
        self.job_id, self.name = int(reply["job_id"]), str(reply["name"])

    @property
    def job(self) -> "Job":
        """Its job, as the platform knows it now."""
        from storax.models.job import Job

        return Job.objects.get(id=self.job_id)

    def done(self) -> bool:
        """Return whether its job has ended."""
        return self.job.done()

    def progress(self) -> tuple[float, str]:
        """Return the part done, 0 to 1, and the present step."""
        part, text = session.call("progress_of_job", {"job_id": self.job_id})
        return float(part), str(text)

    def wait(self) -> P:
        """Wait until the fit has ended and is stored; return the fitted pipeline.

        Interrupting the wait leaves the job alone.

        Raises:
            InvalidInput: the description or the data cannot be used.
            JobFailed: the job failed or was cancelled.
        """
        return self._pipeline._learned(session.call_with_progress("Waiting", "await_pipeline", {"job_id": self.job_id}))

    def cancel(self) -> bool:
        """Cancel its job; nothing is left of it. Returns whether there was something to cancel."""
        return bool(self.job.cancel())

    def __repr__(self) -> str:
        return f"Submitted(name={self.name!r}, job_id={self.job_id})"
