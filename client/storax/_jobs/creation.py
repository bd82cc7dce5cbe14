"""How a Job is created: its App is resolved by name, its parameters are checked, its parents are saved before it."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from storax._jobs.app_cache import AppCache, apps_of
from storax._jobs.graph import parents_first
from storax._jobs.sites.presence import warn_of_absence
from storax._orm.fields import Field, Owner
from storax._orm.instance import Model
from storax._runtime.garbage_collector import collector_paused
from storax._runtime.unset import UNSET
from storax.errors import InvalidInput

if TYPE_CHECKING:
    from storax._runtime.reply import Reply
    from storax.client import Client

_WORKDIR = 'Give a path inside the site\'s data folder, such as workdir="runs/1".'
_APP = 'Give app="Name" (with site_name= where several sites have it), an App, its class, or app_id=.'


class ParentIds(Field[list[int]]):
    """``parent_ids``: takes jobs as well as ids, and remembers the jobs that have no id yet."""

    def __set__(self, obj: Owner, value: Iterable["int | JobCreation"]) -> None:
        ids, unsaved = _split(value)
        super().__set__(obj, ids)
        put_parents(obj, unsaved)


class JobCreation(Model):
    """A job before and during its creation."""

    # The app= that is not resolved yet, the name of its site, and the parents that have no id yet.
    __slots__ = ("_app", "_parents", "_site_name")
    _late = Model._late | {"_app", "_parents", "_site_name"}

    _app: Any
    _parents: "list[JobCreation] | None"
    _site_name: str | None

    def _fill(self, arguments: dict[str, Any]) -> None:
        app, site_name = arguments.pop("app"), arguments.pop("site_name")
        parents: list[JobCreation] | None = None
        if arguments["parent_ids"] is not UNSET:
            arguments["parent_ids"], parents = _split(arguments["parent_ids"])
        if isinstance(app_id := arguments["app_id"], str) and not app_id.isdecimal():
            raise InvalidInput(f"app_id={app_id[:80]!r} is no id.", hint=f"Name the App: app={app_id[:80]!r}.")
        super()._fill(arguments)
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
        """Keep the App to resolve later; check the parameters now where the App is at hand."""
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
        """Resolve the App, check the parameters where it is known, replace saved parents by their ids."""
        if self._app is not None:
            self._values[self._fields["app_id"].index] = apps.resolve(self._app, self._site_name).id
        if takes := apps.takes(self._value("app_id")):
            takes.check(self._value("parameters") or {})
        if self._parents:
            self._adopt(self._parents)

    def _adopt(self, parents: "list[JobCreation]") -> None:
        """Replace parents that have an id by now by their ids."""
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
        warn_of_absence(client, {self._value("site_id")})

    @classmethod
    def _attempt(cls, _items: Sequence[Any], _client: "Client", send: Callable[[], "Reply"]) -> "Reply":
        try:
            return send()
        except InvalidInput:
            # An App that was deleted and created again has another id than the cached one.
            if not apps_of(_client).moved({(job._app, job._site_name) for job in _items if isinstance(job._app, str)}):
                raise
            return send()

    @classmethod
    def _in_order(cls, items: Sequence[Any]) -> Sequence[Any]:
        known = {id(job) for job in items}
        for job in items:
            for parent in job._parents or ():
                if not parent._saved and id(parent) not in known:
                    raise InvalidInput(f"{job!r} names a parent, {parent!r}, that is neither saved nor in this list.")
        return parents_first(items, lambda job: [p for p in job._parents or () if not p._saved])

    @classmethod
    def _creations(cls, items: Sequence[Any], client: "Client") -> list[dict[str, Any]]:
        apps = apps_of(client)
        for job in items:
            job._settle(apps)
        with collector_paused():
            rows = [job._creation() for job in items]
        if any(job._parents for job in items):
            index = {id(job): i for i, job in enumerate(items)}
            for job, row in zip(items, rows, strict=True):
                if job._parents:
                    row["parent_refs"] = [index[id(p)] for p in job._parents]
        return rows

    @classmethod
    def _created(cls, items: Sequence[Any]) -> None:
        for job in items:
            if job._parents:
                job._adopt(job._parents)
        warn_of_absence(items[0]._home(), {job._value("site_id") for job in items})


put_app = JobCreation.__dict__["_app"].__set__
put_parents = JobCreation.__dict__["_parents"].__set__
put_site_name = JobCreation.__dict__["_site_name"].__set__


def _split(parents: Any) -> tuple[Any, list[JobCreation] | None]:
    """Split parents into ids and the jobs that have no id yet."""
    if parents is None or isinstance(parents, (str, int)):
        return parents, None
    ids: list[Any] = []
    unsaved: list[JobCreation] = []
    for parent in parents:
        if not isinstance(parent, JobCreation):
            ids.append(parent)
        elif parent._saved:
            ids.append(parent._value("id"))
        else:
            unsaved.append(parent)
    return ids, unsaved or None
