"""App, its queries and its manager. Written by `python -m tools.codegen`; do not edit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal, Never, overload

from storax._jobs.app import AppBase
from storax._orm.changes import ChangeQuery
from storax._orm.fields import Field, declared
from storax._orm.filters import Filter
from storax._orm.instance import Spec
from storax._orm.manager import Manager, Objects
from storax._runtime.unset import UNSET, Unset

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


class App(AppBase):
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

    id: Field[int | None] = Field(int, doc="Server id.")
    """Server id."""
    site_id: int = declared(Field(int, settable="always", required=True, doc="Site it runs at."))
    """Site it runs at."""
    name: str = declared(Field(str, settable="always", required=True, doc="Unique at its site."))
    """Unique at its site."""
    description: str = declared(Field(str, settable="always", default="", doc="What it does, for people."))
    """What it does, for people."""
    command_template: str | None = declared(
        Field(
            str | None,
            settable="always",
            doc="Command with {{ name }} places for parameters; split into arguments before they are filled.",
        )
    )
    """Command with {{ name }} places for parameters; split into arguments before they are filled."""
    use_shell: bool = declared(
        Field(bool, settable="always", default=False, doc="Run the template by /bin/sh, parameters quoted.")
    )
    """Run the template by /bin/sh, parameters quoted."""
    source_code: str = declared(
        Field(
            str,
            settable="always",
            default="",
            doc="Source of the defining class: the program of run() and of hooks, which a site runs where its policy allows.",
        )
    )
    """Source of the defining class: the program of run() and of hooks, which a site runs where its policy allows."""
    hooks: list[Any] = declared(
        Field(
            list[Any],
            settable="always",
            default=[],
            doc="Methods of the source that run around its jobs: preprocess, postprocess, handle_error, handle_timeout.",
        )
    )
    """Methods of the source that run around its jobs: preprocess, postprocess, handle_error, handle_timeout."""
    python_exe: str | None = declared(
        Field(
            str | None,
            settable="always",
            doc="Interpreter at the site for run(), hooks and a command's $STORAX_PYTHON; null takes the agent's own.",
        )
    )
    """Interpreter at the site for run(), hooks and a command's $STORAX_PYTHON; null takes the agent's own."""
    shell_preamble: str = declared(
        Field(
            str,
            settable="always",
            default="",
            doc="Lines for /bin/sh before the command or the Python worker, as 'module load'.",
        )
    )
    """Lines for /bin/sh before the command or the Python worker, as 'module load'."""
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
        Field(list[Any], settable="always", default=[], doc="Globs removed from the workdir after the end.")
    )
    """Globs removed from the workdir after the end."""
    environment: dict[str, str] = declared(
        Field(dict[str, str], settable="always", default={}, doc="Environment variables of each job.")
    )
    """Environment variables of each job."""
    max_attempts: int = declared(
        Field(
            int,
            settable="always",
            default=1,
            doc="How often its jobs are run before an error makes them FAILED, unless a job says.",
        )
    )
    """How often its jobs are run before an error makes them FAILED, unless a job says."""
    retry_delay_sec: int = declared(
        Field(
            int,
            settable="always",
            default=0,
            doc="Seconds before a job's second attempt, unless the job says; doubles with each further.",
        )
    )
    """Seconds before a job's second attempt, unless the job says; doubles with each further."""
    retry_exit_codes: list[int] = declared(
        Field(
            list[int],
            settable="always",
            default=[],
            doc="Exit codes after which a job is run again, unless the job says; empty: after any error.",
        )
    )
    """Exit codes after which a job is run again, unless the job says; empty: after any error."""
    retry_on_timeout: bool = declared(
        Field(
            bool,
            settable="always",
            default=True,
            doc="Whether reaching the wall time is a reason to run a job again, unless the job says.",
        )
    )
    """Whether reaching the wall time is a reason to run a job again, unless the job says."""
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
        retry_delay_sec: int | Unset = UNSET,
        retry_exit_codes: Iterable[int] | Unset = UNSET,
        retry_on_timeout: bool | Unset = UNSET,
        **unknown: Never,
    ) -> None:
        """A named program at a Site: its command template, parameters and transfer slots. Unsaved until ``save()``.

        Args:
            site_id: Site it runs at.
            name: Unique at its site.
            description: What it does, for people.
            command_template: Command with {{ name }} places for parameters; split into arguments before they
                are filled.
            use_shell: Run the template by /bin/sh, parameters quoted. Default: False.
            source_code: Source of the defining class: the program of run() and of hooks, which a site runs
                where its policy allows.
            hooks: Methods of the source that run around its jobs: preprocess, postprocess, handle_error,
                handle_timeout.
            python_exe: Interpreter at the site for run(), hooks and a command's $STORAX_PYTHON; null takes
                the agent's own.
            shell_preamble: Lines for /bin/sh before the command or the Python worker, as 'module load'.
            parameters: {name: {required, default, help}}.
            transfers: Transfer slots: {slot: {required, direction, local_path, description, recursive}}.
            cleanup_files: Globs removed from the workdir after the end.
            environment: Environment variables of each job.
            max_attempts: How often its jobs are run before an error makes them FAILED, unless a job says.
                Default: 1.
            retry_delay_sec: Seconds before a job's second attempt, unless the job says; doubles with each
                further. Default: 0.
            retry_exit_codes: Exit codes after which a job is run again, unless the job says; empty: after any
                error.
            retry_on_timeout: Whether reaching the wall time is a reason to run a job again, unless the job
                says. Default: True.
        """
        self._fill(locals())


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
        """Only those that pass all of these filters, and those before.

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
            creation_date_before: creation_date before this time (UTC).
            creation_date_after: creation_date after this time (UTC).
            last_update: Equal to this last_update, or to any of a list.
            last_update_before: last_update before this time (UTC).
            last_update_after: last_update after this time (UTC).
            site_name: Name of its site, or any of a list. A name that no site of yours has or had is an
                error.
            site_path: Its site's path contains this text.
        """
        found: AppQuery = self._filter(locals())
        return found

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
        """Without those that pass all of these filters at once; the arguments are those of ``filter()``."""
        found: AppQuery = self._exclude(locals())
        return found

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
        """The one that passes these filters; the arguments are those of ``filter()``.

        Raises:
            DoesNotExist: None does.
            MultipleObjectsReturned: More than one does.
        """
        return self._get(locals())

    def all(self) -> AppQuery:
        """The same query, not yet read; of a manager: all there are."""
        found: AppQuery = self._derive(self._plan)
        return found

    def order_by(self, *fields: AppOrdering) -> AppQuery:
        """Ordered by these fields, a leading ``-`` for descending; without any, in the server's own order."""
        found: AppQuery = self._order_by(fields)
        return found

    @overload
    def __getitem__(self, index: int) -> App: ...
    @overload
    def __getitem__(self, index: slice) -> AppQuery: ...
    def __getitem__(self, index: int | slice) -> App | AppQuery:
        found: App | AppQuery = self._item(index)
        return found

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
        retry_delay_sec: int | Unset = UNSET,
        retry_exit_codes: Iterable[int] | Unset = UNSET,
        retry_on_timeout: bool | Unset = UNSET,
        **unknown: Never,
    ) -> int:
        """Change all that match, on the server, in one step. Returns their number.

        Args:
            site_id: Site it runs at.
            name: Unique at its site.
            description: What it does, for people.
            command_template: Command with {{ name }} places for parameters; split into arguments before they
                are filled.
            use_shell: Run the template by /bin/sh, parameters quoted.
            source_code: Source of the defining class: the program of run() and of hooks, which a site runs
                where its policy allows.
            hooks: Methods of the source that run around its jobs: preprocess, postprocess, handle_error,
                handle_timeout.
            python_exe: Interpreter at the site for run(), hooks and a command's $STORAX_PYTHON; null takes
                the agent's own.
            shell_preamble: Lines for /bin/sh before the command or the Python worker, as 'module load'.
            parameters: {name: {required, default, help}}.
            transfers: Transfer slots: {slot: {required, direction, local_path, description, recursive}}.
            cleanup_files: Globs removed from the workdir after the end.
            environment: Environment variables of each job.
            max_attempts: How often its jobs are run before an error makes them FAILED, unless a job says.
            retry_delay_sec: Seconds before a job's second attempt, unless the job says; doubles with each
                further.
            retry_exit_codes: Exit codes after which a job is run again, unless the job says; empty: after any
                error.
            retry_on_timeout: Whether reaching the wall time is a reason to run a job again, unless the job
                says.

        Raises:
            SlicedQuery: The query was sliced.
        """
        return self._update(locals())

    def delete(self) -> int:
        """Delete all that match, on the server; their events stay. Returns the number deleted.

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
        retry_delay_sec: int | Unset = UNSET,
        retry_exit_codes: Iterable[int] | Unset = UNSET,
        retry_on_timeout: bool | Unset = UNSET,
        **unknown: Never,
    ) -> App:
        """Make one and save it; the arguments are those of ``App()``."""
        return self._create(locals())

    def bulk_create(self, items: Iterable[App], *, progress: bool | None = None) -> list[App]:
        """Save many, 10,000 a request, all or none of each request. Fills in their ids and returns them.

        Args:
            items: Unsaved ones.
            progress: Show a bar on stderr; by default on a terminal, beyond one request.
        """
        return self._bulk_create(items, progress)

    def bulk_update(self, items: Iterable[App], *, progress: bool | None = None) -> int:
        """Save the changes of many, 10,000 a request, all or none of each. Returns how many had any.

        Args:
            items: Saved ones; what changed in each is sent, and ``version`` and ``last_update`` come back.
            progress: Show a bar on stderr; by default on a terminal, beyond one request.
        """
        return self._bulk_update(items, force=False, progress=progress)


AppQuery._queries = AppQuery
