"""App and Job: models, queries, managers. Written by `python -m tools.codegen`; do not edit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Never, Self, overload

from storax._jobs.app import AppBase, OnBoth
from storax._jobs.files import JobFile
from storax._jobs.graph import JobGraph
from storax._jobs.job import CancelCount, JobBase, ParentIds
from storax._jobs.over_time.failure_groups import FailureGroup
from storax._jobs.over_time.metrics import Metrics
from storax._jobs.over_time.runs import LaneBy, Runs
from storax._jobs.over_time.throughput import Throughput
from storax._jobs.queries import JobManagerBase, JobQueryBase, Retried
from storax._jobs.waiting import ReturnWhen
from storax._orm.asynchronous import AsyncObjects, AsyncQuery, in_own_thread, in_thread, iterate_ends, iterate_rows
from storax._orm.changes import ChangeQuery
from storax._orm.fields import Field, declared
from storax._orm.filters import Filter
from storax._orm.instance import Spec
from storax._orm.manager import Manager, Objects
from storax._orm.query import arguments
from storax._orm.query_plan import PAGE
from storax._runtime.unset import UNSET, Unset

if TYPE_CHECKING:
    from storax.models.site import Site

AppOrdering = Literal[
    "id",
    "-id",
    "site_id",
    "-site_id",
    "name",
    "-name",
    "creation_date",
    "-creation_date",
    "last_update",
    "-last_update",
]
JobState = Literal[
    "CREATED",
    "AWAITING_PARENTS",
    "READY",
    "STAGED_IN",
    "PREPROCESSED",
    "RUNNING",
    "RUN_DONE",
    "RUN_ERROR",
    "RUN_TIMEOUT",
    "RESTART_READY",
    "POSTPROCESSED",
    "STAGED_OUT",
    "JOB_FINISHED",
    "FAILED",
    "CANCELLED",
]
JobOrdering = Literal[
    "id",
    "-id",
    "app_id",
    "-app_id",
    "workdir",
    "-workdir",
    "site_id",
    "-site_id",
    "state",
    "-state",
    "num_nodes",
    "-num_nodes",
    "wall_time_min",
    "-wall_time_min",
    "priority",
    "-priority",
    "attempt",
    "-attempt",
    "losses",
    "-losses",
    "creation_date",
    "-creation_date",
    "last_update",
    "-last_update",
]


class App(AppBase["App", "Job"]):
    """A named program at a Site: its command template, parameters and transfer slots."""

    __slots__ = ()

    _spec = Spec(
        path="apps",
        entity="app",
        order="id",
        writable=True,
        orderings=(
            "id",
            "-id",
            "site_id",
            "-site_id",
            "name",
            "-name",
            "creation_date",
            "-creation_date",
            "last_update",
            "-last_update",
        ),
        filters={
            "id": Filter(int, "eq", many=True),
            "id__ne": Filter(int, "ne", many=True),
            "id__gt": Filter(int, "gt"),
            "id__lt": Filter(int, "lt"),
            "site_id": Filter(int, "eq", many=True),
            "site_id__ne": Filter(int, "ne", many=True),
            "name": Filter(str, "eq", many=True),
            "name__ne": Filter(str, "ne", many=True),
            "name__contains": Filter(str, "contains"),
            "name__startswith": Filter(str, "startswith"),
            "version": Filter(int, "eq", many=True),
            "creation_date": Filter(datetime, "eq", many=True),
            "creation_date_before": Filter(datetime, "before"),
            "creation_date_after": Filter(datetime, "after"),
            "last_update": Filter(datetime, "eq", many=True),
            "last_update_before": Filter(datetime, "before"),
            "last_update_after": Filter(datetime, "after"),
            "site_name": Filter(str, "eq", many=True),
            "site_path": Filter(str, "join"),
        },
    )

    objects: ClassVar[Objects[AppManager]] = Objects(lambda: AppManager)
    aobjects: ClassVar[AsyncObjects[AsyncAppManager]] = AsyncObjects(lambda: AsyncAppManager)

    id: Field[int | None] = Field(int, doc="Server id.")
    """Server id."""
    site_id: int = declared(Field(int, settable="always", required=True, doc="Site of the App."))
    """Site of the App."""
    name: str = declared(Field(str, settable="always", required=True, doc="Unique at its site."))
    """Unique at its site."""
    description: str = declared(Field(str, settable="always", default="", doc="Description for people."))
    """Description for people."""
    command_template: str | None = declared(
        Field(
            str | None,
            settable="always",
            doc="Command with placeholders {{ name }}; split into arguments before values are inserted.",
        )
    )
    """Command with placeholders {{ name }}; split into arguments before values are inserted."""
    use_shell: bool = declared(
        Field(bool, settable="always", default=False, doc="Run the template with /bin/sh, with quoted parameters.")
    )
    """Run the template with /bin/sh, with quoted parameters."""
    source_code: str = declared(
        Field(
            str,
            settable="always",
            default="",
            doc="Source of the class with run() and hooks; a site runs it only if its policy allows it.",
        )
    )
    """Source of the class with run() and hooks; a site runs it only if its policy allows it."""
    hooks: list[Any] = declared(
        Field(
            list[Any],
            settable="always",
            default=[],
            doc="Methods of the source that are hooks: preprocess, postprocess, handle_error, handle_timeout.",
        )
    )
    """Methods of the source that are hooks: preprocess, postprocess, handle_error, handle_timeout."""
    python_exe: str | None = declared(
        Field(
            str | None,
            settable="always",
            doc="Interpreter at the site for run(), hooks and $STORAX_PYTHON; null: that of the agent.",
        )
    )
    """Interpreter at the site for run(), hooks and $STORAX_PYTHON; null: that of the agent."""
    shell_preamble: str = declared(
        Field(
            str,
            settable="always",
            default="",
            doc="Lines that /bin/sh runs before the command or the Python worker, such as 'module load'.",
        )
    )
    """Lines that /bin/sh runs before the command or the Python worker, such as 'module load'."""
    parameters: dict[str, Any] = declared(
        Field(dict[str, Any], settable="always", default={}, doc="{name: {required, default, help}}.")
    )
    """{name: {required, default, help}}."""
    transfers: dict[str, Any] = declared(
        Field(
            dict[str, Any],
            settable="always",
            default={},
            doc="Transfer slots: {slot: {required, direction, local_path, description, recursive}}.",
        )
    )
    """Transfer slots: {slot: {required, direction, local_path, description, recursive}}."""
    cleanup_files: list[Any] = declared(
        Field(
            list[Any],
            settable="always",
            default=[],
            doc="Glob patterns of files in the workdir to delete after a job has finished.",
        )
    )
    """Glob patterns of files in the workdir to delete after a job has finished."""
    environment: dict[str, str] = declared(
        Field(dict[str, str], settable="always", default={}, doc="Environment variables of each job.")
    )
    """Environment variables of each job."""
    max_attempts: int = declared(
        Field(
            int,
            settable="always",
            default=1,
            doc="Number of runs before an error makes a job FAILED; lost runs do not count; a job can override it.",
        )
    )
    """Number of runs before an error makes a job FAILED; lost runs do not count; a job can override it."""
    max_losses: int = declared(
        Field(
            int,
            settable="always",
            default=100,
            doc="Number of lost runs that makes a job FAILED; 0: no limit; a job can override it.",
        )
    )
    """Number of lost runs that makes a job FAILED; 0: no limit; a job can override it."""
    retry_delay_sec: int = declared(
        Field(
            int,
            settable="always",
            default=0,
            doc="Seconds before the run that follows an error; doubles with each error; a job can override it.",
        )
    )
    """Seconds before the run that follows an error; doubles with each error; a job can override it."""
    retry_exit_codes: list[int] = declared(
        Field(
            list[int],
            settable="always",
            default=[],
            doc="Exit codes after which a job is retried; empty: after any error; a job can override it.",
        )
    )
    """Exit codes after which a job is retried; empty: after any error; a job can override it."""
    retry_on_timeout: bool = declared(
        Field(
            bool,
            settable="always",
            default=True,
            doc="Whether a job runs again after its wall_time_limit_min; a job can override it.",
        )
    )
    """Whether a job runs again after its wall_time_limit_min; a job can override it."""
    version: Field[int] = Field(int, doc="Number of changes so far; 1 at creation.")
    """Number of changes so far; 1 at creation."""
    creation_date: Field[datetime] = Field(datetime, doc="When it was created.")
    """When it was created."""
    last_update: Field[datetime] = Field(datetime, doc="When it last changed.")
    """When it last changed."""

    def __init__(
        self,
        *,
        site_id: int,
        name: str,
        description: str | Unset = UNSET,
        command_template: str | Unset | None = UNSET,
        use_shell: bool | Unset = UNSET,
        source_code: str | Unset = UNSET,
        hooks: Iterable[Any] | Unset = UNSET,
        python_exe: str | Unset | None = UNSET,
        shell_preamble: str | Unset = UNSET,
        parameters: Mapping[str, Any] | Unset = UNSET,
        transfers: Mapping[str, Any] | Unset = UNSET,
        cleanup_files: Iterable[Any] | Unset = UNSET,
        environment: Mapping[str, str] | Unset = UNSET,
        max_attempts: int | Unset = UNSET,
        max_losses: int | Unset = UNSET,
        retry_delay_sec: int | Unset = UNSET,
        retry_exit_codes: Iterable[int] | Unset = UNSET,
        retry_on_timeout: bool | Unset = UNSET,
        **unknown: Never,
    ) -> None:
        """A named program at a Site: its command template, parameters and transfer slots. Unsaved until ``save()``.

        Args:
            site_id: Site of the App.
            name: Unique at its site.
            description: Description for people.
            command_template: Command with placeholders {{ name }}; split into arguments before values are
                inserted.
            use_shell: Run the template with /bin/sh, with quoted parameters. Default: False.
            source_code: Source of the class with run() and hooks; a site runs it only if its policy allows
                it.
            hooks: Methods of the source that are hooks: preprocess, postprocess, handle_error,
                handle_timeout.
            python_exe: Interpreter at the site for run(), hooks and $STORAX_PYTHON; null: that of the agent.
            shell_preamble: Lines that /bin/sh runs before the command or the Python worker, such as 'module
                load'.
            parameters: {name: {required, default, help}}.
            transfers: Transfer slots: {slot: {required, direction, local_path, description, recursive}}.
            cleanup_files: Glob patterns of files in the workdir to delete after a job has finished.
            environment: Environment variables of each job.
            max_attempts: Number of runs before an error makes a job FAILED; lost runs do not count; a job can
                override it. Default: 1.
            max_losses: Number of lost runs that makes a job FAILED; 0: no limit; a job can override it.
                Default: 100.
            retry_delay_sec: Seconds before the run that follows an error; doubles with each error; a job can
                override it. Default: 0.
            retry_exit_codes: Exit codes after which a job is retried; empty: after any error; a job can
                override it.
            retry_on_timeout: Whether a job runs again after its wall_time_limit_min; a job can override it.
                Default: True.
        """
        self._fill(locals())

    @classmethod
    async def async_(cls, *, rename_from: str | None = None) -> App:
        """``sync()``, awaited."""
        return await in_thread(cls.sync, rename_from=rename_from)

    @OnBoth
    async def asubmit(self: Any, workdir: str, *, save: bool = True, **parameters: Any) -> Job:
        """``submit()``, awaited."""
        return await in_thread(self.submit, workdir, save=save, **parameters)

    @classmethod
    async def aload_by_id(cls, app_id: int) -> type[App]:
        """``load_by_id()``, awaited."""
        return await in_thread(cls.load_by_id, app_id)

    @classmethod
    async def aload_by_name(cls, name: str, *, site: str | int | Site | None = None) -> type[App]:
        """``load_by_name()``, awaited."""
        return await in_thread(cls.load_by_name, name, site=site)

    @classmethod
    async def aload_by_site(cls, site: str | int | Site) -> dict[str, type[App]]:
        """``load_by_site()``, awaited."""
        return await in_thread(cls.load_by_site, site)

    @classmethod
    async def aresolve_site_id(cls) -> int:
        """``resolve_site_id()``, awaited."""
        return await in_thread(cls.resolve_site_id)

    async def asave(self, *, force: bool = False) -> None:
        """``save()``, awaited."""
        return await in_thread(self.save, force=force)

    async def arefresh_from_db(self) -> None:
        """``refresh_from_db()``, awaited."""
        return await in_thread(self.refresh_from_db)

    async def adelete(self) -> None:
        """``delete()``, awaited."""
        return await in_thread(self.delete)


class AppQuery(ChangeQuery[App]):
    """A lazy query of Apps."""

    _model = App

    def filter(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        name: str | Iterable[str] | Unset = UNSET,
        name__ne: str | Iterable[str] | Unset = UNSET,
        name__contains: str | Unset = UNSET,
        name__startswith: str | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        site_name: str | Iterable[str] | Unset = UNSET,
        site_path: str | Unset = UNSET,
        **unknown: Never,
    ) -> AppQuery:
        """Keep only those that pass all of these filters, and those before.

        Args:
            id: Equal to this id, or to any of a list.
            id__ne: Not this id, nor any of a list.
            id__gt: id above this.
            id__lt: id below this.
            site_id: Equal to this site_id, or to any of a list.
            site_id__ne: Not this site_id, nor any of a list.
            name: Equal to this name, or to any of a list.
            name__ne: Not this name, nor any of a list.
            name__contains: name contains this text.
            name__startswith: name starts with this text.
            version: Equal to this version, or to any of a list.
            creation_date: Equal to this creation_date, or to any of a list.
            creation_date_before: creation_date before this time.
            creation_date_after: creation_date after this time.
            last_update: Equal to this last_update, or to any of a list.
            last_update_before: last_update before this time.
            last_update_after: last_update after this time.
            site_name: Name of its site, or any of a list. A name that none of your sites has or had is an
                error.
            site_path: Path of its site contains this text.
        """
        query: AppQuery = self._filter(locals())
        return query

    def exclude(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        name: str | Iterable[str] | Unset = UNSET,
        name__ne: str | Iterable[str] | Unset = UNSET,
        name__contains: str | Unset = UNSET,
        name__startswith: str | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        site_name: str | Iterable[str] | Unset = UNSET,
        site_path: str | Unset = UNSET,
        **unknown: Never,
    ) -> AppQuery:
        """Exclude those that pass all of these filters at once; the arguments are those of ``filter()``."""
        query: AppQuery = self._exclude(locals())
        return query

    def get(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        name: str | Iterable[str] | Unset = UNSET,
        name__ne: str | Iterable[str] | Unset = UNSET,
        name__contains: str | Unset = UNSET,
        name__startswith: str | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        site_name: str | Iterable[str] | Unset = UNSET,
        site_path: str | Unset = UNSET,
        **unknown: Never,
    ) -> App:
        """Return the one that passes these filters; the arguments are those of ``filter()``.

        Raises:
            DoesNotExist: None does.
            MultipleObjectsReturned: More than one does.
        """
        return self._get(locals())

    def all(self) -> AppQuery:
        """Return the same query, not yet read; of a manager: a query of all records."""
        query: AppQuery = self._derive(self._plan)
        return query

    def order_by(self, *fields: AppOrdering) -> AppQuery:
        """Return the query ordered by these fields, ``-`` before a name for descending; by none: the server's order."""
        query: AppQuery = self._order_by(fields)
        return query

    @overload
    def __getitem__(self, index: int) -> App: ...
    @overload
    def __getitem__(self, index: slice) -> AppQuery: ...
    def __getitem__(self, index: int | slice) -> App | AppQuery:
        result: App | AppQuery = self._item(index)
        return result

    def update(
        self,
        *,
        site_id: int | Unset = UNSET,
        name: str | Unset = UNSET,
        description: str | Unset = UNSET,
        command_template: str | Unset | None = UNSET,
        use_shell: bool | Unset = UNSET,
        source_code: str | Unset = UNSET,
        hooks: Iterable[Any] | Unset = UNSET,
        python_exe: str | Unset | None = UNSET,
        shell_preamble: str | Unset = UNSET,
        parameters: Mapping[str, Any] | Unset = UNSET,
        transfers: Mapping[str, Any] | Unset = UNSET,
        cleanup_files: Iterable[Any] | Unset = UNSET,
        environment: Mapping[str, str] | Unset = UNSET,
        max_attempts: int | Unset = UNSET,
        max_losses: int | Unset = UNSET,
        retry_delay_sec: int | Unset = UNSET,
        retry_exit_codes: Iterable[int] | Unset = UNSET,
        retry_on_timeout: bool | Unset = UNSET,
        **unknown: Never,
    ) -> int:
        """Change all that match, on the server, in one step, and return their number.

        Args:
            site_id: Site of the App.
            name: Unique at its site.
            description: Description for people.
            command_template: Command with placeholders {{ name }}; split into arguments before values are
                inserted.
            use_shell: Run the template with /bin/sh, with quoted parameters.
            source_code: Source of the class with run() and hooks; a site runs it only if its policy allows
                it.
            hooks: Methods of the source that are hooks: preprocess, postprocess, handle_error,
                handle_timeout.
            python_exe: Interpreter at the site for run(), hooks and $STORAX_PYTHON; null: that of the agent.
            shell_preamble: Lines that /bin/sh runs before the command or the Python worker, such as 'module
                load'.
            parameters: {name: {required, default, help}}.
            transfers: Transfer slots: {slot: {required, direction, local_path, description, recursive}}.
            cleanup_files: Glob patterns of files in the workdir to delete after a job has finished.
            environment: Environment variables of each job.
            max_attempts: Number of runs before an error makes a job FAILED; lost runs do not count; a job can
                override it.
            max_losses: Number of lost runs that makes a job FAILED; 0: no limit; a job can override it.
            retry_delay_sec: Seconds before the run that follows an error; doubles with each error; a job can
                override it.
            retry_exit_codes: Exit codes after which a job is retried; empty: after any error; a job can
                override it.
            retry_on_timeout: Whether a job runs again after its wall_time_limit_min; a job can override it.

        Raises:
            SlicedQuery: The query was sliced.
        """
        return self._update(locals())

    def delete(self) -> int:
        """Delete all that match, on the server; their events stay. Return the number deleted.

        Raises:
            SlicedQuery: The query was sliced.
        """
        return self._delete()


