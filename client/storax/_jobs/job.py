"""The methods of Job: its App, parents and history, waiting for its end, its result, cancelling."""

from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

from storax import errors
from storax._jobs.app_cache import apps_of
from storax._jobs.creation import JobCreation, ParentIds
from storax._jobs.files import LARGEST, JobFile, text_of
from storax._jobs.graph import JobGraph
from storax._jobs.pickled import unwrap
from storax._jobs.waiting import Waiting
from storax._orm.instance import gone_as
from storax._runtime.json import dumps
from storax.models.event_log import EventLog, EventLogQuery
from storax.models.job_rules import FINAL, UNSUCCESSFUL
from storax.models.site import Site

__all__ = ["CancelCount", "JobBase", "ParentIds"]

AppT = TypeVar("AppT")
QueryT = TypeVar("QueryT")


class CancelCount(int):
    """How many jobs a ``cancel()`` ended or will end: an int, with both parts.

    Attributes:
        ended: Jobs that are CANCELLED now.
        requested: Jobs that a site has leased: it stops their processes within seconds, and they end as CANCELLED.
    """

    ended: int
    requested: int

    def __new__(cls, *, ended: int, requested: int) -> "CancelCount":
        """Make it of its two parts."""
        count = super().__new__(cls, ended + requested)
        count.ended, count.requested = ended, requested
        return count

    def __repr__(self) -> str:
        return f"<{int(self)} cancelled: {self.ended} ended, {self.requested} requested>"

    __str__ = int.__repr__


def _failed(reason: str) -> str:
    return f"failed{': ' if reason else ''}{reason}"


def _cancelled(reason: str) -> str:
    return f"was {reason}" if reason.startswith("cancelled") else f"was cancelled: {reason}"


class JobBase(JobCreation, Generic[AppT, QueryT]):
    """The hand-written half of Job: relations, waiting, results, cancelling."""

    __slots__ = ()

    NoResult: ClassVar[type[errors.NoResult]] = errors.NoResult
    Failed: ClassVar[type[errors.JobFailed]] = errors.JobFailed
    Cancelled: ClassVar[type[errors.JobCancelled]] = errors.JobCancelled

    objects: ClassVar[Any]
    parameters: Any
    # ---- relations ------------------------------------------------------------------------------------------------

    @property
    def app(self) -> AppT:
        """The App it runs; read from the server once, then kept."""
        if self._app is not None:
            named: AppT = apps_of(self._home()).resolve(self._app, self._site_name)
            return named
        stored: AppT = apps_of(self._home()).by_id(self._value("app_id"))
        return stored

    @property
    def app_name(self) -> str:
        """The name of its App."""
        app: Any = self.app
        return str(app.name)

    def parent_query(self) -> QueryT:
        """Return a query of the jobs that must finish before this one."""
        query: QueryT = type(self).objects.using(self._home()).filter(id=self._value("parent_ids") or [])
        return query

    def children(self) -> QueryT:
        """Return a query of the jobs that wait for this one."""
        query: QueryT = (
            type(self).objects.using(self._home()).filter(parent_id=self._require_id("queried for children"))
        )
        return query

    def history(self) -> EventLogQuery:
        """Return a query of its events, oldest first."""
        query = EventLog.objects.using(self._home()).filter(job_id=self._require_id("queried for its history"))
        return query.order_by("position")

    def explain(self) -> list[str]:
        """Return why it is in its state, and the way out, in sentences; ``|`` begins lines of its output."""
        return list(self._ask("GET", "explained", path="/explain").json()["reasons"])

    def graph(self, *, steps: int = 2) -> JobGraph:
        """Return it and the jobs above and below it, 2,000 at most.

        Args:
            steps: Most edges between it and another job, 1 to 10; by default 2.
        """
        return JobGraph.of(self._ask("GET", "asked for its graph", path="/graph", params={"steps": steps}).json())

    def resolve_workdir(self, data_path: str | Path) -> Path:
        """Return its working folder below ``data_path``, the data folder of its site."""
        return Path(data_path) / str(self._value("workdir"))

    def file(self, name: str) -> JobFile:
        """Return a file in its workdir, to be read from any machine: ``job.file("result.csv").tail(1000)``.

        The agent of its site reads it, through the server; on the machine of the site it is read from disk.
        """
        return _in_workdir(self, name)

    @property
    def stdout(self) -> str:
        """What its last run has written to stdout: the last MiB. Read from any machine; the agent of its site must run.

        Raises:
            NoFile: It has not run yet.
            Conflict: Its site is on another machine, and the agent does not answer.
        """
        return text_of(output_of(self, 0).tail(LARGEST))

    @property
    def stderr(self) -> str:
        """What its last run has written to stderr: the last MiB, as ``stdout``."""
        return text_of(output_of(self, 1).tail(LARGEST))

    def get_parameters(self) -> dict[str, Any]:
        """Return a copy of its parameters, ``job.parameters``."""
        return dict(self._value("parameters") or {})

    def set_parameters(self, parameters: dict[str, Any]) -> None:
        """Replace its parameters, ``job.parameters``; ``save()`` stores them."""
        self.parameters = parameters

    # ---- ending ---------------------------------------------------------------------------------------------------

    def done(self) -> bool:
        """Refresh it and return whether it has ended: JOB_FINISHED, FAILED or CANCELLED."""
        self.refresh_from_db()
        return self._value("state") in FINAL

    def wait(self, timeout: float | None = None) -> Self:
        """Block until it has ended, and refresh it.

        Args:
            timeout: Seconds to wait at most; None, the default, waits for ever.

        Raises:
            DeadlineExceeded: It has not ended within ``timeout`` seconds; it goes on.
            DoesNotExist: It was deleted.
        """
        waiting = Waiting([self], timeout=timeout)
        for _ in waiting.batches():
            pass
        waiting.require_all()
        if waiting.gone:
            raise self.DoesNotExist(f"Job {self._value('id')} was deleted before it ended.")
        return self

    def result(self, timeout: float | None = None, *, trust: bool = False) -> Any:
        """Wait until it has ended, and return its ``return_value``.

        It is what ``run()`` returned, or the JSON that its process wrote to ``$STORAX_RESULT_FILE``; else None.

        Args:
            timeout: Seconds to wait at most; None, the default, waits for ever.
            trust: Whether to unpickle a pickled value, which runs any code it holds; by default False.

        Raises:
            Failed: It ended as FAILED; the message says why.
            Cancelled: It ended as CANCELLED; a kind of Failed.
            DeadlineExceeded: It has not ended within ``timeout`` seconds.
            DoesNotExist: It was deleted.
        """
        self.wait(timeout)
        if failure := _failure(self):
            raise failure
        return unwrap(self._value("return_value"), trust=trust)

    def result_nowait(self, *, trust: bool = False) -> Any:
        """Return the result as ``result()`` does, without waiting.

        Raises:
            NoResult: It has not ended yet.
            Failed: It ended as FAILED.
            Cancelled: It ended as CANCELLED; a kind of Failed.
        """
        if not self.done():
            raise self.NoResult(
                f"Job {self._value('id')} is {self._value('state')}.", hint="Call result() to wait for it."
            )
        if failure := _failure(self):
            raise failure
        return unwrap(self._value("return_value"), trust=trust)

    def watch(self, *, timeout: float | None = None) -> Self:
        """Show its state as it changes, until it has ended, and refresh it.

        Args:
            timeout: Seconds to watch at most; None, the default, watches until it has ended.
        """
        query: Any = type(self).objects.using(self._home()).filter(id=self._require_id("watched"))
        query.watch(timeout=timeout)
        self.refresh_from_db()
        return self

    def cancel(self) -> CancelCount:
        """Cancel it; a running process is stopped within seconds. Once accepted, it ends as CANCELLED.

        Returns:
            1 if it is or will be cancelled, 0 if it had ended before; ``.ended`` and ``.requested`` say which.
        """
        body = {"filter": {"id": self._require_id("cancelled")}}
        answer = gone_as(self, lambda: self._home().call("POST", "/jobs/cancel", dumps(body))).json()
        self.refresh_from_db()
        return CancelCount(ended=answer["cancelled"], requested=answer["requested"])

    def retry(self, *, descendants: bool = True) -> int:
        """Run it again, refresh it, and return how many descendants come back with it.

        Args:
            descendants: Whether to bring back the jobs that failed only because of it; they wait for their parents.
                By default True.

        Raises:
            IllegalMove: It has not ended, or one of its parents has FAILED; the message names it.
            DoesNotExist: It was deleted.
        """
        body = [{"id": self._require_id("retried"), "state": "RESTART_READY"}]
        params = None if descendants else {"descendants": "false"}
        answer = gone_as(self, lambda: self._home().call("PATCH", "/jobs/", dumps(body), params=params)).json()
        self.refresh_from_db()
        return int(answer.get("brought_back", 0))


