"""What Jobs can do beyond being rows: name their App and parents, be waited for, give results, be cancelled."""

from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

from storax import errors
from storax._jobs.app_cache import apps_of
from storax._jobs.creation import JobCreation, ParentIds
from storax._jobs.pickled import unwrap
from storax._jobs.states import FINAL
from storax._jobs.waiting import Waiting
from storax._orm.instance import gone_as
from storax._runtime.json import dumps
from storax.models.event_log import EventLog, EventLogQuery

__all__ = ["JobBase", "ParentIds"]

AppT = TypeVar("AppT")
QueryT = TypeVar("QueryT")


class JobBase(JobCreation, Generic[AppT, QueryT]):
    """The hand-written half of Job."""

    __slots__ = ()

    NoResult: ClassVar[type[errors.NoResult]] = errors.NoResult
    Failed: ClassVar[type[errors.JobFailed]] = errors.JobFailed

    objects: ClassVar[Any]
    parameters: Any
    # ---- relations ------------------------------------------------------------------------------------------------

    @property
    def app(self) -> AppT:
        """The App it runs; asked of the server once, then remembered."""
        if self._app is not None:
            found: AppT = apps_of(self._home()).resolve(self._app, self._site_name)
            return found
        known: AppT = apps_of(self._home()).by_id(self._value("app_id"))
        return known

    @property
    def app_name(self) -> str:
        """The name of its App."""
        app: Any = self.app
        return str(app.name)

    def parent_query(self) -> QueryT:
        """The jobs that must finish before this one."""
        found: QueryT = type(self).objects.using(self._home()).filter(id=self._value("parent_ids") or [])
        return found

    def children(self) -> QueryT:
        """The jobs that wait for this one."""
        found: QueryT = type(self).objects.using(self._home()).filter(parent_id=self._require_id("asked for children"))
        return found

    def history(self) -> EventLogQuery:
        """Its events, oldest first."""
        query = EventLog.objects.using(self._home()).filter(job_id=self._require_id("asked for its history"))
        return query.order_by("position")

    def resolve_workdir(self, data_path: str | Path) -> Path:
        """Its working folder below the site's data folder ``data_path``."""
        return Path(data_path) / str(self._value("workdir"))

    def get_parameters(self) -> dict[str, Any]:
        """Its parameters, as ``job.parameters``."""
        return dict(self._value("parameters") or {})

    def set_parameters(self, parameters: dict[str, Any]) -> None:
        """Replace its parameters, as ``job.parameters = ...``; ``save()`` stores them."""
        self.parameters = parameters

    # ---- ending ---------------------------------------------------------------------------------------------------

    def done(self) -> bool:
        """Whether it has ended, JOB_FINISHED or FAILED; refreshes it."""
        self.refresh_from_db()
        return self._value("state") in FINAL

    def wait(self, timeout: float | None = None) -> Self:
        """Block until it has ended, and refresh it.

        Args:
            timeout: Seconds to wait at most; None waits for ever.

        Raises:
            DeadlineExceeded: It has not ended in time; it goes on.
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
        """Wait until it has ended and return its ``return_value``: the JSON its process wrote, None if it wrote none.

        Args:
            timeout: Seconds to wait at most; None waits for ever.
            trust: Whether a pickled value may be unpickled, which runs whatever code it holds.

        Raises:
            Failed: It ended as FAILED; the message says why.
            DeadlineExceeded: It has not ended in time.
            DoesNotExist: It was deleted.
        """
        return self.wait(timeout)._outcome(trust=trust)

    def result_nowait(self, *, trust: bool = False) -> Any:
        """As ``result()``, without waiting.

        Raises:
            NoResult: It has not ended yet.
            Failed: It ended as FAILED.
        """
        if not self.done():
            raise self.NoResult(
                f"Job {self._value('id')} is {self._value('state')}.", hint="Call result() to wait for it."
            )
        return self._outcome(trust=trust)

    def _outcome(self, *, trust: bool) -> Any:
        if self._value("state") != "FAILED":
            return unwrap(self._value("return_value"), trust=trust)
        events = list(self.history().filter(to_state=["RUN_ERROR", "FAILED"]).order_by("-position")[:2])
        reason, number = self._reason(events[0].data if events else {}), self._value("id")
        failed = self.Failed(f"Job {number} failed{': ' if reason else ''}{reason}.", hint="See job.history().")
        failed.job, failed.reason = self, reason
        told = next((e.data for e in events if "exception" in e.data), {})
        for name in ("exception", "exception_message", "traceback_tail"):
            setattr(failed, name, str(told.get(name) or ""))
        raise failed

    def _reason(self, data: dict[str, Any]) -> str:
        """Why it failed, in the words of its last event."""
        words = next((str(data[k]) for k in ("message", "reason", "error") if data.get(k)), "")
        code = self._value("return_code")
        return words.rstrip(".") or (f"its process ended with code {code}" if code else "")

    def cancel(self) -> bool:
        """Cancel it: a running process is stopped within seconds. Returns whether there was something to cancel."""
        body = {"filter": {"id": self._require_id("cancelled")}}
        answer = gone_as(self, lambda: self._home().call("POST", "/jobs/cancel", dumps(body))).json()
        self.refresh_from_db()
        return bool(answer["cancelled"] + answer["requested"])