class AppManager(Manager[App], AppQuery):
    """Where queries of Apps begin."""

    _queries = AppQuery

    def create(
        self,
        *,
        site_id: int,
        name: str,
        description: str | Unset = UNSET,
        command_template: str | Unset | None = UNSET,
        use_shell: bool | Unset = UNSET,
        source_code: str | Unset = UNSET,
        hooks: Iterable[Any] | Unset = UNSET,
        python_exe: str | Unset | None = UNSET,
        shell_preamble: str | Unset = UNSET,
        parameters: Mapping[str, Any] | Unset = UNSET,
        transfers: Mapping[str, Any] | Unset = UNSET,
        cleanup_files: Iterable[Any] | Unset = UNSET,
        environment: Mapping[str, str] | Unset = UNSET,
        max_attempts: int | Unset = UNSET,
        max_losses: int | Unset = UNSET,
        retry_delay_sec: int | Unset = UNSET,
        retry_exit_codes: Iterable[int] | Unset = UNSET,
        retry_on_timeout: bool | Unset = UNSET,
        **unknown: Never,
    ) -> App:
        """Make one and save it; the arguments are those of ``App()``."""
        return self._create(locals())

    def bulk_create(self, items: Iterable[App], *, progress: bool | None = None) -> list[App]:
        """Save many records, 10,000 in one request, all or none of each request. Fill in their ids and return them.

        Args:
            items: Unsaved ones.
            progress: Show a bar on stderr; by default on a terminal, beyond one request.
        """
        return self._bulk_create(items, progress)

    def bulk_update(self, items: Iterable[App], *, progress: bool | None = None) -> int:
        """Save the changes of many records, 10,000 in one request, all or none of each. Return how many had any.

        Args:
            items: Saved ones; what changed in each is sent, and ``version`` and ``last_update`` come back.
            progress: Show a bar on stderr; by default on a terminal, beyond one request.
        """
        return self._bulk_update(items, force=False, progress=progress)


AppQuery._queries = AppQuery