def output_of(job: JobBase[Any, Any], stream: int) -> JobFile:
    """Return the file of a job's stdout (0) or stderr (1)."""
    return _in_workdir(job, None, stream=stream)


def _in_workdir(job: JobBase[Any, Any], name: str | None, *, stream: int | None = None) -> JobFile:
    job_id = job._require_id("read from")
    site = Site.objects.using(job._home()).get(id=job._value("site_id"))
    workdir, has_run = str(job._value("workdir")), stream is None or _has_run(job)
    return JobFile(job._home(), job_id, workdir, site, name, stream=stream, has_run=has_run)


def _has_run(job: JobBase[Any, Any]) -> bool:
    """Return whether a run of it has begun; asks the server where this instance does not know of one."""
    query: Any = type(job).objects.using(job._home())
    return bool(job._value("attempt")) or query.filter(id=job._value("id"), attempt__gt=0).exists()


def _reason(job: JobBase[Any, Any], data: dict[str, Any]) -> str:
    """Return why it failed, from its last event."""
    message = next((str(data[k]) for k in ("message", "reason", "error") if data.get(k)), "")
    code = job._value("return_code")
    return message.rstrip(".") or (f"its process ended with code {code}" if code else "")


def _failure(job: JobBase[Any, Any]) -> errors.JobFailed | None:
    """Return the error of a failed or cancelled job, with the traceback at the site as a note; None for others."""
    if job._value("state") not in UNSUCCESSFUL:
        return None
    events = list(job.history().filter(to_state=["RUN_ERROR", *UNSUCCESSFUL]).order_by("-position")[:2])
    reason = _reason(job, events[0].data if events else {})
    cancelled = job._value("state") == "CANCELLED"
    message = f"Job {job._value('id')} {_cancelled(reason) if cancelled else _failed(reason)}."
    failed = (job.Cancelled if cancelled else job.Failed)(message, hint="See job.history().")
    failed.job, failed.reason = job, reason
    exception = next((e.data for e in events if "exception" in e.data), {})
    for name in ("exception", "exception_message", "traceback_tail"):
        setattr(failed, name, str(exception.get(name) or ""))
    if failed.traceback_tail:
        failed.add_note(f"The traceback at the site:\n{failed.traceback_tail}")
    return failed
