"""What Jobs can do beyond being rows: name their App and parents, be waited for, give results, be cancelled."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from storax import errors
from storax._jobs.app_cache import AppCache, apps_of
from storax._jobs.graph import parents_first
from storax._jobs.pickled import unwrap
from storax._jobs.states import FINAL
from storax._jobs.waiting import Waiting
from storax._orm.fields import Field, Owner
from storax._orm.instance import Model, gone_as
from storax._runtime.garbage_collector import collector_paused
from storax._runtime.json import dumps
from storax._runtime.unset import UNSET
from storax.errors import InvalidInput
from storax.models.event_log import EventLog, EventLogQuery

if TYPE_CHECKING:
    from storax._runtime.reply import Reply
    from storax.client import Client

_WORKDIR = 'Give a path inside the site\'s data folder, such as workdir="runs/1".'
_APP = 'Give app="Name" (with site_name= where several sites have it), an App, its class, or app_id=.'


class ParentIds(Field[list[int]]):
    """``parent_ids``: takes jobs as well as ids, and remembers those that have no id yet."""

    def __set__(self, obj: Owner, value: Iterable["int | JobBase[Any, Any]"]) -> None:
        ids, unsaved = _split(value)
        super().__set__(obj, ids)
        put_parents(obj, unsaved)


AppT = TypeVar("AppT")
QueryT = TypeVar("QueryT")


class JobBase(Model, Generic[AppT, QueryT]):
    """The hand-written half of Job."""

    # What app= was given and is not resolved yet; the site to look at; parents that have no id yet.
    __slots__ = ("_app", "_parents", "_site_name")
    _late = Model._late | {"_app", "_parents", "_site_name"}

    NoResult: ClassVar[type[errors.NoResult]] = errors.NoResult
    Failed: ClassVar[type[errors.JobFailed]] = errors.JobFailed

    objects: ClassVar[Any]
    parameters: Any
    _app: Any
    _parents: "list[JobBase[Any, Any]] | None"
    _site_name: str | None

    # ---- making ---------------------------------------------------------------------------------------------------

    def _fill(self, given: dict[str, Any]) -> None:
        app, site_name = given.pop("app"), given.pop("site_name")
        parents: list[JobBase[Any, Any]] | None = None
        if given["parent_ids"] is not UNSET:
            given["parent_ids"], parents = _split(given["parent_ids"])
        super()._fill(given)
        put_parents(self, parents)
        put_site_name(self, site_name or None)
        put_app(self, None)
        if app is not UNSET or self._value("app_id") is UNSET:
            self._name_app(None if app is UNSET else app)
        if self._value("workdir") is UNSET:
            raise InvalidInput("A Job needs a workdir.", hint=_WORKDIR)

    def _value(self, name: str) -> Any:
        return self._values[self._fields[name].index]

    def _name_app(self, app: Any) -> None:
        """Remember which App is meant; what can be checked without the server is checked now."""
        if app is None:
            raise InvalidInput("A Job needs an App.", hint=_APP)
        if self._value("app_id") is not UNSET:
            raise InvalidInput("A Job takes app= or app_id=, not both.")
        self._app = app
        if known := getattr(app, "_takes", None):
            known().check(self._value("parameters") or {})

    def _prepare(self, client: "Client") -> None:
        self._settle(apps_of(client))

    def _settle(self, apps: AppCache) -> None:
        """Find the App that was named, check the parameters where it is known, turn saved parents into ids."""
        if self._app is not None:
            self._values[self._fields["app_id"].index] = apps.resolve(self._app, self._site_name).id
        if takes := apps.takes(self._value("app_id")):
            takes.check(self._value("parameters") or {})
        if self._parents:
            self._adopt(self._parents)

    def _adopt(self, parents: "list[JobBase[Any, Any]]") -> None:
        """Turn parents that have got their ids by now into ids."""
        ids = [*(self._value("parent_ids") or []), *(p._value("id") for p in parents if p._saved)]
        self._values[self._fields["parent_ids"].index] = sorted(set(ids))
        self._parents = [p for p in parents if not p._saved] or None

    def _insert(self, client: "Client") -> None:
        if self._parents and any(not p._saved for p in self._parents):
            raise InvalidInput(
                f"{self!r} names a parent that is not saved.",
                hint="Save the parent first, or bulk_create() both together.",
            )
        super()._insert(client)

    @classmethod
    def _attempt(cls, _items: Sequence[Any], _client: "Client", send: Callable[[], "Reply"]) -> "Reply":
        try:
            return send()
        except InvalidInput:
            # An App that was deleted and made again has another id than the one remembered under its name.
            if not apps_of(_client).moved({(one._app, one._site_name) for one in _items if isinstance(one._app, str)}):
                raise
            return send()

    @classmethod
    def _in_order(cls, items: Sequence[Any]) -> Sequence[Any]:
        known = {id(one) for one in items}
        for one in items:
            for parent in one._parents or ():
                if not parent._saved and id(parent) not in known:
                    raise InvalidInput(f"{one!r} names a parent, {parent!r}, that is neither saved nor in this list.")
        return parents_first(items, lambda one: [p for p in one._parents or () if not p._saved])

    @classmethod
    def _creations(cls, items: Sequence[Any], client: "Client") -> list[dict[str, Any]]:
        apps = apps_of(client)
        for one in items:
            one._settle(apps)
        with collector_paused():
            rows = [one._creation() for one in items]
        if any(one._parents for one in items):
            place = {id(one): i for i, one in enumerate(items)}
            for one, row in zip(items, rows, strict=True):
                if one._parents:
                    row["parent_refs"] = [place[id(p)] for p in one._parents]
        return rows

    @classmethod
    def _created(cls, items: Sequence[Any]) -> None:
        for one in items:
            if one._parents:
                one._adopt(one._parents)

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


put_app = JobBase.__dict__["_app"].__set__
put_parents = JobBase.__dict__["_parents"].__set__
put_site_name = JobBase.__dict__["_site_name"].__set__


def _split(parents: Any) -> tuple[Any, list[JobBase[Any, Any]] | None]:
    """Ids, and the parents that have none yet."""
    if parents is None or isinstance(parents, (str, int)):
        return parents, None
    given = list(parents)
    unsaved = [p for p in given if isinstance(p, JobBase) and not p._saved]
    ids = [
        p._value("id") if isinstance(p, JobBase) else p for p in given if not (isinstance(p, JobBase) and not p._saved)
    ]
    return ids, unsaved or None