class AsyncAppQuery(AsyncQuery[App]):
    """A query of Apps whose calls are awaited."""

    def filter(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        name: str | Iterable[str] | Unset = UNSET,
        name__ne: str | Iterable[str] | Unset = UNSET,
        name__contains: str | Unset = UNSET,
        name__startswith: str | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        site_name: str | Iterable[str] | Unset = UNSET,
        site_path: str | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncAppQuery:
        """``filter()`` of the query; it sends no request."""
        return AsyncAppQuery(self._query.filter(**arguments(locals())))

    def exclude(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        name: str | Iterable[str] | Unset = UNSET,
        name__ne: str | Iterable[str] | Unset = UNSET,
        name__contains: str | Unset = UNSET,
        name__startswith: str | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        site_name: str | Iterable[str] | Unset = UNSET,
        site_path: str | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncAppQuery:
        """``exclude()`` of the query; it sends no request."""
        return AsyncAppQuery(self._query.exclude(**arguments(locals())))

    def all(self) -> AsyncAppQuery:
        """``all()`` of the query; it sends no request."""
        return AsyncAppQuery(self._query.all())

    def order_by(self, *fields: AppOrdering) -> AsyncAppQuery:
        """``order_by()`` of the query; it sends no request."""
        return AsyncAppQuery(self._query.order_by(*fields))

    def __getitem__(self, index: slice) -> AsyncAppQuery:
        return AsyncAppQuery(self._part(index))

    async def get(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        name: str | Iterable[str] | Unset = UNSET,
        name__ne: str | Iterable[str] | Unset = UNSET,
        name__contains: str | Unset = UNSET,
        name__startswith: str | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        site_name: str | Iterable[str] | Unset = UNSET,
        site_path: str | Unset = UNSET,
        **unknown: Never,
    ) -> App:
        """``get()``, awaited."""
        return await in_thread(self._query.get, **arguments(locals()))

    async def update(
        self,
        *,
        site_id: int | Unset = UNSET,
        name: str | Unset = UNSET,
        description: str | Unset = UNSET,
        command_template: str | Unset | None = UNSET,
        use_shell: bool | Unset = UNSET,
        source_code: str | Unset = UNSET,
        hooks: Iterable[Any] | Unset = UNSET,
        python_exe: str | Unset | None = UNSET,
        shell_preamble: str | Unset = UNSET,
        parameters: Mapping[str, Any] | Unset = UNSET,
        transfers: Mapping[str, Any] | Unset = UNSET,
        cleanup_files: Iterable[Any] | Unset = UNSET,
        environment: Mapping[str, str] | Unset = UNSET,
        max_attempts: int | Unset = UNSET,
        max_losses: int | Unset = UNSET,
        retry_delay_sec: int | Unset = UNSET,
        retry_exit_codes: Iterable[int] | Unset = UNSET,
        retry_on_timeout: bool | Unset = UNSET,
        **unknown: Never,
    ) -> int:
        """``update()``, awaited."""
        return await in_thread(self._query.update, **arguments(locals()))

    async def delete(self) -> int:
        """``delete()``, awaited."""
        return await in_thread(self._query.delete)

    def iterator(self, chunk_size: int = PAGE) -> AsyncIterator[App]:
        """``iterator()``, awaited."""
        return iterate_rows(lambda: self._query.iterator(chunk_size))

    async def first(self) -> App | None:
        """``first()``, awaited."""
        return await in_thread(self._query.first)

    async def last(self) -> App | None:
        """``last()``, awaited."""
        return await in_thread(self._query.last)

    async def count(self) -> int:
        """``count()``, awaited."""
        return await in_thread(self._query.count)

    async def exists(self) -> bool:
        """``exists()``, awaited."""
        return await in_thread(self._query.exists)

    async def values(self, *fields: str) -> list[dict[str, Any]]:
        """``values()``, awaited."""
        return await in_thread(self._query.values, *fields)

    async def values_list(self, *fields: str, flat: bool = False) -> list[Any]:
        """``values_list()``, awaited."""
        return await in_thread(self._query.values_list, *fields, flat=flat)

    async def in_bulk(self, ids: Iterable[int] | None = None) -> dict[int, App]:
        """``in_bulk()``, awaited."""
        return await in_thread(self._query.in_bulk, ids)

    async def counts(self, by: str = "state") -> dict[Any, int]:
        """``counts()``, awaited."""
        return await in_thread(self._query.counts, by)

    async def to_pandas(self) -> Any:
        """``to_pandas()``, awaited."""
        return await in_thread(self._query.to_pandas)

    async def to_polars(self) -> Any:
        """``to_polars()``, awaited."""
        return await in_thread(self._query.to_polars)

    async def to_arrow(self) -> Any:
        """``to_arrow()``, awaited."""
        return await in_thread(self._query.to_arrow)


class AsyncAppManager(AsyncAppQuery):
    """``App.aobjects``: where awaited queries of Apps begin."""

    async def create(
        self,
        *,
        site_id: int,
        name: str,
        description: str | Unset = UNSET,
        command_template: str | Unset | None = UNSET,
        use_shell: bool | Unset = UNSET,
        source_code: str | Unset = UNSET,
        hooks: Iterable[Any] | Unset = UNSET,
        python_exe: str | Unset | None = UNSET,
        shell_preamble: str | Unset = UNSET,
        parameters: Mapping[str, Any] | Unset = UNSET,
        transfers: Mapping[str, Any] | Unset = UNSET,
        cleanup_files: Iterable[Any] | Unset = UNSET,
        environment: Mapping[str, str] | Unset = UNSET,
        max_attempts: int | Unset = UNSET,
        max_losses: int | Unset = UNSET,
        retry_delay_sec: int | Unset = UNSET,
        retry_exit_codes: Iterable[int] | Unset = UNSET,
        retry_on_timeout: bool | Unset = UNSET,
        **unknown: Never,
    ) -> App:
        """``create()``, awaited."""
        return await in_thread(self._query.create, **arguments(locals()))

    async def bulk_create(self, items: Iterable[App], *, progress: bool | None = None) -> list[App]:
        """``bulk_create()``, awaited."""
        return await in_thread(self._query.bulk_create, items, progress=progress)

    async def bulk_update(self, items: Iterable[App], *, progress: bool | None = None) -> int:
        """``bulk_update()``, awaited."""
        return await in_thread(self._query.bulk_update, items, progress=progress)


class Job(JobBase["App", "JobQuery"]):
    """One run of an App at a Site."""

    __slots__ = ()

    _spec = Spec(
        path="jobs",
        entity="job",
        order="id",
        writable=True,
        orderings=(
            "id",
            "-id",
            "app_id",
            "-app_id",
            "workdir",
            "-workdir",
            "site_id",
            "-site_id",
            "state",
            "-state",
            "num_nodes",
            "-num_nodes",
            "wall_time_min",
            "-wall_time_min",
            "priority",
            "-priority",
            "attempt",
            "-attempt",
            "losses",
            "-losses",
            "creation_date",
            "-creation_date",
            "last_update",
            "-last_update",
        ),
        filters={
            "id": Filter(int, "eq", many=True),
            "id__ne": Filter(int, "ne", many=True),
            "id__gt": Filter(int, "gt"),
            "id__lt": Filter(int, "lt"),
            "app_id": Filter(int, "eq", many=True),
            "app_id__ne": Filter(int, "ne", many=True),
            "workdir": Filter(str, "eq", many=True),
            "workdir__ne": Filter(str, "ne", many=True),
            "workdir__contains": Filter(str, "contains"),
            "workdir__startswith": Filter(str, "startswith"),
            "tags": Filter(dict[str, str], "contains_json"),
            "parameters": Filter(dict[str, Any], "contains_json"),
            "data": Filter(dict[str, Any], "contains_json"),
            "pending_file_cleanup": Filter(bool, "eq", many=True),
            "pending_file_cleanup__ne": Filter(bool, "ne", many=True),
            "site_id": Filter(int, "eq", many=True),
            "site_id__ne": Filter(int, "ne", many=True),
            "state": Filter(JobState, "eq", many=True),
            "state__ne": Filter(JobState, "ne", many=True),
            "num_nodes": Filter(int, "eq", many=True),
            "num_nodes__ne": Filter(int, "ne", many=True),
            "num_nodes__gt": Filter(int, "gt"),
            "num_nodes__gte": Filter(int, "gte"),
            "num_nodes__lt": Filter(int, "lt"),
            "num_nodes__lte": Filter(int, "lte"),
            "ranks_per_node": Filter(int, "eq", many=True),
            "ranks_per_node__ne": Filter(int, "ne", many=True),
            "ranks_per_node__gt": Filter(int, "gt"),
            "ranks_per_node__gte": Filter(int, "gte"),
            "ranks_per_node__lt": Filter(int, "lt"),
            "ranks_per_node__lte": Filter(int, "lte"),
            "threads_per_rank": Filter(int, "eq", many=True),
            "threads_per_rank__ne": Filter(int, "ne", many=True),
            "threads_per_rank__gt": Filter(int, "gt"),
            "threads_per_rank__gte": Filter(int, "gte"),
            "threads_per_rank__lt": Filter(int, "lt"),
            "threads_per_rank__lte": Filter(int, "lte"),
            "node_packing_count": Filter(int, "eq", many=True),
            "node_packing_count__ne": Filter(int, "ne", many=True),
            "node_packing_count__gt": Filter(int, "gt"),
            "node_packing_count__gte": Filter(int, "gte"),
            "node_packing_count__lt": Filter(int, "lt"),
            "node_packing_count__lte": Filter(int, "lte"),
            "gpus_per_rank": Filter(float, "eq", many=True),
            "gpus_per_rank__ne": Filter(float, "ne", many=True),
            "gpus_per_rank__gt": Filter(float, "gt"),
            "gpus_per_rank__gte": Filter(float, "gte"),
            "gpus_per_rank__lt": Filter(float, "lt"),
            "gpus_per_rank__lte": Filter(float, "lte"),
            "mem_per_node_mb": Filter(int, "eq", many=True),
            "mem_per_node_mb__ne": Filter(int, "ne", many=True),
            "mem_per_node_mb__gt": Filter(int, "gt"),
            "mem_per_node_mb__gte": Filter(int, "gte"),
            "mem_per_node_mb__lt": Filter(int, "lt"),
            "mem_per_node_mb__lte": Filter(int, "lte"),
            "wall_time_min": Filter(int, "eq", many=True),
            "wall_time_min__ne": Filter(int, "ne", many=True),
            "wall_time_min__gt": Filter(int, "gt"),
            "wall_time_min__gte": Filter(int, "gte"),
            "wall_time_min__lt": Filter(int, "lt"),
            "wall_time_min__lte": Filter(int, "lte"),
            "wall_time_limit_min": Filter(int, "eq", many=True),
            "wall_time_limit_min__ne": Filter(int, "ne", many=True),
            "wall_time_limit_min__gt": Filter(int, "gt"),
            "wall_time_limit_min__gte": Filter(int, "gte"),
            "wall_time_limit_min__lt": Filter(int, "lt"),
            "wall_time_limit_min__lte": Filter(int, "lte"),
            "priority": Filter(int, "eq", many=True),
            "priority__ne": Filter(int, "ne", many=True),
            "priority__gt": Filter(int, "gt"),
            "priority__gte": Filter(int, "gte"),
            "priority__lt": Filter(int, "lt"),
            "priority__lte": Filter(int, "lte"),
            "max_attempts": Filter(int, "eq", many=True),
            "max_attempts__ne": Filter(int, "ne", many=True),
            "max_attempts__gt": Filter(int, "gt"),
            "max_attempts__gte": Filter(int, "gte"),
            "max_attempts__lt": Filter(int, "lt"),
            "max_attempts__lte": Filter(int, "lte"),
            "max_losses": Filter(int, "eq", many=True),
            "max_losses__ne": Filter(int, "ne", many=True),
            "max_losses__gt": Filter(int, "gt"),
            "max_losses__gte": Filter(int, "gte"),
            "max_losses__lt": Filter(int, "lt"),
            "max_losses__lte": Filter(int, "lte"),
            "attempt": Filter(int, "eq", many=True),
            "attempt__ne": Filter(int, "ne", many=True),
            "attempt__gt": Filter(int, "gt"),
            "attempt__gte": Filter(int, "gte"),
            "attempt__lt": Filter(int, "lt"),
            "attempt__lte": Filter(int, "lte"),
            "losses": Filter(int, "eq", many=True),
            "losses__ne": Filter(int, "ne", many=True),
            "losses__gt": Filter(int, "gt"),
            "losses__gte": Filter(int, "gte"),
            "losses__lt": Filter(int, "lt"),
            "losses__lte": Filter(int, "lte"),
            "loss_reason": Filter(str, "eq", many=True),
            "loss_reason__ne": Filter(str, "ne", many=True),
            "loss_reason__contains": Filter(str, "contains"),
            "loss_reason__startswith": Filter(str, "startswith"),
            "not_before": Filter(datetime, "eq", many=True),
            "not_before_before": Filter(datetime, "before"),
            "not_before_after": Filter(datetime, "after"),
            "not_before__isnull": Filter(bool, "isnull"),
            "return_code": Filter(int, "eq", many=True),
            "return_code__ne": Filter(int, "ne", many=True),
            "return_code__gt": Filter(int, "gt"),
            "return_code__gte": Filter(int, "gte"),
            "return_code__lt": Filter(int, "lt"),
            "return_code__lte": Filter(int, "lte"),
            "return_code__isnull": Filter(bool, "isnull"),
            "batch_job_id": Filter(int, "eq", many=True),
            "batch_job_id__ne": Filter(int, "ne", many=True),
            "batch_job_id__isnull": Filter(bool, "isnull"),
            "session_id": Filter(int, "eq", many=True),
            "session_id__ne": Filter(int, "ne", many=True),
            "session_id__isnull": Filter(bool, "isnull"),
            "cancel_requested": Filter(bool, "eq", many=True),
            "cancel_requested__ne": Filter(bool, "ne", many=True),
            "version": Filter(int, "eq", many=True),
            "creation_date": Filter(datetime, "eq", many=True),
            "creation_date_before": Filter(datetime, "before"),
            "creation_date_after": Filter(datetime, "after"),
            "last_update": Filter(datetime, "eq", many=True),
            "last_update_before": Filter(datetime, "before"),
            "last_update_after": Filter(datetime, "after"),
            "parent_id": Filter(int, "eq", many=True),
            "root_cause_of": Filter(int, "eq", many=True),
            "app_name": Filter(str, "eq", many=True),
            "site_name": Filter(str, "eq", many=True),
            "failure_line": Filter(str, "eq", many=True),
        },
    )

    objects: ClassVar[Objects[JobManager]] = Objects(lambda: JobManager)
    aobjects: ClassVar[AsyncObjects[AsyncJobManager]] = AsyncObjects(lambda: AsyncJobManager)

    id: Field[int | None] = Field(int, doc="Server id, never reused.")
    """Server id, never reused."""
    app_id: Field[int] = Field(int, settable="create", required=True, doc="App that it runs; cannot be changed.")
    """App that it runs; cannot be changed."""
    workdir: Field[str] = Field(
        str, settable="always", required=True, doc="Working folder, relative to the site's data folder."
    )
    """Working folder, relative to the site's data folder."""
    tags: Field[dict[str, str]] = Field(dict[str, str], settable="always", default={}, by_key=True, doc="Labels.")
    """Labels."""
    parameters: Field[dict[str, Any]] = Field(
        dict[str, Any], settable="always", default={}, by_key=True, doc="Values for the App's parameters."
    )
    """Values for the App's parameters."""
    data: Field[dict[str, Any]] = Field(
        dict[str, Any], settable="always", default={}, by_key=True, doc="Data of the user."
    )
    """Data of the user."""
    return_value: Field[Any] = Field(Any, settable="update", doc="Result of the process, as JSON.")
    """Result of the process, as JSON."""
    launch_params: Field[dict[str, str]] = Field(
        dict[str, str], settable="always", default={}, by_key=True, doc="Extra arguments for the site's launcher."
    )
    """Extra arguments for the site's launcher."""
    parent_ids: ParentIds = ParentIds(list[int], settable="create", default=[], doc="Jobs that must finish first.")
    """Jobs that must finish first."""
    on_parent_failure: Field[Literal["fail", "run"]] = Field(
        Literal["fail", "run"],
        settable="always",
        default="fail",
        doc="If a parent fails, is cancelled or is deleted: end too, or run.",
    )
    """If a parent fails, is cancelled or is deleted: end too, or run."""
    pending_file_cleanup: Field[bool] = Field(
        bool, settable="always", default=True, doc="Whether the App's cleanup_files are still to be deleted."
    )
    """Whether the App's cleanup_files are still to be deleted."""
    site_id: Field[int] = Field(int, doc="Site it runs at, from its App.")
    """Site it runs at, from its App."""
    state: Field[JobState] = Field(JobState, settable="update", doc="State.")
    """State."""
    num_nodes: Field[int] = Field(int, settable="always", default=1, doc="Nodes.")
    """Nodes."""
    ranks_per_node: Field[int] = Field(int, settable="always", default=1, doc="MPI ranks per node.")
    """MPI ranks per node."""
    threads_per_rank: Field[int] = Field(int, settable="always", default=1, doc="Threads per rank.")
    """Threads per rank."""
    threads_per_core: Field[int] = Field(int, settable="always", default=1, doc="Hardware threads used per core.")
    """Hardware threads used per core."""
    node_packing_count: Field[int] = Field(
        int, settable="always", default=1, doc="Number of such jobs that may share one node."
    )
    """Number of such jobs that may share one node."""
    gpus_per_rank: Field[float] = Field(float, settable="always", default=0.0, doc="GPUs per rank.")
    """GPUs per rank."""
    mem_per_node_mb: Field[int] = Field(
        int, settable="always", default=0, doc="Memory on each node, in MiB; 0: none. Reserved, but not enforced."
    )
    """Memory on each node, in MiB; 0: none. Reserved, but not enforced."""
    wall_time_min: Field[int] = Field(
        int,
        settable="always",
        default=0,
        doc="Expected run time, in minutes; 0: not known. For packing; nothing ends the job after it.",
    )
    """Expected run time, in minutes; 0: not known. For packing; nothing ends the job after it."""
    wall_time_limit_min: Field[int] = Field(
        int,
        settable="always",
        default=0,
        doc="Hard limit of one run, in minutes; 0: none. A job that reaches it is stopped.",
    )
    """Hard limit of one run, in minutes; 0: none. A job that reaches it is stopped."""
    priority: Field[int] = Field(int, settable="always", default=0, doc="Priority, -1000 to 1000; higher runs first.")
    """Priority, -1000 to 1000; higher runs first."""
    max_attempts: Field[int] = Field(
        int, settable="always", default=1, doc="Number of runs before an error makes it FAILED; lost runs do not count."
    )
    """Number of runs before an error makes it FAILED; lost runs do not count."""
    max_losses: Field[int] = Field(
        int, settable="always", default=100, doc="Number of lost runs that makes it FAILED; 0: no limit."
    )
    """Number of lost runs that makes it FAILED; 0: no limit."""
    retry_delay_sec: Field[int] = Field(
        int,
        settable="always",
        default=0,
        doc="Seconds before the run that follows an error; doubles with each error, up to a day.",
    )
    """Seconds before the run that follows an error; doubles with each error, up to a day."""
    retry_exit_codes: Field[list[int]] = Field(
        list[int], settable="always", default=[], doc="Exit codes after which it is retried; empty: after any error."
    )
    """Exit codes after which it is retried; empty: after any error."""
    retry_on_timeout: Field[bool] = Field(
        bool, settable="always", default=True, doc="Whether it runs again after wall_time_limit_min."
    )
    """Whether it runs again after wall_time_limit_min."""
    attempt: Field[int] = Field(int, doc="Number of runs started so far.")
    """Number of runs started so far."""
    losses: Field[int] = Field(
        int, doc="Number of runs that were lost with their site or allocation, or reached their limit."
    )
    """Number of runs that were lost with their site or allocation, or reached their limit."""
    loss_reason: Field[str] = Field(str, doc="Why its last run was lost; empty: it was not.")
    """Why its last run was lost; empty: it was not."""
    not_before: Field[datetime | None] = Field(datetime | None, doc="Earliest next start (back-off).")
    """Earliest next start (back-off)."""
    return_code: Field[int | None] = Field(
        int | None, settable="update", doc="Exit code of the last run; -N for signal N."
    )
    """Exit code of the last run; -N for signal N."""
    batch_job_id: Field[int | None] = Field(int | None, doc="BatchJob that last leased it.")
    """BatchJob that last leased it."""
    session_id: Field[int | None] = Field(int | None, doc="Session that holds its lease.")
    """Session that holds its lease."""
    lease_epoch: Field[int] = Field(int, doc="Epoch of the lease; a report must state it.")
    """Epoch of the lease; a report must state it."""
    cancel_requested: Field[bool] = Field(bool, doc="Whether a cancellation of the running process is requested.")
    """Whether a cancellation of the running process is requested."""
    stage_in: Field[bool] = Field(bool, doc="Whether files are staged in.")
    """Whether files are staged in."""
    stage_out: Field[bool] = Field(bool, doc="Whether files are staged out.")
    """Whether files are staged out."""
    hooks: Field[str] = Field(str, doc="Hooks of its App at its creation, separated by spaces.")
    """Hooks of its App at its creation, separated by spaces."""
    version: Field[int] = Field(int, doc="Number of changes so far; 1 at creation.")
    """Number of changes so far; 1 at creation."""
    creation_date: Field[datetime] = Field(datetime, doc="When it was created.")
    """When it was created."""
    last_update: Field[datetime] = Field(datetime, doc="When it last changed.")
    """When it last changed."""
    transfers: Field[dict[str, Any]] = Field(
        dict[str, Any],
        settable="create",
        default={},
        sent_only=True,
        doc='Files by App slot: "alias:/path" or {location_alias, path}.',
    )
    """Files by App slot: "alias:/path" or {location_alias, path}."""

    def __init__(
        self,
        *,
        app: str | App | type[App] | Unset = UNSET,
        site_name: str | Unset = UNSET,
        app_id: int | Unset = UNSET,
        workdir: str | Unset = UNSET,
        tags: Mapping[str, str] | Unset = UNSET,
        parameters: Mapping[str, Any] | Unset = UNSET,
        data: Mapping[str, Any] | Unset = UNSET,
        launch_params: Mapping[str, str] | Unset = UNSET,
        parent_ids: Iterable[int | JobBase[Any, Any]] | Unset = UNSET,
        on_parent_failure: Literal["fail", "run"] | Unset = UNSET,
        pending_file_cleanup: bool | Unset = UNSET,
        num_nodes: int | Unset = UNSET,
        ranks_per_node: int | Unset = UNSET,
        threads_per_rank: int | Unset = UNSET,
        threads_per_core: int | Unset = UNSET,
        node_packing_count: int | Unset = UNSET,
        gpus_per_rank: float | Unset = UNSET,
        mem_per_node_mb: int | Unset = UNSET,
        wall_time_min: int | Unset = UNSET,
        wall_time_limit_min: int | Unset = UNSET,
        priority: int | Unset = UNSET,
        max_attempts: int | Unset = UNSET,
        max_losses: int | Unset = UNSET,
        retry_delay_sec: int | Unset = UNSET,
        retry_exit_codes: Iterable[int] | Unset = UNSET,
        retry_on_timeout: bool | Unset = UNSET,
        transfers: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> None:
        """One run of an App at a Site. Unsaved until ``save()``.

        Args:
            app: App it runs: its name, an App, or its class.
            site_name: Site of the App, where several have one of that name.
            app_id: App that it runs; cannot be changed.
            workdir: Working folder, relative to the site's data folder.
            tags: Labels.
            parameters: Values for the App's parameters.
            data: Data of the user.
            launch_params: Extra arguments for the site's launcher.
            parent_ids: Jobs that must finish first.
            on_parent_failure: If a parent fails, is cancelled or is deleted: end too, or run. Default:
                'fail'.
            pending_file_cleanup: Whether the App's cleanup_files are still to be deleted. Default: True.
            num_nodes: Nodes. Default: 1.
            ranks_per_node: MPI ranks per node. Default: 1.
            threads_per_rank: Threads per rank. Default: 1.
            threads_per_core: Hardware threads used per core. Default: 1.
            node_packing_count: Number of such jobs that may share one node. Default: 1.
            gpus_per_rank: GPUs per rank. Default: 0.0.
            mem_per_node_mb: Memory on each node, in MiB; 0: none. Reserved, but not enforced. Default: 0.
            wall_time_min: Expected run time, in minutes; 0: not known. For packing; nothing ends the job
                after it. Default: 0.
            wall_time_limit_min: Hard limit of one run, in minutes; 0: none. A job that reaches it is stopped.
                Default: 0.
            priority: Priority, -1000 to 1000; higher runs first. Default: 0.
            max_attempts: Number of runs before an error makes it FAILED; lost runs do not count. Default: 1.
            max_losses: Number of lost runs that makes it FAILED; 0: no limit. Default: 100.
            retry_delay_sec: Seconds before the run that follows an error; doubles with each error, up to a
                day. Default: 0.
            retry_exit_codes: Exit codes after which it is retried; empty: after any error.
            retry_on_timeout: Whether it runs again after wall_time_limit_min. Default: True.
            transfers: Files by App slot: "alias:/path" or {location_alias, path}.
        """
        self._fill(locals())

    async def aexplain(self) -> list[str]:
        """``explain()``, awaited."""
        return await in_thread(self.explain)

    async def agraph(self, *, steps: int = 2) -> JobGraph:
        """``graph()``, awaited."""
        return await in_thread(self.graph, steps=steps)

    async def afile(self, name: str) -> JobFile:
        """``file()``, awaited."""
        return await in_thread(self.file, name)

    async def adone(self) -> bool:
        """``done()``, awaited."""
        return await in_thread(self.done)

    async def await_(self, timeout: float | None = None) -> Self:
        """``wait()``, awaited."""
        return await in_own_thread(self.wait, timeout)

    async def aresult(self, timeout: float | None = None, *, trust: bool = False) -> Any:
        """``result()``, awaited."""
        return await in_own_thread(self.result, timeout, trust=trust)

    async def aresult_nowait(self, *, trust: bool = False) -> Any:
        """``result_nowait()``, awaited."""
        return await in_thread(self.result_nowait, trust=trust)

    async def awatch(self, *, timeout: float | None = None) -> Self:
        """``watch()``, awaited."""
        return await in_own_thread(self.watch, timeout=timeout)

    async def acancel(self) -> CancelCount:
        """``cancel()``, awaited."""
        return await in_thread(self.cancel)

    async def aretry(self, *, descendants: bool = True) -> int:
        """``retry()``, awaited."""
        return await in_thread(self.retry, descendants=descendants)

    async def asave(self, *, force: bool = False) -> None:
        """``save()``, awaited."""
        return await in_thread(self.save, force=force)

    async def arefresh_from_db(self) -> None:
        """``refresh_from_db()``, awaited."""
        return await in_thread(self.refresh_from_db)

    async def adelete(self) -> None:
        """``delete()``, awaited."""
        return await in_thread(self.delete)


class JobQuery(JobQueryBase[Job]):
    """A lazy query of Jobs."""

    _model = Job

    def filter(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        app_id: int | Iterable[int] | Unset | None = UNSET,
        app_id__ne: int | Iterable[int] | Unset = UNSET,
        workdir: str | Iterable[str] | Unset = UNSET,
        workdir__ne: str | Iterable[str] | Unset = UNSET,
        workdir__contains: str | Unset = UNSET,
        workdir__startswith: str | Unset = UNSET,
        tags: Mapping[str, Any] | Unset = UNSET,
        parameters: Mapping[str, Any] | Unset = UNSET,
        data: Mapping[str, Any] | Unset = UNSET,
        pending_file_cleanup: bool | Iterable[bool] | Unset = UNSET,
        pending_file_cleanup__ne: bool | Iterable[bool] | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        state: JobState | Iterable[JobState] | Unset = UNSET,
        state__ne: JobState | Iterable[JobState] | Unset = UNSET,
        num_nodes: int | Iterable[int] | Unset = UNSET,
        num_nodes__ne: int | Iterable[int] | Unset = UNSET,
        num_nodes__gt: int | Unset = UNSET,
        num_nodes__gte: int | Unset = UNSET,
        num_nodes__lt: int | Unset = UNSET,
        num_nodes__lte: int | Unset = UNSET,
        ranks_per_node: int | Iterable[int] | Unset = UNSET,
        ranks_per_node__ne: int | Iterable[int] | Unset = UNSET,
        ranks_per_node__gt: int | Unset = UNSET,
        ranks_per_node__gte: int | Unset = UNSET,
        ranks_per_node__lt: int | Unset = UNSET,
        ranks_per_node__lte: int | Unset = UNSET,
        threads_per_rank: int | Iterable[int] | Unset = UNSET,
        threads_per_rank__ne: int | Iterable[int] | Unset = UNSET,
        threads_per_rank__gt: int | Unset = UNSET,
        threads_per_rank__gte: int | Unset = UNSET,
        threads_per_rank__lt: int | Unset = UNSET,
        threads_per_rank__lte: int | Unset = UNSET,
        node_packing_count: int | Iterable[int] | Unset = UNSET,
        node_packing_count__ne: int | Iterable[int] | Unset = UNSET,
        node_packing_count__gt: int | Unset = UNSET,
        node_packing_count__gte: int | Unset = UNSET,
        node_packing_count__lt: int | Unset = UNSET,
        node_packing_count__lte: int | Unset = UNSET,
        gpus_per_rank: float | Iterable[float] | Unset = UNSET,
        gpus_per_rank__ne: float | Iterable[float] | Unset = UNSET,
        gpus_per_rank__gt: float | Unset = UNSET,
        gpus_per_rank__gte: float | Unset = UNSET,
        gpus_per_rank__lt: float | Unset = UNSET,
        gpus_per_rank__lte: float | Unset = UNSET,
        mem_per_node_mb: int | Iterable[int] | Unset = UNSET,
        mem_per_node_mb__ne: int | Iterable[int] | Unset = UNSET,
        mem_per_node_mb__gt: int | Unset = UNSET,
        mem_per_node_mb__gte: int | Unset = UNSET,
        mem_per_node_mb__lt: int | Unset = UNSET,
        mem_per_node_mb__lte: int | Unset = UNSET,
        wall_time_min: int | Iterable[int] | Unset = UNSET,
        wall_time_min__ne: int | Iterable[int] | Unset = UNSET,
        wall_time_min__gt: int | Unset = UNSET,
        wall_time_min__gte: int | Unset = UNSET,
        wall_time_min__lt: int | Unset = UNSET,
        wall_time_min__lte: int | Unset = UNSET,
        wall_time_limit_min: int | Iterable[int] | Unset = UNSET,
        wall_time_limit_min__ne: int | Iterable[int] | Unset = UNSET,
        wall_time_limit_min__gt: int | Unset = UNSET,
        wall_time_limit_min__gte: int | Unset = UNSET,
        wall_time_limit_min__lt: int | Unset = UNSET,
        wall_time_limit_min__lte: int | Unset = UNSET,
        priority: int | Iterable[int] | Unset = UNSET,
        priority__ne: int | Iterable[int] | Unset = UNSET,
        priority__gt: int | Unset = UNSET,
        priority__gte: int | Unset = UNSET,
        priority__lt: int | Unset = UNSET,
        priority__lte: int | Unset = UNSET,
        max_attempts: int | Iterable[int] | Unset = UNSET,
        max_attempts__ne: int | Iterable[int] | Unset = UNSET,
        max_attempts__gt: int | Unset = UNSET,
        max_attempts__gte: int | Unset = UNSET,
        max_attempts__lt: int | Unset = UNSET,
        max_attempts__lte: int | Unset = UNSET,
        max_losses: int | Iterable[int] | Unset = UNSET,
        max_losses__ne: int | Iterable[int] | Unset = UNSET,
        max_losses__gt: int | Unset = UNSET,
        max_losses__gte: int | Unset = UNSET,
        max_losses__lt: int | Unset = UNSET,
        max_losses__lte: int | Unset = UNSET,
        attempt: int | Iterable[int] | Unset = UNSET,
        attempt__ne: int | Iterable[int] | Unset = UNSET,
        attempt__gt: int | Unset = UNSET,
        attempt__gte: int | Unset = UNSET,
        attempt__lt: int | Unset = UNSET,
        attempt__lte: int | Unset = UNSET,
        losses: int | Iterable[int] | Unset = UNSET,
        losses__ne: int | Iterable[int] | Unset = UNSET,
        losses__gt: int | Unset = UNSET,
        losses__gte: int | Unset = UNSET,
        losses__lt: int | Unset = UNSET,
        losses__lte: int | Unset = UNSET,
        loss_reason: str | Iterable[str] | Unset = UNSET,
        loss_reason__ne: str | Iterable[str] | Unset = UNSET,
        loss_reason__contains: str | Unset = UNSET,
        loss_reason__startswith: str | Unset = UNSET,
        not_before: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        not_before_before: datetime | str | Unset = UNSET,
        not_before_after: datetime | str | Unset = UNSET,
        not_before__isnull: bool | Unset = UNSET,
        return_code: int | Iterable[int] | Unset | None = UNSET,
        return_code__ne: int | Iterable[int] | Unset | None = UNSET,
        return_code__gt: int | Unset = UNSET,
        return_code__gte: int | Unset = UNSET,
        return_code__lt: int | Unset = UNSET,
        return_code__lte: int | Unset = UNSET,
        return_code__isnull: bool | Unset = UNSET,
        batch_job_id: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__ne: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__isnull: bool | Unset = UNSET,
        session_id: int | Iterable[int] | Unset | None = UNSET,
        session_id__ne: int | Iterable[int] | Unset | None = UNSET,
        session_id__isnull: bool | Unset = UNSET,
        cancel_requested: bool | Iterable[bool] | Unset = UNSET,
        cancel_requested__ne: bool | Iterable[bool] | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        parent_id: int | Iterable[int] | Unset | None = UNSET,
        root_cause_of: int | Iterable[int] | Unset = UNSET,
        app_name: str | Iterable[str] | Unset = UNSET,
        site_name: str | Iterable[str] | Unset = UNSET,
        failure_line: str | Iterable[str] | Unset = UNSET,
        **unknown: Never,
    ) -> JobQuery:
        """Keep only those that pass all of these filters, and those before.

        Args:
            id: Equal to this id, or to any of a list.
            id__ne: Not this id, nor any of a list.
            id__gt: id above this.
            id__lt: id below this.
            app_id: Equal to this app_id, or to any of a list.
            app_id__ne: Not this app_id, nor any of a list.
            workdir: Equal to this workdir, or to any of a list.
            workdir__ne: Not this workdir, nor any of a list.
            workdir__contains: workdir contains this text.
            workdir__startswith: workdir starts with this text.
            tags: tags contains all of these keys and values.
            parameters: parameters contains all of these keys and values.
            data: data contains all of these keys and values.
            pending_file_cleanup: Equal to this pending_file_cleanup, or to any of a list.
            pending_file_cleanup__ne: Not this pending_file_cleanup, nor any of a list.
            site_id: Equal to this site_id, or to any of a list.
            site_id__ne: Not this site_id, nor any of a list.
            state: Equal to this state, or to any of a list.
            state__ne: Not this state, nor any of a list.
            num_nodes: Equal to this num_nodes, or to any of a list.
            num_nodes__ne: Not this num_nodes, nor any of a list.
            num_nodes__gt: num_nodes above this.
            num_nodes__gte: num_nodes at or above this.
            num_nodes__lt: num_nodes below this.
            num_nodes__lte: num_nodes at or below this.
            ranks_per_node: Equal to this ranks_per_node, or to any of a list.
            ranks_per_node__ne: Not this ranks_per_node, nor any of a list.
            ranks_per_node__gt: ranks_per_node above this.
            ranks_per_node__gte: ranks_per_node at or above this.
            ranks_per_node__lt: ranks_per_node below this.
            ranks_per_node__lte: ranks_per_node at or below this.
            threads_per_rank: Equal to this threads_per_rank, or to any of a list.
            threads_per_rank__ne: Not this threads_per_rank, nor any of a list.
            threads_per_rank__gt: threads_per_rank above this.
            threads_per_rank__gte: threads_per_rank at or above this.
            threads_per_rank__lt: threads_per_rank below this.
            threads_per_rank__lte: threads_per_rank at or below this.
            node_packing_count: Equal to this node_packing_count, or to any of a list.
            node_packing_count__ne: Not this node_packing_count, nor any of a list.
            node_packing_count__gt: node_packing_count above this.
            node_packing_count__gte: node_packing_count at or above this.
            node_packing_count__lt: node_packing_count below this.
            node_packing_count__lte: node_packing_count at or below this.
            gpus_per_rank: Equal to this gpus_per_rank, or to any of a list.
            gpus_per_rank__ne: Not this gpus_per_rank, nor any of a list.
            gpus_per_rank__gt: gpus_per_rank above this.
            gpus_per_rank__gte: gpus_per_rank at or above this.
            gpus_per_rank__lt: gpus_per_rank below this.
            gpus_per_rank__lte: gpus_per_rank at or below this.
            mem_per_node_mb: Equal to this mem_per_node_mb, or to any of a list.
            mem_per_node_mb__ne: Not this mem_per_node_mb, nor any of a list.
            mem_per_node_mb__gt: mem_per_node_mb above this.
            mem_per_node_mb__gte: mem_per_node_mb at or above this.
            mem_per_node_mb__lt: mem_per_node_mb below this.
            mem_per_node_mb__lte: mem_per_node_mb at or below this.
            wall_time_min: Equal to this wall_time_min, or to any of a list.
            wall_time_min__ne: Not this wall_time_min, nor any of a list.
            wall_time_min__gt: wall_time_min above this.
            wall_time_min__gte: wall_time_min at or above this.
            wall_time_min__lt: wall_time_min below this.
            wall_time_min__lte: wall_time_min at or below this.
            wall_time_limit_min: Equal to this wall_time_limit_min, or to any of a list.
            wall_time_limit_min__ne: Not this wall_time_limit_min, nor any of a list.
            wall_time_limit_min__gt: wall_time_limit_min above this.
            wall_time_limit_min__gte: wall_time_limit_min at or above this.
            wall_time_limit_min__lt: wall_time_limit_min below this.
            wall_time_limit_min__lte: wall_time_limit_min at or below this.
            priority: Equal to this priority, or to any of a list.
            priority__ne: Not this priority, nor any of a list.
            priority__gt: priority above this.
            priority__gte: priority at or above this.
            priority__lt: priority below this.
            priority__lte: priority at or below this.
            max_attempts: Equal to this max_attempts, or to any of a list.
            max_attempts__ne: Not this max_attempts, nor any of a list.
            max_attempts__gt: max_attempts above this.
            max_attempts__gte: max_attempts at or above this.
            max_attempts__lt: max_attempts below this.
            max_attempts__lte: max_attempts at or below this.
            max_losses: Equal to this max_losses, or to any of a list.
            max_losses__ne: Not this max_losses, nor any of a list.
            max_losses__gt: max_losses above this.
            max_losses__gte: max_losses at or above this.
            max_losses__lt: max_losses below this.
            max_losses__lte: max_losses at or below this.
            attempt: Equal to this attempt, or to any of a list.
            attempt__ne: Not this attempt, nor any of a list.
            attempt__gt: attempt above this.
            attempt__gte: attempt at or above this.
            attempt__lt: attempt below this.
            attempt__lte: attempt at or below this.
            losses: Equal to this losses, or to any of a list.
            losses__ne: Not this losses, nor any of a list.
            losses__gt: losses above this.
            losses__gte: losses at or above this.
            losses__lt: losses below this.
            losses__lte: losses at or below this.
            loss_reason: Equal to this loss_reason, or to any of a list.
            loss_reason__ne: Not this loss_reason, nor any of a list.
            loss_reason__contains: loss_reason contains this text.
            loss_reason__startswith: loss_reason starts with this text.
            not_before: Equal to this not_before, or to any of a list.
            not_before_before: not_before before this time.
            not_before_after: not_before after this time.
            not_before__isnull: Whether not_before is null.
            return_code: Equal to this return_code, or to any of a list.
            return_code__ne: Not this return_code, nor any of a list.
            return_code__gt: return_code above this.
            return_code__gte: return_code at or above this.
            return_code__lt: return_code below this.
            return_code__lte: return_code at or below this.
            return_code__isnull: Whether return_code is null.
            batch_job_id: Equal to this batch_job_id, or to any of a list.
            batch_job_id__ne: Not this batch_job_id, nor any of a list.
            batch_job_id__isnull: Whether batch_job_id is null.
            session_id: Equal to this session_id, or to any of a list.
            session_id__ne: Not this session_id, nor any of a list.
            session_id__isnull: Whether session_id is null.
            cancel_requested: Equal to this cancel_requested, or to any of a list.
            cancel_requested__ne: Not this cancel_requested, nor any of a list.
            version: Equal to this version, or to any of a list.
            creation_date: Equal to this creation_date, or to any of a list.
            creation_date_before: creation_date before this time.
            creation_date_after: creation_date after this time.
            last_update: Equal to this last_update, or to any of a list.
            last_update_before: last_update before this time.
            last_update_after: last_update after this time.
            parent_id: Children of this job, or of any of a list.
            root_cause_of: Failed or cancelled jobs above this one, or any of a list, that have no such
                parent: retry these.
            app_name: Name of its App, or any of a list. A name that none of your Apps has or had is an error.
            site_name: Name of its site, or any of a list. A name that none of your sites has or had is an
                error.
            failure_line: FAILED jobs whose error ends with this line, numbers and paths made equal, as
                `failures` groups them.
        """
        query: JobQuery = self._filter(locals())
        return query

    def exclude(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        app_id: int | Iterable[int] | Unset | None = UNSET,
        app_id__ne: int | Iterable[int] | Unset = UNSET,
        workdir: str | Iterable[str] | Unset = UNSET,
        workdir__ne: str | Iterable[str] | Unset = UNSET,
        workdir__contains: str | Unset = UNSET,
        workdir__startswith: str | Unset = UNSET,
        tags: Mapping[str, Any] | Unset = UNSET,
        parameters: Mapping[str, Any] | Unset = UNSET,
        data: Mapping[str, Any] | Unset = UNSET,
        pending_file_cleanup: bool | Iterable[bool] | Unset = UNSET,
        pending_file_cleanup__ne: bool | Iterable[bool] | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        state: JobState | Iterable[JobState] | Unset = UNSET,
        state__ne: JobState | Iterable[JobState] | Unset = UNSET,
        num_nodes: int | Iterable[int] | Unset = UNSET,
        num_nodes__ne: int | Iterable[int] | Unset = UNSET,
        num_nodes__gt: int | Unset = UNSET,
        num_nodes__gte: int | Unset = UNSET,
        num_nodes__lt: int | Unset = UNSET,
        num_nodes__lte: int | Unset = UNSET,
        ranks_per_node: int | Iterable[int] | Unset = UNSET,
        ranks_per_node__ne: int | Iterable[int] | Unset = UNSET,
        ranks_per_node__gt: int | Unset = UNSET,
        ranks_per_node__gte: int | Unset = UNSET,
        ranks_per_node__lt: int | Unset = UNSET,
        ranks_per_node__lte: int | Unset = UNSET,
        threads_per_rank: int | Iterable[int] | Unset = UNSET,
        threads_per_rank__ne: int | Iterable[int] | Unset = UNSET,
        threads_per_rank__gt: int | Unset = UNSET,
        threads_per_rank__gte: int | Unset = UNSET,
        threads_per_rank__lt: int | Unset = UNSET,
        threads_per_rank__lte: int | Unset = UNSET,
        node_packing_count: int | Iterable[int] | Unset = UNSET,
        node_packing_count__ne: int | Iterable[int] | Unset = UNSET,
        node_packing_count__gt: int | Unset = UNSET,
        node_packing_count__gte: int | Unset = UNSET,
        node_packing_count__lt: int | Unset = UNSET,
        node_packing_count__lte: int | Unset = UNSET,
        gpus_per_rank: float | Iterable[float] | Unset = UNSET,
        gpus_per_rank__ne: float | Iterable[float] | Unset = UNSET,
        gpus_per_rank__gt: float | Unset = UNSET,
        gpus_per_rank__gte: float | Unset = UNSET,
        gpus_per_rank__lt: float | Unset = UNSET,
        gpus_per_rank__lte: float | Unset = UNSET,
        mem_per_node_mb: int | Iterable[int] | Unset = UNSET,
        mem_per_node_mb__ne: int | Iterable[int] | Unset = UNSET,
        mem_per_node_mb__gt: int | Unset = UNSET,
        mem_per_node_mb__gte: int | Unset = UNSET,
        mem_per_node_mb__lt: int | Unset = UNSET,
        mem_per_node_mb__lte: int | Unset = UNSET,
        wall_time_min: int | Iterable[int] | Unset = UNSET,
        wall_time_min__ne: int | Iterable[int] | Unset = UNSET,
        wall_time_min__gt: int | Unset = UNSET,
        wall_time_min__gte: int | Unset = UNSET,
        wall_time_min__lt: int | Unset = UNSET,
        wall_time_min__lte: int | Unset = UNSET,
        wall_time_limit_min: int | Iterable[int] | Unset = UNSET,
        wall_time_limit_min__ne: int | Iterable[int] | Unset = UNSET,
        wall_time_limit_min__gt: int | Unset = UNSET,
        wall_time_limit_min__gte: int | Unset = UNSET,
        wall_time_limit_min__lt: int | Unset = UNSET,
        wall_time_limit_min__lte: int | Unset = UNSET,
        priority: int | Iterable[int] | Unset = UNSET,
        priority__ne: int | Iterable[int] | Unset = UNSET,
        priority__gt: int | Unset = UNSET,
        priority__gte: int | Unset = UNSET,
        priority__lt: int | Unset = UNSET,
        priority__lte: int | Unset = UNSET,
        max_attempts: int | Iterable[int] | Unset = UNSET,
        max_attempts__ne: int | Iterable[int] | Unset = UNSET,
        max_attempts__gt: int | Unset = UNSET,
        max_attempts__gte: int | Unset = UNSET,
        max_attempts__lt: int | Unset = UNSET,
        max_attempts__lte: int | Unset = UNSET,
        max_losses: int | Iterable[int] | Unset = UNSET,
        max_losses__ne: int | Iterable[int] | Unset = UNSET,
        max_losses__gt: int | Unset = UNSET,
        max_losses__gte: int | Unset = UNSET,
        max_losses__lt: int | Unset = UNSET,
        max_losses__lte: int | Unset = UNSET,
        attempt: int | Iterable[int] | Unset = UNSET,
        attempt__ne: int | Iterable[int] | Unset = UNSET,
        attempt__gt: int | Unset = UNSET,
        attempt__gte: int | Unset = UNSET,
        attempt__lt: int | Unset = UNSET,
        attempt__lte: int | Unset = UNSET,
        losses: int | Iterable[int] | Unset = UNSET,
        losses__ne: int | Iterable[int] | Unset = UNSET,
        losses__gt: int | Unset = UNSET,
        losses__gte: int | Unset = UNSET,
        losses__lt: int | Unset = UNSET,
        losses__lte: int | Unset = UNSET,
        loss_reason: str | Iterable[str] | Unset = UNSET,
        loss_reason__ne: str | Iterable[str] | Unset = UNSET,
        loss_reason__contains: str | Unset = UNSET,
        loss_reason__startswith: str | Unset = UNSET,
        not_before: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        not_before_before: datetime | str | Unset = UNSET,
        not_before_after: datetime | str | Unset = UNSET,
        not_before__isnull: bool | Unset = UNSET,
        return_code: int | Iterable[int] | Unset | None = UNSET,
        return_code__ne: int | Iterable[int] | Unset | None = UNSET,
        return_code__gt: int | Unset = UNSET,
        return_code__gte: int | Unset = UNSET,
        return_code__lt: int | Unset = UNSET,
        return_code__lte: int | Unset = UNSET,
        return_code__isnull: bool | Unset = UNSET,
        batch_job_id: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__ne: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__isnull: bool | Unset = UNSET,
        session_id: int | Iterable[int] | Unset | None = UNSET,
        session_id__ne: int | Iterable[int] | Unset | None = UNSET,
        session_id__isnull: bool | Unset = UNSET,
        cancel_requested: bool | Iterable[bool] | Unset = UNSET,
        cancel_requested__ne: bool | Iterable[bool] | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        parent_id: int | Iterable[int] | Unset | None = UNSET,
        root_cause_of: int | Iterable[int] | Unset = UNSET,
        app_name: str | Iterable[str] | Unset = UNSET,
        site_name: str | Iterable[str] | Unset = UNSET,
        failure_line: str | Iterable[str] | Unset = UNSET,
        **unknown: Never,
    ) -> JobQuery:
        """Exclude those that pass all of these filters at once; the arguments are those of ``filter()``."""
        query: JobQuery = self._exclude(locals())
        return query

    def get(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        app_id: int | Iterable[int] | Unset | None = UNSET,
        app_id__ne: int | Iterable[int] | Unset = UNSET,
        workdir: str | Iterable[str] | Unset = UNSET,
        workdir__ne: str | Iterable[str] | Unset = UNSET,
        workdir__contains: str | Unset = UNSET,
        workdir__startswith: str | Unset = UNSET,
        tags: Mapping[str, Any] | Unset = UNSET,
        parameters: Mapping[str, Any] | Unset = UNSET,
        data: Mapping[str, Any] | Unset = UNSET,
        pending_file_cleanup: bool | Iterable[bool] | Unset = UNSET,
        pending_file_cleanup__ne: bool | Iterable[bool] | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        state: JobState | Iterable[JobState] | Unset = UNSET,
        state__ne: JobState | Iterable[JobState] | Unset = UNSET,
        num_nodes: int | Iterable[int] | Unset = UNSET,
        num_nodes__ne: int | Iterable[int] | Unset = UNSET,
        num_nodes__gt: int | Unset = UNSET,
        num_nodes__gte: int | Unset = UNSET,
        num_nodes__lt: int | Unset = UNSET,
        num_nodes__lte: int | Unset = UNSET,
        ranks_per_node: int | Iterable[int] | Unset = UNSET,
        ranks_per_node__ne: int | Iterable[int] | Unset = UNSET,
        ranks_per_node__gt: int | Unset = UNSET,
        ranks_per_node__gte: int | Unset = UNSET,
        ranks_per_node__lt: int | Unset = UNSET,
        ranks_per_node__lte: int | Unset = UNSET,
        threads_per_rank: int | Iterable[int] | Unset = UNSET,
        threads_per_rank__ne: int | Iterable[int] | Unset = UNSET,
        threads_per_rank__gt: int | Unset = UNSET,
        threads_per_rank__gte: int | Unset = UNSET,
        threads_per_rank__lt: int | Unset = UNSET,
        threads_per_rank__lte: int | Unset = UNSET,
        node_packing_count: int | Iterable[int] | Unset = UNSET,
        node_packing_count__ne: int | Iterable[int] | Unset = UNSET,
        node_packing_count__gt: int | Unset = UNSET,
        node_packing_count__gte: int | Unset = UNSET,
        node_packing_count__lt: int | Unset = UNSET,
        node_packing_count__lte: int | Unset = UNSET,
        gpus_per_rank: float | Iterable[float] | Unset = UNSET,
        gpus_per_rank__ne: float | Iterable[float] | Unset = UNSET,
        gpus_per_rank__gt: float | Unset = UNSET,
        gpus_per_rank__gte: float | Unset = UNSET,
        gpus_per_rank__lt: float | Unset = UNSET,
        gpus_per_rank__lte: float | Unset = UNSET,
        mem_per_node_mb: int | Iterable[int] | Unset = UNSET,
        mem_per_node_mb__ne: int | Iterable[int] | Unset = UNSET,
        mem_per_node_mb__gt: int | Unset = UNSET,
        mem_per_node_mb__gte: int | Unset = UNSET,
        mem_per_node_mb__lt: int | Unset = UNSET,
        mem_per_node_mb__lte: int | Unset = UNSET,
        wall_time_min: int | Iterable[int] | Unset = UNSET,
        wall_time_min__ne: int | Iterable[int] | Unset = UNSET,
        wall_time_min__gt: int | Unset = UNSET,
        wall_time_min__gte: int | Unset = UNSET,
        wall_time_min__lt: int | Unset = UNSET,
        wall_time_min__lte: int | Unset = UNSET,
        wall_time_limit_min: int | Iterable[int] | Unset = UNSET,
        wall_time_limit_min__ne: int | Iterable[int] | Unset = UNSET,
        wall_time_limit_min__gt: int | Unset = UNSET,
        wall_time_limit_min__gte: int | Unset = UNSET,
        wall_time_limit_min__lt: int | Unset = UNSET,
        wall_time_limit_min__lte: int | Unset = UNSET,
        priority: int | Iterable[int] | Unset = UNSET,
        priority__ne: int | Iterable[int] | Unset = UNSET,
        priority__gt: int | Unset = UNSET,
        priority__gte: int | Unset = UNSET,
        priority__lt: int | Unset = UNSET,
        priority__lte: int | Unset = UNSET,
        max_attempts: int | Iterable[int] | Unset = UNSET,
        max_attempts__ne: int | Iterable[int] | Unset = UNSET,
        max_attempts__gt: int | Unset = UNSET,
        max_attempts__gte: int | Unset = UNSET,
        max_attempts__lt: int | Unset = UNSET,
        max_attempts__lte: int | Unset = UNSET,
        max_losses: int | Iterable[int] | Unset = UNSET,
        max_losses__ne: int | Iterable[int] | Unset = UNSET,
        max_losses__gt: int | Unset = UNSET,
        max_losses__gte: int | Unset = UNSET,
        max_losses__lt: int | Unset = UNSET,
        max_losses__lte: int | Unset = UNSET,
        attempt: int | Iterable[int] | Unset = UNSET,
        attempt__ne: int | Iterable[int] | Unset = UNSET,
        attempt__gt: int | Unset = UNSET,
        attempt__gte: int | Unset = UNSET,
        attempt__lt: int | Unset = UNSET,
        attempt__lte: int | Unset = UNSET,
        losses: int | Iterable[int] | Unset = UNSET,
        losses__ne: int | Iterable[int] | Unset = UNSET,
        losses__gt: int | Unset = UNSET,
        losses__gte: int | Unset = UNSET,
        losses__lt: int | Unset = UNSET,
        losses__lte: int | Unset = UNSET,
        loss_reason: str | Iterable[str] | Unset = UNSET,
        loss_reason__ne: str | Iterable[str] | Unset = UNSET,
        loss_reason__contains: str | Unset = UNSET,
        loss_reason__startswith: str | Unset = UNSET,
        not_before: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        not_before_before: datetime | str | Unset = UNSET,
        not_before_after: datetime | str | Unset = UNSET,
        not_before__isnull: bool | Unset = UNSET,
        return_code: int | Iterable[int] | Unset | None = UNSET,
        return_code__ne: int | Iterable[int] | Unset | None = UNSET,
        return_code__gt: int | Unset = UNSET,
        return_code__gte: int | Unset = UNSET,
        return_code__lt: int | Unset = UNSET,
        return_code__lte: int | Unset = UNSET,
        return_code__isnull: bool | Unset = UNSET,
        batch_job_id: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__ne: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__isnull: bool | Unset = UNSET,
        session_id: int | Iterable[int] | Unset | None = UNSET,
        session_id__ne: int | Iterable[int] | Unset | None = UNSET,
        session_id__isnull: bool | Unset = UNSET,
        cancel_requested: bool | Iterable[bool] | Unset = UNSET,
        cancel_requested__ne: bool | Iterable[bool] | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        parent_id: int | Iterable[int] | Unset | None = UNSET,
        root_cause_of: int | Iterable[int] | Unset = UNSET,
        app_name: str | Iterable[str] | Unset = UNSET,
        site_name: str | Iterable[str] | Unset = UNSET,
        failure_line: str | Iterable[str] | Unset = UNSET,
        **unknown: Never,
    ) -> Job:
        """Return the one that passes these filters; the arguments are those of ``filter()``.

        Raises:
            DoesNotExist: None does.
            MultipleObjectsReturned: More than one does.
        """
        return self._get(locals())

    def all(self) -> JobQuery:
        """Return the same query, not yet read; of a manager: a query of all records."""
        query: JobQuery = self._derive(self._plan)
        return query

    def order_by(self, *fields: JobOrdering) -> JobQuery:
        """Return the query ordered by these fields, ``-`` before a name for descending; by none: the server's order."""
        query: JobQuery = self._order_by(fields)
        return query

    @overload
    def __getitem__(self, index: int) -> Job: ...
    @overload
    def __getitem__(self, index: slice) -> JobQuery: ...
    def __getitem__(self, index: int | slice) -> Job | JobQuery:
        result: Job | JobQuery = self._item(index)
        return result

    def update(
        self,
        *,
        workdir: str | Unset = UNSET,
        tags: Mapping[str, str] | Unset = UNSET,
        parameters: Mapping[str, Any] | Unset = UNSET,
        data: Mapping[str, Any] | Unset = UNSET,
        return_value: Any | Unset = UNSET,
        launch_params: Mapping[str, str] | Unset = UNSET,
        on_parent_failure: Literal["fail", "run"] | Unset = UNSET,
        pending_file_cleanup: bool | Unset = UNSET,
        state: JobState | Unset = UNSET,
        num_nodes: int | Unset = UNSET,
        ranks_per_node: int | Unset = UNSET,
        threads_per_rank: int | Unset = UNSET,
        threads_per_core: int | Unset = UNSET,
        node_packing_count: int | Unset = UNSET,
        gpus_per_rank: float | Unset = UNSET,
        mem_per_node_mb: int | Unset = UNSET,
        wall_time_min: int | Unset = UNSET,
        wall_time_limit_min: int | Unset = UNSET,
        priority: int | Unset = UNSET,
        max_attempts: int | Unset = UNSET,
        max_losses: int | Unset = UNSET,
        retry_delay_sec: int | Unset = UNSET,
        retry_exit_codes: Iterable[int] | Unset = UNSET,
        retry_on_timeout: bool | Unset = UNSET,
        return_code: int | Unset | None = UNSET,
        tags__merge: Mapping[str, str] | Unset = UNSET,
        tags__remove: Iterable[str | Iterable[str]] | Unset = UNSET,
        parameters__merge: Mapping[str, Any] | Unset = UNSET,
        parameters__remove: Iterable[str | Iterable[str]] | Unset = UNSET,
        data__merge: Mapping[str, Any] | Unset = UNSET,
        data__remove: Iterable[str | Iterable[str]] | Unset = UNSET,
        launch_params__merge: Mapping[str, str] | Unset = UNSET,
        launch_params__remove: Iterable[str | Iterable[str]] | Unset = UNSET,
        force: bool = False,
        **unknown: Never,
    ) -> int:
        """Change all that match, on the server, in one step, and return their number.

        Args:
            workdir: Working folder, relative to the site's data folder.
            tags: Labels.
            parameters: Values for the App's parameters.
            data: Data of the user.
            return_value: Result of the process, as JSON.
            launch_params: Extra arguments for the site's launcher.
            on_parent_failure: If a parent fails, is cancelled or is deleted: end too, or run.
            pending_file_cleanup: Whether the App's cleanup_files are still to be deleted.
            state: State.
            num_nodes: Nodes.
            ranks_per_node: MPI ranks per node.
            threads_per_rank: Threads per rank.
            threads_per_core: Hardware threads used per core.
            node_packing_count: Number of such jobs that may share one node.
            gpus_per_rank: GPUs per rank.
            mem_per_node_mb: Memory on each node, in MiB; 0: none. Reserved, but not enforced.
            wall_time_min: Expected run time, in minutes; 0: not known. For packing; nothing ends the job
                after it.
            wall_time_limit_min: Hard limit of one run, in minutes; 0: none. A job that reaches it is stopped.
            priority: Priority, -1000 to 1000; higher runs first.
            max_attempts: Number of runs before an error makes it FAILED; lost runs do not count.
            max_losses: Number of lost runs that makes it FAILED; 0: no limit.
            retry_delay_sec: Seconds before the run that follows an error; doubles with each error, up to a
                day.
            retry_exit_codes: Exit codes after which it is retried; empty: after any error.
            retry_on_timeout: Whether it runs again after wall_time_limit_min.
            return_code: Exit code of the last run; -N for signal N.
            tags__merge: Keys of ``tags`` to set; the others stay. Dicts inside are merged.
            tags__remove: Keys of ``tags`` to remove; a list of keys leads inside a dict.
            parameters__merge: Keys of ``parameters`` to set; the others stay. Dicts inside are merged.
            parameters__remove: Keys of ``parameters`` to remove; a list of keys leads inside a dict.
            data__merge: Keys of ``data`` to set; the others stay. Dicts inside are merged.
            data__remove: Keys of ``data`` to remove; a list of keys leads inside a dict.
            launch_params__merge: Keys of ``launch_params`` to set; the others stay. Dicts inside are merged.
            launch_params__remove: Keys of ``launch_params`` to remove; a list of keys leads inside a dict.
            force: Enter a state that the table of moves forbids.

        Raises:
            SlicedQuery: The query was sliced.
            IllegalMove: One cannot enter this state; nothing was changed.
        """
        return self._update(locals())

    def delete(self) -> int:
        """Delete all that match, on the server; their events stay. Return the number deleted.

        Raises:
            SlicedQuery: The query was sliced.
        """
        return self._delete()


class JobManager(JobManagerBase[Job], JobQuery):
    """Where queries of Jobs begin."""

    _queries = JobQuery

    def create(
        self,
        *,
        app: str | App | type[App] | Unset = UNSET,
        site_name: str | Unset = UNSET,
        app_id: int | Unset = UNSET,
        workdir: str | Unset = UNSET,
        tags: Mapping[str, str] | Unset = UNSET,
        parameters: Mapping[str, Any] | Unset = UNSET,
        data: Mapping[str, Any] | Unset = UNSET,
        launch_params: Mapping[str, str] | Unset = UNSET,
        parent_ids: Iterable[int | JobBase[Any, Any]] | Unset = UNSET,
        on_parent_failure: Literal["fail", "run"] | Unset = UNSET,
        pending_file_cleanup: bool | Unset = UNSET,
        num_nodes: int | Unset = UNSET,
        ranks_per_node: int | Unset = UNSET,
        threads_per_rank: int | Unset = UNSET,
        threads_per_core: int | Unset = UNSET,
        node_packing_count: int | Unset = UNSET,
        gpus_per_rank: float | Unset = UNSET,
        mem_per_node_mb: int | Unset = UNSET,
        wall_time_min: int | Unset = UNSET,
        wall_time_limit_min: int | Unset = UNSET,
        priority: int | Unset = UNSET,
        max_attempts: int | Unset = UNSET,
        max_losses: int | Unset = UNSET,
        retry_delay_sec: int | Unset = UNSET,
        retry_exit_codes: Iterable[int] | Unset = UNSET,
        retry_on_timeout: bool | Unset = UNSET,
        transfers: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> Job:
        """Make one and save it; the arguments are those of ``Job()``."""
        return self._create(locals())

    def bulk_create(self, items: Iterable[Job], *, progress: bool | None = None) -> list[Job]:
        """Save many records, 10,000 in one request, all or none of each request. Fill in their ids and return them.

        Args:
            items: Unsaved ones; parents may stand among them, in any order.
            progress: Show a bar on stderr; by default on a terminal, beyond one request.
        """
        return self._bulk_create(items, progress)

    def bulk_update(self, items: Iterable[Job], *, force: bool = False, progress: bool | None = None) -> int:
        """Save the changes of many records, 10,000 in one request, all or none of each. Return how many had any.

        Args:
            items: Saved ones; what changed in each is sent, and ``version`` and ``last_update`` come back.
            force: Enter states that the table of moves forbids.
            progress: Show a bar on stderr; by default on a terminal, beyond one request.
        """
        return self._bulk_update(items, force=force, progress=progress)


JobQuery._queries = JobQuery


class AsyncJobQuery(AsyncQuery[Job]):
    """A query of Jobs whose calls are awaited."""

    def filter(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        app_id: int | Iterable[int] | Unset | None = UNSET,
        app_id__ne: int | Iterable[int] | Unset = UNSET,
        workdir: str | Iterable[str] | Unset = UNSET,
        workdir__ne: str | Iterable[str] | Unset = UNSET,
        workdir__contains: str | Unset = UNSET,
        workdir__startswith: str | Unset = UNSET,
        tags: Mapping[str, Any] | Unset = UNSET,
        parameters: Mapping[str, Any] | Unset = UNSET,
        data: Mapping[str, Any] | Unset = UNSET,
        pending_file_cleanup: bool | Iterable[bool] | Unset = UNSET,
        pending_file_cleanup__ne: bool | Iterable[bool] | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        state: JobState | Iterable[JobState] | Unset = UNSET,
        state__ne: JobState | Iterable[JobState] | Unset = UNSET,
        num_nodes: int | Iterable[int] | Unset = UNSET,
        num_nodes__ne: int | Iterable[int] | Unset = UNSET,
        num_nodes__gt: int | Unset = UNSET,
        num_nodes__gte: int | Unset = UNSET,
        num_nodes__lt: int | Unset = UNSET,
        num_nodes__lte: int | Unset = UNSET,
        ranks_per_node: int | Iterable[int] | Unset = UNSET,
        ranks_per_node__ne: int | Iterable[int] | Unset = UNSET,
        ranks_per_node__gt: int | Unset = UNSET,
        ranks_per_node__gte: int | Unset = UNSET,
        ranks_per_node__lt: int | Unset = UNSET,
        ranks_per_node__lte: int | Unset = UNSET,
        threads_per_rank: int | Iterable[int] | Unset = UNSET,
        threads_per_rank__ne: int | Iterable[int] | Unset = UNSET,
        threads_per_rank__gt: int | Unset = UNSET,
        threads_per_rank__gte: int | Unset = UNSET,
        threads_per_rank__lt: int | Unset = UNSET,
        threads_per_rank__lte: int | Unset = UNSET,
        node_packing_count: int | Iterable[int] | Unset = UNSET,
        node_packing_count__ne: int | Iterable[int] | Unset = UNSET,
        node_packing_count__gt: int | Unset = UNSET,
        node_packing_count__gte: int | Unset = UNSET,
        node_packing_count__lt: int | Unset = UNSET,
        node_packing_count__lte: int | Unset = UNSET,
        gpus_per_rank: float | Iterable[float] | Unset = UNSET,
        gpus_per_rank__ne: float | Iterable[float] | Unset = UNSET,
        gpus_per_rank__gt: float | Unset = UNSET,
        gpus_per_rank__gte: float | Unset = UNSET,
        gpus_per_rank__lt: float | Unset = UNSET,
        gpus_per_rank__lte: float | Unset = UNSET,
        mem_per_node_mb: int | Iterable[int] | Unset = UNSET,
        mem_per_node_mb__ne: int | Iterable[int] | Unset = UNSET,
        mem_per_node_mb__gt: int | Unset = UNSET,
        mem_per_node_mb__gte: int | Unset = UNSET,
        mem_per_node_mb__lt: int | Unset = UNSET,
        mem_per_node_mb__lte: int | Unset = UNSET,
        wall_time_min: int | Iterable[int] | Unset = UNSET,
        wall_time_min__ne: int | Iterable[int] | Unset = UNSET,
        wall_time_min__gt: int | Unset = UNSET,
        wall_time_min__gte: int | Unset = UNSET,
        wall_time_min__lt: int | Unset = UNSET,
        wall_time_min__lte: int | Unset = UNSET,
        wall_time_limit_min: int | Iterable[int] | Unset = UNSET,
        wall_time_limit_min__ne: int | Iterable[int] | Unset = UNSET,
        wall_time_limit_min__gt: int | Unset = UNSET,
        wall_time_limit_min__gte: int | Unset = UNSET,
        wall_time_limit_min__lt: int | Unset = UNSET,
        wall_time_limit_min__lte: int | Unset = UNSET,
        priority: int | Iterable[int] | Unset = UNSET,
        priority__ne: int | Iterable[int] | Unset = UNSET,
        priority__gt: int | Unset = UNSET,
        priority__gte: int | Unset = UNSET,
        priority__lt: int | Unset = UNSET,
        priority__lte: int | Unset = UNSET,
        max_attempts: int | Iterable[int] | Unset = UNSET,
        max_attempts__ne: int | Iterable[int] | Unset = UNSET,
        max_attempts__gt: int | Unset = UNSET,
        max_attempts__gte: int | Unset = UNSET,
        max_attempts__lt: int | Unset = UNSET,
        max_attempts__lte: int | Unset = UNSET,
        max_losses: int | Iterable[int] | Unset = UNSET,
        max_losses__ne: int | Iterable[int] | Unset = UNSET,
        max_losses__gt: int | Unset = UNSET,
        max_losses__gte: int | Unset = UNSET,
        max_losses__lt: int | Unset = UNSET,
        max_losses__lte: int | Unset = UNSET,
        attempt: int | Iterable[int] | Unset = UNSET,
        attempt__ne: int | Iterable[int] | Unset = UNSET,
        attempt__gt: int | Unset = UNSET,
        attempt__gte: int | Unset = UNSET,
        attempt__lt: int | Unset = UNSET,
        attempt__lte: int | Unset = UNSET,
        losses: int | Iterable[int] | Unset = UNSET,
        losses__ne: int | Iterable[int] | Unset = UNSET,
        losses__gt: int | Unset = UNSET,
        losses__gte: int | Unset = UNSET,
        losses__lt: int | Unset = UNSET,
        losses__lte: int | Unset = UNSET,
        loss_reason: str | Iterable[str] | Unset = UNSET,
        loss_reason__ne: str | Iterable[str] | Unset = UNSET,
        loss_reason__contains: str | Unset = UNSET,
        loss_reason__startswith: str | Unset = UNSET,
        not_before: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        not_before_before: datetime | str | Unset = UNSET,
        not_before_after: datetime | str | Unset = UNSET,
        not_before__isnull: bool | Unset = UNSET,
        return_code: int | Iterable[int] | Unset | None = UNSET,
        return_code__ne: int | Iterable[int] | Unset | None = UNSET,
        return_code__gt: int | Unset = UNSET,
        return_code__gte: int | Unset = UNSET,
        return_code__lt: int | Unset = UNSET,
        return_code__lte: int | Unset = UNSET,
        return_code__isnull: bool | Unset = UNSET,
        batch_job_id: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__ne: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__isnull: bool | Unset = UNSET,
        session_id: int | Iterable[int] | Unset | None = UNSET,
        session_id__ne: int | Iterable[int] | Unset | None = UNSET,
        session_id__isnull: bool | Unset = UNSET,
        cancel_requested: bool | Iterable[bool] | Unset = UNSET,
        cancel_requested__ne: bool | Iterable[bool] | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        parent_id: int | Iterable[int] | Unset | None = UNSET,
        root_cause_of: int | Iterable[int] | Unset = UNSET,
        app_name: str | Iterable[str] | Unset = UNSET,
        site_name: str | Iterable[str] | Unset = UNSET,
        failure_line: str | Iterable[str] | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncJobQuery:
        """``filter()`` of the query; it sends no request."""
        return AsyncJobQuery(self._query.filter(**arguments(locals())))

    def exclude(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        app_id: int | Iterable[int] | Unset | None = UNSET,
        app_id__ne: int | Iterable[int] | Unset = UNSET,
        workdir: str | Iterable[str] | Unset = UNSET,
        workdir__ne: str | Iterable[str] | Unset = UNSET,
        workdir__contains: str | Unset = UNSET,
        workdir__startswith: str | Unset = UNSET,
        tags: Mapping[str, Any] | Unset = UNSET,
        parameters: Mapping[str, Any] | Unset = UNSET,
        data: Mapping[str, Any] | Unset = UNSET,
        pending_file_cleanup: bool | Iterable[bool] | Unset = UNSET,
        pending_file_cleanup__ne: bool | Iterable[bool] | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        state: JobState | Iterable[JobState] | Unset = UNSET,
        state__ne: JobState | Iterable[JobState] | Unset = UNSET,
        num_nodes: int | Iterable[int] | Unset = UNSET,
        num_nodes__ne: int | Iterable[int] | Unset = UNSET,
        num_nodes__gt: int | Unset = UNSET,
        num_nodes__gte: int | Unset = UNSET,
        num_nodes__lt: int | Unset = UNSET,
        num_nodes__lte: int | Unset = UNSET,
        ranks_per_node: int | Iterable[int] | Unset = UNSET,
        ranks_per_node__ne: int | Iterable[int] | Unset = UNSET,
        ranks_per_node__gt: int | Unset = UNSET,
        ranks_per_node__gte: int | Unset = UNSET,
        ranks_per_node__lt: int | Unset = UNSET,
        ranks_per_node__lte: int | Unset = UNSET,
        threads_per_rank: int | Iterable[int] | Unset = UNSET,
        threads_per_rank__ne: int | Iterable[int] | Unset = UNSET,
        threads_per_rank__gt: int | Unset = UNSET,
        threads_per_rank__gte: int | Unset = UNSET,
        threads_per_rank__lt: int | Unset = UNSET,
        threads_per_rank__lte: int | Unset = UNSET,
        node_packing_count: int | Iterable[int] | Unset = UNSET,
        node_packing_count__ne: int | Iterable[int] | Unset = UNSET,
        node_packing_count__gt: int | Unset = UNSET,
        node_packing_count__gte: int | Unset = UNSET,
        node_packing_count__lt: int | Unset = UNSET,
        node_packing_count__lte: int | Unset = UNSET,
        gpus_per_rank: float | Iterable[float] | Unset = UNSET,
        gpus_per_rank__ne: float | Iterable[float] | Unset = UNSET,
        gpus_per_rank__gt: float | Unset = UNSET,
        gpus_per_rank__gte: float | Unset = UNSET,
        gpus_per_rank__lt: float | Unset = UNSET,
        gpus_per_rank__lte: float | Unset = UNSET,
        mem_per_node_mb: int | Iterable[int] | Unset = UNSET,
        mem_per_node_mb__ne: int | Iterable[int] | Unset = UNSET,
        mem_per_node_mb__gt: int | Unset = UNSET,
        mem_per_node_mb__gte: int | Unset = UNSET,
        mem_per_node_mb__lt: int | Unset = UNSET,
        mem_per_node_mb__lte: int | Unset = UNSET,
        wall_time_min: int | Iterable[int] | Unset = UNSET,
        wall_time_min__ne: int | Iterable[int] | Unset = UNSET,
        wall_time_min__gt: int | Unset = UNSET,
        wall_time_min__gte: int | Unset = UNSET,
        wall_time_min__lt: int | Unset = UNSET,
        wall_time_min__lte: int | Unset = UNSET,
        wall_time_limit_min: int | Iterable[int] | Unset = UNSET,
        wall_time_limit_min__ne: int | Iterable[int] | Unset = UNSET,
        wall_time_limit_min__gt: int | Unset = UNSET,
        wall_time_limit_min__gte: int | Unset = UNSET,
        wall_time_limit_min__lt: int | Unset = UNSET,
        wall_time_limit_min__lte: int | Unset = UNSET,
        priority: int | Iterable[int] | Unset = UNSET,
        priority__ne: int | Iterable[int] | Unset = UNSET,
        priority__gt: int | Unset = UNSET,
        priority__gte: int | Unset = UNSET,
        priority__lt: int | Unset = UNSET,
        priority__lte: int | Unset = UNSET,
        max_attempts: int | Iterable[int] | Unset = UNSET,
        max_attempts__ne: int | Iterable[int] | Unset = UNSET,
        max_attempts__gt: int | Unset = UNSET,
        max_attempts__gte: int | Unset = UNSET,
        max_attempts__lt: int | Unset = UNSET,
        max_attempts__lte: int | Unset = UNSET,
        max_losses: int | Iterable[int] | Unset = UNSET,
        max_losses__ne: int | Iterable[int] | Unset = UNSET,
        max_losses__gt: int | Unset = UNSET,
        max_losses__gte: int | Unset = UNSET,
        max_losses__lt: int | Unset = UNSET,
        max_losses__lte: int | Unset = UNSET,
        attempt: int | Iterable[int] | Unset = UNSET,
        attempt__ne: int | Iterable[int] | Unset = UNSET,
        attempt__gt: int | Unset = UNSET,
        attempt__gte: int | Unset = UNSET,
        attempt__lt: int | Unset = UNSET,
        attempt__lte: int | Unset = UNSET,
        losses: int | Iterable[int] | Unset = UNSET,
        losses__ne: int | Iterable[int] | Unset = UNSET,
        losses__gt: int | Unset = UNSET,
        losses__gte: int | Unset = UNSET,
        losses__lt: int | Unset = UNSET,
        losses__lte: int | Unset = UNSET,
        loss_reason: str | Iterable[str] | Unset = UNSET,
        loss_reason__ne: str | Iterable[str] | Unset = UNSET,
        loss_reason__contains: str | Unset = UNSET,
        loss_reason__startswith: str | Unset = UNSET,
        not_before: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        not_before_before: datetime | str | Unset = UNSET,
        not_before_after: datetime | str | Unset = UNSET,
        not_before__isnull: bool | Unset = UNSET,
        return_code: int | Iterable[int] | Unset | None = UNSET,
        return_code__ne: int | Iterable[int] | Unset | None = UNSET,
        return_code__gt: int | Unset = UNSET,
        return_code__gte: int | Unset = UNSET,
        return_code__lt: int | Unset = UNSET,
        return_code__lte: int | Unset = UNSET,
        return_code__isnull: bool | Unset = UNSET,
        batch_job_id: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__ne: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__isnull: bool | Unset = UNSET,
        session_id: int | Iterable[int] | Unset | None = UNSET,
        session_id__ne: int | Iterable[int] | Unset | None = UNSET,
        session_id__isnull: bool | Unset = UNSET,
        cancel_requested: bool | Iterable[bool] | Unset = UNSET,
        cancel_requested__ne: bool | Iterable[bool] | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        parent_id: int | Iterable[int] | Unset | None = UNSET,
        root_cause_of: int | Iterable[int] | Unset = UNSET,
        app_name: str | Iterable[str] | Unset = UNSET,
        site_name: str | Iterable[str] | Unset = UNSET,
        failure_line: str | Iterable[str] | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncJobQuery:
        """``exclude()`` of the query; it sends no request."""
        return AsyncJobQuery(self._query.exclude(**arguments(locals())))

    def all(self) -> AsyncJobQuery:
        """``all()`` of the query; it sends no request."""
        return AsyncJobQuery(self._query.all())

    def order_by(self, *fields: JobOrdering) -> AsyncJobQuery:
        """``order_by()`` of the query; it sends no request."""
        return AsyncJobQuery(self._query.order_by(*fields))

    def __getitem__(self, index: slice) -> AsyncJobQuery:
        return AsyncJobQuery(self._part(index))

    async def get(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        app_id: int | Iterable[int] | Unset | None = UNSET,
        app_id__ne: int | Iterable[int] | Unset = UNSET,
        workdir: str | Iterable[str] | Unset = UNSET,
        workdir__ne: str | Iterable[str] | Unset = UNSET,
        workdir__contains: str | Unset = UNSET,
        workdir__startswith: str | Unset = UNSET,
        tags: Mapping[str, Any] | Unset = UNSET,
        parameters: Mapping[str, Any] | Unset = UNSET,
        data: Mapping[str, Any] | Unset = UNSET,
        pending_file_cleanup: bool | Iterable[bool] | Unset = UNSET,
        pending_file_cleanup__ne: bool | Iterable[bool] | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        state: JobState | Iterable[JobState] | Unset = UNSET,
        state__ne: JobState | Iterable[JobState] | Unset = UNSET,
        num_nodes: int | Iterable[int] | Unset = UNSET,
        num_nodes__ne: int | Iterable[int] | Unset = UNSET,
        num_nodes__gt: int | Unset = UNSET,
        num_nodes__gte: int | Unset = UNSET,
        num_nodes__lt: int | Unset = UNSET,
        num_nodes__lte: int | Unset = UNSET,
        ranks_per_node: int | Iterable[int] | Unset = UNSET,
        ranks_per_node__ne: int | Iterable[int] | Unset = UNSET,
        ranks_per_node__gt: int | Unset = UNSET,
        ranks_per_node__gte: int | Unset = UNSET,
        ranks_per_node__lt: int | Unset = UNSET,
        ranks_per_node__lte: int | Unset = UNSET,
        threads_per_rank: int | Iterable[int] | Unset = UNSET,
        threads_per_rank__ne: int | Iterable[int] | Unset = UNSET,
        threads_per_rank__gt: int | Unset = UNSET,
        threads_per_rank__gte: int | Unset = UNSET,
        threads_per_rank__lt: int | Unset = UNSET,
        threads_per_rank__lte: int | Unset = UNSET,
        node_packing_count: int | Iterable[int] | Unset = UNSET,
        node_packing_count__ne: int | Iterable[int] | Unset = UNSET,
        node_packing_count__gt: int | Unset = UNSET,
        node_packing_count__gte: int | Unset = UNSET,
        node_packing_count__lt: int | Unset = UNSET,
        node_packing_count__lte: int | Unset = UNSET,
        gpus_per_rank: float | Iterable[float] | Unset = UNSET,
        gpus_per_rank__ne: float | Iterable[float] | Unset = UNSET,
        gpus_per_rank__gt: float | Unset = UNSET,
        gpus_per_rank__gte: float | Unset = UNSET,
        gpus_per_rank__lt: float | Unset = UNSET,
        gpus_per_rank__lte: float | Unset = UNSET,
        mem_per_node_mb: int | Iterable[int] | Unset = UNSET,
        mem_per_node_mb__ne: int | Iterable[int] | Unset = UNSET,
        mem_per_node_mb__gt: int | Unset = UNSET,
        mem_per_node_mb__gte: int | Unset = UNSET,
        mem_per_node_mb__lt: int | Unset = UNSET,
        mem_per_node_mb__lte: int | Unset = UNSET,
        wall_time_min: int | Iterable[int] | Unset = UNSET,
        wall_time_min__ne: int | Iterable[int] | Unset = UNSET,
        wall_time_min__gt: int | Unset = UNSET,
        wall_time_min__gte: int | Unset = UNSET,
        wall_time_min__lt: int | Unset = UNSET,
        wall_time_min__lte: int | Unset = UNSET,
        wall_time_limit_min: int | Iterable[int] | Unset = UNSET,
        wall_time_limit_min__ne: int | Iterable[int] | Unset = UNSET,
        wall_time_limit_min__gt: int | Unset = UNSET,
        wall_time_limit_min__gte: int | Unset = UNSET,
        wall_time_limit_min__lt: int | Unset = UNSET,
        wall_time_limit_min__lte: int | Unset = UNSET,
        priority: int | Iterable[int] | Unset = UNSET,
        priority__ne: int | Iterable[int] | Unset = UNSET,
        priority__gt: int | Unset = UNSET,
        priority__gte: int | Unset = UNSET,
        priority__lt: int | Unset = UNSET,
        priority__lte: int | Unset = UNSET,
        max_attempts: int | Iterable[int] | Unset = UNSET,
        max_attempts__ne: int | Iterable[int] | Unset = UNSET,
        max_attempts__gt: int | Unset = UNSET,
        max_attempts__gte: int | Unset = UNSET,
        max_attempts__lt: int | Unset = UNSET,
        max_attempts__lte: int | Unset = UNSET,
        max_losses: int | Iterable[int] | Unset = UNSET,
        max_losses__ne: int | Iterable[int] | Unset = UNSET,
        max_losses__gt: int | Unset = UNSET,
        max_losses__gte: int | Unset = UNSET,
        max_losses__lt: int | Unset = UNSET,
        max_losses__lte: int | Unset = UNSET,
        attempt: int | Iterable[int] | Unset = UNSET,
        attempt__ne: int | Iterable[int] | Unset = UNSET,
        attempt__gt: int | Unset = UNSET,
        attempt__gte: int | Unset = UNSET,
        attempt__lt: int | Unset = UNSET,
        attempt__lte: int | Unset = UNSET,
        losses: int | Iterable[int] | Unset = UNSET,
        losses__ne: int | Iterable[int] | Unset = UNSET,
        losses__gt: int | Unset = UNSET,
        losses__gte: int | Unset = UNSET,
        losses__lt: int | Unset = UNSET,
        losses__lte: int | Unset = UNSET,
        loss_reason: str | Iterable[str] | Unset = UNSET,
        loss_reason__ne: str | Iterable[str] | Unset = UNSET,
        loss_reason__contains: str | Unset = UNSET,
        loss_reason__startswith: str | Unset = UNSET,
        not_before: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        not_before_before: datetime | str | Unset = UNSET,
        not_before_after: datetime | str | Unset = UNSET,
        not_before__isnull: bool | Unset = UNSET,
        return_code: int | Iterable[int] | Unset | None = UNSET,
        return_code__ne: int | Iterable[int] | Unset | None = UNSET,
        return_code__gt: int | Unset = UNSET,
        return_code__gte: int | Unset = UNSET,
        return_code__lt: int | Unset = UNSET,
        return_code__lte: int | Unset = UNSET,
        return_code__isnull: bool | Unset = UNSET,
        batch_job_id: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__ne: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__isnull: bool | Unset = UNSET,
        session_id: int | Iterable[int] | Unset | None = UNSET,
        session_id__ne: int | Iterable[int] | Unset | None = UNSET,
        session_id__isnull: bool | Unset = UNSET,
        cancel_requested: bool | Iterable[bool] | Unset = UNSET,
        cancel_requested__ne: bool | Iterable[bool] | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        parent_id: int | Iterable[int] | Unset | None = UNSET,
        root_cause_of: int | Iterable[int] | Unset = UNSET,
        app_name: str | Iterable[str] | Unset = UNSET,
        site_name: str | Iterable[str] | Unset = UNSET,
        failure_line: str | Iterable[str] | Unset = UNSET,
        **unknown: Never,
    ) -> Job:
        """``get()``, awaited."""
        return await in_thread(self._query.get, **arguments(locals()))

    async def update(
        self,
        *,
        workdir: str | Unset = UNSET,
        tags: Mapping[str, str] | Unset = UNSET,
        parameters: Mapping[str, Any] | Unset = UNSET,
        data: Mapping[str, Any] | Unset = UNSET,
        return_value: Any | Unset = UNSET,
        launch_params: Mapping[str, str] | Unset = UNSET,
        on_parent_failure: Literal["fail", "run"] | Unset = UNSET,
        pending_file_cleanup: bool | Unset = UNSET,
        state: JobState | Unset = UNSET,
        num_nodes: int | Unset = UNSET,
        ranks_per_node: int | Unset = UNSET,
        threads_per_rank: int | Unset = UNSET,
        threads_per_core: int | Unset = UNSET,
        node_packing_count: int | Unset = UNSET,
        gpus_per_rank: float | Unset = UNSET,
        mem_per_node_mb: int | Unset = UNSET,
        wall_time_min: int | Unset = UNSET,
        wall_time_limit_min: int | Unset = UNSET,
        priority: int | Unset = UNSET,
        max_attempts: int | Unset = UNSET,
        max_losses: int | Unset = UNSET,
        retry_delay_sec: int | Unset = UNSET,
        retry_exit_codes: Iterable[int] | Unset = UNSET,
        retry_on_timeout: bool | Unset = UNSET,
        return_code: int | Unset | None = UNSET,
        tags__merge: Mapping[str, str] | Unset = UNSET,
        tags__remove: Iterable[str | Iterable[str]] | Unset = UNSET,
        parameters__merge: Mapping[str, Any] | Unset = UNSET,
        parameters__remove: Iterable[str | Iterable[str]] | Unset = UNSET,
        data__merge: Mapping[str, Any] | Unset = UNSET,
        data__remove: Iterable[str | Iterable[str]] | Unset = UNSET,
        launch_params__merge: Mapping[str, str] | Unset = UNSET,
        launch_params__remove: Iterable[str | Iterable[str]] | Unset = UNSET,
        force: bool = False,
        **unknown: Never,
    ) -> int:
        """``update()``, awaited."""
        return await in_thread(self._query.update, **arguments(locals()))

    async def delete(self) -> int:
        """``delete()``, awaited."""
        return await in_thread(self._query.delete)

    async def cancel(self) -> CancelCount:
        """``cancel()``, awaited."""
        return await in_thread(self._query.cancel)

    async def retry(self, *, descendants: bool = True, finished: bool = False, dry_run: bool = False) -> Retried:
        """``retry()``, awaited."""
        return await in_thread(self._query.retry, descendants=descendants, finished=finished, dry_run=dry_run)

    async def failures(self, *, limit: int = 100) -> list[FailureGroup]:
        """``failures()``, awaited."""
        return await in_thread(self._query.failures, limit=limit)

    async def throughput(
        self, since: datetime | None = None, until: datetime | None = None, *, step_sec: int | None = None
    ) -> Throughput:
        """``throughput()``, awaited."""
        return await in_thread(self._query.throughput, since, until, step_sec=step_sec)

    async def metrics(self, since: datetime | None = None, until: datetime | None = None) -> Metrics:
        """``metrics()``, awaited."""
        return await in_thread(self._query.metrics, since, until)

    async def runs(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        limit: int = 300,
        by: LaneBy = "allocation",
    ) -> Runs:
        """``runs()``, awaited."""
        return await in_thread(self._query.runs, since, until, limit=limit, by=by)

    async def wait(
        self,
        jobs: Iterable[Job] | None = None,
        timeout: float | None = None,
        *,
        return_when: ReturnWhen = "ALL_COMPLETED",
        progress: bool | None = None,
    ) -> tuple[list[Job], list[Job]]:
        """``wait()``, awaited."""
        return await in_own_thread(self._query.wait, jobs, timeout, return_when=return_when, progress=progress)

    async def watch(self, *, timeout: float | None = None, interval: float = 1.0) -> dict[str, int]:
        """``watch()``, awaited."""
        return await in_own_thread(self._query.watch, timeout=timeout, interval=interval)

    def as_completed(self, jobs: Iterable[Job] | None = None, timeout: float | None = None) -> AsyncIterator[Job]:
        """``as_completed()``, awaited."""
        return iterate_ends(lambda: self._query.as_completed(jobs, timeout))

    def iterator(self, chunk_size: int = PAGE) -> AsyncIterator[Job]:
        """``iterator()``, awaited."""
        return iterate_rows(lambda: self._query.iterator(chunk_size))

    async def first(self) -> Job | None:
        """``first()``, awaited."""
        return await in_thread(self._query.first)

    async def last(self) -> Job | None:
        """``last()``, awaited."""
        return await in_thread(self._query.last)

    async def count(self) -> int:
        """``count()``, awaited."""
        return await in_thread(self._query.count)

    async def exists(self) -> bool:
        """``exists()``, awaited."""
        return await in_thread(self._query.exists)

    async def values(self, *fields: str) -> list[dict[str, Any]]:
        """``values()``, awaited."""
        return await in_thread(self._query.values, *fields)

    async def values_list(self, *fields: str, flat: bool = False) -> list[Any]:
        """``values_list()``, awaited."""
        return await in_thread(self._query.values_list, *fields, flat=flat)

    async def in_bulk(self, ids: Iterable[int] | None = None) -> dict[int, Job]:
        """``in_bulk()``, awaited."""
        return await in_thread(self._query.in_bulk, ids)

    async def counts(self, by: str = "state") -> dict[Any, int]:
        """``counts()``, awaited."""
        return await in_thread(self._query.counts, by)

    async def to_pandas(self) -> Any:
        """``to_pandas()``, awaited."""
        return await in_thread(self._query.to_pandas)

    async def to_polars(self) -> Any:
        """``to_polars()``, awaited."""
        return await in_thread(self._query.to_polars)

    async def to_arrow(self) -> Any:
        """``to_arrow()``, awaited."""
        return await in_thread(self._query.to_arrow)


class AsyncJobManager(AsyncJobQuery):
    """``Job.aobjects``: where awaited queries of Jobs begin."""

    async def create(
        self,
        *,
        app: str | App | type[App] | Unset = UNSET,
        site_name: str | Unset = UNSET,
        app_id: int | Unset = UNSET,
        workdir: str | Unset = UNSET,
        tags: Mapping[str, str] | Unset = UNSET,
        parameters: Mapping[str, Any] | Unset = UNSET,
        data: Mapping[str, Any] | Unset = UNSET,
        launch_params: Mapping[str, str] | Unset = UNSET,
        parent_ids: Iterable[int | JobBase[Any, Any]] | Unset = UNSET,
        on_parent_failure: Literal["fail", "run"] | Unset = UNSET,
        pending_file_cleanup: bool | Unset = UNSET,
        num_nodes: int | Unset = UNSET,
        ranks_per_node: int | Unset = UNSET,
        threads_per_rank: int | Unset = UNSET,
        threads_per_core: int | Unset = UNSET,
        node_packing_count: int | Unset = UNSET,
        gpus_per_rank: float | Unset = UNSET,
        mem_per_node_mb: int | Unset = UNSET,
        wall_time_min: int | Unset = UNSET,
        wall_time_limit_min: int | Unset = UNSET,
        priority: int | Unset = UNSET,
        max_attempts: int | Unset = UNSET,
        max_losses: int | Unset = UNSET,
        retry_delay_sec: int | Unset = UNSET,
        retry_exit_codes: Iterable[int] | Unset = UNSET,
        retry_on_timeout: bool | Unset = UNSET,
        transfers: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> Job:
        """``create()``, awaited."""
        return await in_thread(self._query.create, **arguments(locals()))

    async def bulk_create(self, items: Iterable[Job], *, progress: bool | None = None) -> list[Job]:
        """``bulk_create()``, awaited."""
        return await in_thread(self._query.bulk_create, items, progress=progress)

    async def bulk_update(self, items: Iterable[Job], *, force: bool = False, progress: bool | None = None) -> int:
        """``bulk_update()``, awaited."""
        return await in_thread(self._query.bulk_update, items, force=force, progress=progress)

    async def bulk_refresh(self, jobs: Iterable[Job]) -> None:
        """``bulk_refresh()``, awaited."""
        return await in_thread(self._query.bulk_refresh, jobs)
