"""Site: models, queries, managers. Written by `python -m tools.codegen`; do not edit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal, Never, overload
from uuid import UUID

from storax._orm.asynchronous import AsyncObjects, AsyncQuery, in_thread, iterate_rows
from storax._orm.changes import ChangeQuery
from storax._orm.fields import Field
from storax._orm.filters import Filter
from storax._orm.instance import Model, Spec
from storax._orm.manager import Manager, Objects
from storax._orm.query import arguments
from storax._orm.query_plan import PAGE
from storax._runtime.unset import UNSET, Unset

SiteOrdering = Literal[
    "id",
    "-id",
    "name",
    "-name",
    "last_refresh",
    "-last_refresh",
    "creation_date",
    "-creation_date",
    "last_update",
    "-last_update",
]


class Site(Model):
    """A place where jobs run: a machine or a cluster. One agent serves it."""

    __slots__ = ()

    _spec = Spec(
        path="sites",
        entity="site",
        order="id",
        writable=True,
        orderings=(
            "id",
            "-id",
            "name",
            "-name",
            "last_refresh",
            "-last_refresh",
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
            "name": Filter(str, "eq", many=True),
            "name__ne": Filter(str, "ne", many=True),
            "name__contains": Filter(str, "contains"),
            "name__startswith": Filter(str, "startswith"),
            "path": Filter(str, "eq", many=True),
            "path__ne": Filter(str, "ne", many=True),
            "path__contains": Filter(str, "contains"),
            "path__startswith": Filter(str, "startswith"),
            "globus_endpoint_id": Filter(UUID, "eq", many=True),
            "globus_endpoint_id__ne": Filter(UUID, "ne", many=True),
            "globus_endpoint_id__isnull": Filter(bool, "isnull"),
            "last_refresh": Filter(datetime, "eq", many=True),
            "last_refresh_before": Filter(datetime, "before"),
            "last_refresh_after": Filter(datetime, "after"),
            "last_refresh__isnull": Filter(bool, "isnull"),
            "version": Filter(int, "eq", many=True),
            "creation_date": Filter(datetime, "eq", many=True),
            "creation_date_before": Filter(datetime, "before"),
            "creation_date_after": Filter(datetime, "after"),
            "last_update": Filter(datetime, "eq", many=True),
            "last_update_before": Filter(datetime, "before"),
            "last_update_after": Filter(datetime, "after"),
        },
    )

    objects: ClassVar[Objects[SiteManager]] = Objects(lambda: SiteManager)
    aobjects: ClassVar[AsyncObjects[AsyncSiteManager]] = AsyncObjects(lambda: AsyncSiteManager)

    id: Field[int | None] = Field(int, doc="Server id.")
    """Server id."""
    name: Field[str] = Field(str, settable="always", required=True, doc="Unique among the owner's sites.")
    """Unique among the owner's sites."""
    path: Field[str] = Field(str, settable="always", default="", doc="Absolute path of the site folder.")
    """Absolute path of the site folder."""
    globus_endpoint_id: Field[UUID | None] = Field(UUID | None, settable="always", doc="Globus endpoint at this site.")
    """Globus endpoint at this site."""
    backfill_windows: Field[dict[str, Any]] = Field(
        dict[str, Any],
        settable="always",
        default={},
        doc="Idle nodes by queue: {queue: [{num_nodes, wall_time_min}]}. The agent writes it.",
    )
    """Idle nodes by queue: {queue: [{num_nodes, wall_time_min}]}. The agent writes it."""
    queued_jobs: Field[dict[str, Any]] = Field(
        dict[str, Any], settable="always", default={}, doc="Scheduler jobs by scheduler id. The agent writes it."
    )
    """Scheduler jobs by scheduler id. The agent writes it."""
    optional_batch_job_params: Field[dict[str, str]] = Field(
        dict[str, str], settable="always", default={}, doc="Extra BatchJob parameters and their defaults."
    )
    """Extra BatchJob parameters and their defaults."""
    allowed_projects: Field[list[Any]] = Field(
        list[Any], settable="always", default=[], doc="Projects a BatchJob may charge."
    )
    """Projects a BatchJob may charge."""
    allowed_queues: Field[dict[str, Any]] = Field(
        dict[str, Any],
        settable="always",
        default={},
        doc="Limits by queue: {queue: {max_nodes, max_walltime, max_queued_jobs, cores, gpus, memory_mb}}.",
    )
    """Limits by queue: {queue: {max_nodes, max_walltime, max_queued_jobs, cores, gpus, memory_mb}}."""
    elastic_queues: Field[list[Any]] = Field(
        list[Any],
        settable="always",
        default=[],
        doc="Elastic queues of its agent: [{queue, job_mode, max_nodes, wall_time_min, filter_tags, node}]. The agent writes it.",
    )
    """Elastic queues of its agent: [{queue, job_mode, max_nodes, wall_time_min, filter_tags, node}]. The agent writes it."""
    transfer_locations: Field[dict[str, str]] = Field(
        dict[str, str], settable="always", default={}, doc="URL of each transfer location, by alias."
    )
    """URL of each transfer location, by alias."""
    node_size: Field[dict[str, Any]] = Field(
        dict[str, Any],
        settable="always",
        default={},
        doc="Size of the agent's own node: {cores, gpus, memory_mb}, 0: unknown; empty if only allocations run jobs. The agent writes it.",
    )
    """Size of the agent's own node: {cores, gpus, memory_mb}, 0: unknown; empty if only allocations run jobs. The agent writes it."""
    failing_loops: Field[dict[str, Any]] = Field(
        dict[str, Any],
        settable="always",
        default={},
        doc="Loops of its agent that fail now: {loop: {error, since}}. The agent writes it at each change.",
    )
    """Loops of its agent that fail now: {loop: {error, since}}. The agent writes it at each change."""
    set_aside: Field[dict[str, Any]] = Field(
        dict[str, Any],
        settable="always",
        default={},
        doc="Records of its agent that could not be read, or that the server refused for good: {count, newest: [{name, reason, at}]}; empty: none. The agent writes it at each change.",
    )
    """Records of its agent that could not be read, or that the server refused for good: {count, newest: [{name, reason, at}]}; empty: none. The agent writes it at each change."""
    agent_status: Field[dict[str, Any]] = Field(
        dict[str, Any],
        doc="What its agent said of itself with its last heartbeat: {version, unreported, free_disk_mb}: its release, the number of runs whose reports wait in its outbox, and the free MiB of its folders; empty: it said nothing.",
    )
    """What its agent said of itself with its last heartbeat: {version, unreported, free_disk_mb}: its release, the number of runs whose reports wait in its outbox, and the free MiB of its folders; empty: it said nothing."""
    last_refresh: Field[datetime | None] = Field(
        datetime | None, doc="Time of the agent's last heartbeat, by the server's clock."
    )
    """Time of the agent's last heartbeat, by the server's clock."""
    version: Field[int] = Field(int, doc="Number of changes so far; 1 at creation.")
    """Number of changes so far; 1 at creation."""
    creation_date: Field[datetime] = Field(datetime, doc="When it was created.")
    """When it was created."""
    last_update: Field[datetime] = Field(datetime, doc="When it last changed.")
    """When it last changed."""

    def __init__(
        self,
        *,
        name: str,
        path: str | Unset = UNSET,
        globus_endpoint_id: UUID | str | Unset | None = UNSET,
        backfill_windows: Mapping[str, Any] | Unset = UNSET,
        queued_jobs: Mapping[str, Any] | Unset = UNSET,
        optional_batch_job_params: Mapping[str, str] | Unset = UNSET,
        allowed_projects: Iterable[Any] | Unset = UNSET,
        allowed_queues: Mapping[str, Any] | Unset = UNSET,
        elastic_queues: Iterable[Any] | Unset = UNSET,
        transfer_locations: Mapping[str, str] | Unset = UNSET,
        node_size: Mapping[str, Any] | Unset = UNSET,
        failing_loops: Mapping[str, Any] | Unset = UNSET,
        set_aside: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> None:
        """A place where jobs run: a machine or a cluster. One agent serves it. Unsaved until ``save()``.

        Args:
            name: Unique among the owner's sites.
            path: Absolute path of the site folder.
            globus_endpoint_id: Globus endpoint at this site.
            backfill_windows: Idle nodes by queue: {queue: [{num_nodes, wall_time_min}]}. The agent writes it.
            queued_jobs: Scheduler jobs by scheduler id. The agent writes it.
            optional_batch_job_params: Extra BatchJob parameters and their defaults.
            allowed_projects: Projects a BatchJob may charge.
            allowed_queues: Limits by queue: {queue: {max_nodes, max_walltime, max_queued_jobs, cores, gpus,
                memory_mb}}.
            elastic_queues: Elastic queues of its agent: [{queue, job_mode, max_nodes, wall_time_min,
                filter_tags, node}]. The agent writes it.
            transfer_locations: URL of each transfer location, by alias.
            node_size: Size of the agent's own node: {cores, gpus, memory_mb}, 0: unknown; empty if only
                allocations run jobs. The agent writes it.
            failing_loops: Loops of its agent that fail now: {loop: {error, since}}. The agent writes it at
                each change.
            set_aside: Records of its agent that could not be read, or that the server refused for good:
                {count, newest: [{name, reason, at}]}; empty: none. The agent writes it at each change.
        """
        self._fill(locals())

    async def asave(self, *, force: bool = False) -> None:
        """``save()``, awaited."""
        return await in_thread(self.save, force=force)

    async def arefresh_from_db(self) -> None:
        """``refresh_from_db()``, awaited."""
        return await in_thread(self.refresh_from_db)

    async def adelete(self) -> None:
        """``delete()``, awaited."""
        return await in_thread(self.delete)


class SiteQuery(ChangeQuery[Site]):
    """A lazy query of Sites."""

    _model = Site

    def filter(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        name: str | Iterable[str] | Unset = UNSET,
        name__ne: str | Iterable[str] | Unset = UNSET,
        name__contains: str | Unset = UNSET,
        name__startswith: str | Unset = UNSET,
        path: str | Iterable[str] | Unset = UNSET,
        path__ne: str | Iterable[str] | Unset = UNSET,
        path__contains: str | Unset = UNSET,
        path__startswith: str | Unset = UNSET,
        globus_endpoint_id: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        globus_endpoint_id__ne: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        globus_endpoint_id__isnull: bool | Unset = UNSET,
        last_refresh: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        last_refresh_before: datetime | str | Unset = UNSET,
        last_refresh_after: datetime | str | Unset = UNSET,
        last_refresh__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> SiteQuery:
        """Keep only those that pass all of these filters, and those before.

        Args:
            id: Equal to this id, or to any of a list.
            id__ne: Not this id, nor any of a list.
            id__gt: id above this.
            id__lt: id below this.
            name: Equal to this name, or to any of a list.
            name__ne: Not this name, nor any of a list.
            name__contains: name contains this text.
            name__startswith: name starts with this text.
            path: Equal to this path, or to any of a list.
            path__ne: Not this path, nor any of a list.
            path__contains: path contains this text.
            path__startswith: path starts with this text.
            globus_endpoint_id: Equal to this globus_endpoint_id, or to any of a list.
            globus_endpoint_id__ne: Not this globus_endpoint_id, nor any of a list.
            globus_endpoint_id__isnull: Whether globus_endpoint_id is null.
            last_refresh: Equal to this last_refresh, or to any of a list.
            last_refresh_before: last_refresh before this time.
            last_refresh_after: last_refresh after this time.
            last_refresh__isnull: Whether last_refresh is null.
            version: Equal to this version, or to any of a list.
            creation_date: Equal to this creation_date, or to any of a list.
            creation_date_before: creation_date before this time.
            creation_date_after: creation_date after this time.
            last_update: Equal to this last_update, or to any of a list.
            last_update_before: last_update before this time.
            last_update_after: last_update after this time.
        """
        query: SiteQuery = self._filter(locals())
        return query

    def exclude(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        name: str | Iterable[str] | Unset = UNSET,
        name__ne: str | Iterable[str] | Unset = UNSET,
        name__contains: str | Unset = UNSET,
        name__startswith: str | Unset = UNSET,
        path: str | Iterable[str] | Unset = UNSET,
        path__ne: str | Iterable[str] | Unset = UNSET,
        path__contains: str | Unset = UNSET,
        path__startswith: str | Unset = UNSET,
        globus_endpoint_id: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        globus_endpoint_id__ne: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        globus_endpoint_id__isnull: bool | Unset = UNSET,
        last_refresh: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        last_refresh_before: datetime | str | Unset = UNSET,
        last_refresh_after: datetime | str | Unset = UNSET,
        last_refresh__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> SiteQuery:
        """Exclude those that pass all of these filters at once; the arguments are those of ``filter()``."""
        query: SiteQuery = self._exclude(locals())
        return query

    def get(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        name: str | Iterable[str] | Unset = UNSET,
        name__ne: str | Iterable[str] | Unset = UNSET,
        name__contains: str | Unset = UNSET,
        name__startswith: str | Unset = UNSET,
        path: str | Iterable[str] | Unset = UNSET,
        path__ne: str | Iterable[str] | Unset = UNSET,
        path__contains: str | Unset = UNSET,
        path__startswith: str | Unset = UNSET,
        globus_endpoint_id: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        globus_endpoint_id__ne: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        globus_endpoint_id__isnull: bool | Unset = UNSET,
        last_refresh: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        last_refresh_before: datetime | str | Unset = UNSET,
        last_refresh_after: datetime | str | Unset = UNSET,
        last_refresh__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> Site:
        """Return the one that passes these filters; the arguments are those of ``filter()``.

        Raises:
            DoesNotExist: None does.
            MultipleObjectsReturned: More than one does.
        """
        return self._get(locals())

    def all(self) -> SiteQuery:
        """Return the same query, not yet read; of a manager: a query of all records."""
        query: SiteQuery = self._derive(self._plan)
        return query

    def order_by(self, *fields: SiteOrdering) -> SiteQuery:
        """Return the query ordered by these fields, ``-`` before a name for descending; by none: the server's order."""
        query: SiteQuery = self._order_by(fields)
        return query

    @overload
    def __getitem__(self, index: int) -> Site: ...
    @overload
    def __getitem__(self, index: slice) -> SiteQuery: ...
    def __getitem__(self, index: int | slice) -> Site | SiteQuery:
        result: Site | SiteQuery = self._item(index)
        return result

    def update(
        self,
        *,
        name: str | Unset = UNSET,
        path: str | Unset = UNSET,
        globus_endpoint_id: UUID | str | Unset | None = UNSET,
        backfill_windows: Mapping[str, Any] | Unset = UNSET,
        queued_jobs: Mapping[str, Any] | Unset = UNSET,
        optional_batch_job_params: Mapping[str, str] | Unset = UNSET,
        allowed_projects: Iterable[Any] | Unset = UNSET,
        allowed_queues: Mapping[str, Any] | Unset = UNSET,
        elastic_queues: Iterable[Any] | Unset = UNSET,
        transfer_locations: Mapping[str, str] | Unset = UNSET,
        node_size: Mapping[str, Any] | Unset = UNSET,
        failing_loops: Mapping[str, Any] | Unset = UNSET,
        set_aside: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> int:
        """Change all that match, on the server, in one step, and return their number.

        Args:
            name: Unique among the owner's sites.
            path: Absolute path of the site folder.
            globus_endpoint_id: Globus endpoint at this site.
            backfill_windows: Idle nodes by queue: {queue: [{num_nodes, wall_time_min}]}. The agent writes it.
            queued_jobs: Scheduler jobs by scheduler id. The agent writes it.
            optional_batch_job_params: Extra BatchJob parameters and their defaults.
            allowed_projects: Projects a BatchJob may charge.
            allowed_queues: Limits by queue: {queue: {max_nodes, max_walltime, max_queued_jobs, cores, gpus,
                memory_mb}}.
            elastic_queues: Elastic queues of its agent: [{queue, job_mode, max_nodes, wall_time_min,
                filter_tags, node}]. The agent writes it.
            transfer_locations: URL of each transfer location, by alias.
            node_size: Size of the agent's own node: {cores, gpus, memory_mb}, 0: unknown; empty if only
                allocations run jobs. The agent writes it.
            failing_loops: Loops of its agent that fail now: {loop: {error, since}}. The agent writes it at
                each change.
            set_aside: Records of its agent that could not be read, or that the server refused for good:
                {count, newest: [{name, reason, at}]}; empty: none. The agent writes it at each change.

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


class SiteManager(Manager[Site], SiteQuery):
    """Where queries of Sites begin."""

    _queries = SiteQuery

    def create(
        self,
        *,
        name: str,
        path: str | Unset = UNSET,
        globus_endpoint_id: UUID | str | Unset | None = UNSET,
        backfill_windows: Mapping[str, Any] | Unset = UNSET,
        queued_jobs: Mapping[str, Any] | Unset = UNSET,
        optional_batch_job_params: Mapping[str, str] | Unset = UNSET,
        allowed_projects: Iterable[Any] | Unset = UNSET,
        allowed_queues: Mapping[str, Any] | Unset = UNSET,
        elastic_queues: Iterable[Any] | Unset = UNSET,
        transfer_locations: Mapping[str, str] | Unset = UNSET,
        node_size: Mapping[str, Any] | Unset = UNSET,
        failing_loops: Mapping[str, Any] | Unset = UNSET,
        set_aside: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> Site:
        """Make one and save it; the arguments are those of ``Site()``."""
        return self._create(locals())

    def bulk_create(self, items: Iterable[Site], *, progress: bool | None = None) -> list[Site]:
        """Save many records, 10,000 in one request, all or none of each request. Fill in their ids and return them.

        Args:
            items: Unsaved ones.
            progress: Show a bar on stderr; by default on a terminal, beyond one request.
        """
        return self._bulk_create(items, progress)

    def bulk_update(self, items: Iterable[Site], *, progress: bool | None = None) -> int:
        """Save the changes of many records, 10,000 in one request, all or none of each. Return how many had any.

        Args:
            items: Saved ones; what changed in each is sent, and ``version`` and ``last_update`` come back.
            progress: Show a bar on stderr; by default on a terminal, beyond one request.
        """
        return self._bulk_update(items, force=False, progress=progress)


SiteQuery._queries = SiteQuery


class AsyncSiteQuery(AsyncQuery[Site]):
    """A query of Sites whose calls are awaited."""

    def filter(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        name: str | Iterable[str] | Unset = UNSET,
        name__ne: str | Iterable[str] | Unset = UNSET,
        name__contains: str | Unset = UNSET,
        name__startswith: str | Unset = UNSET,
        path: str | Iterable[str] | Unset = UNSET,
        path__ne: str | Iterable[str] | Unset = UNSET,
        path__contains: str | Unset = UNSET,
        path__startswith: str | Unset = UNSET,
        globus_endpoint_id: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        globus_endpoint_id__ne: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        globus_endpoint_id__isnull: bool | Unset = UNSET,
        last_refresh: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        last_refresh_before: datetime | str | Unset = UNSET,
        last_refresh_after: datetime | str | Unset = UNSET,
        last_refresh__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncSiteQuery:
        """``filter()`` of the query; it sends no request."""
        return AsyncSiteQuery(self._query.filter(**arguments(locals())))

    def exclude(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        name: str | Iterable[str] | Unset = UNSET,
        name__ne: str | Iterable[str] | Unset = UNSET,
        name__contains: str | Unset = UNSET,
        name__startswith: str | Unset = UNSET,
        path: str | Iterable[str] | Unset = UNSET,
        path__ne: str | Iterable[str] | Unset = UNSET,
        path__contains: str | Unset = UNSET,
        path__startswith: str | Unset = UNSET,
        globus_endpoint_id: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        globus_endpoint_id__ne: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        globus_endpoint_id__isnull: bool | Unset = UNSET,
        last_refresh: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        last_refresh_before: datetime | str | Unset = UNSET,
        last_refresh_after: datetime | str | Unset = UNSET,
        last_refresh__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncSiteQuery:
        """``exclude()`` of the query; it sends no request."""
        return AsyncSiteQuery(self._query.exclude(**arguments(locals())))

    def all(self) -> AsyncSiteQuery:
        """``all()`` of the query; it sends no request."""
        return AsyncSiteQuery(self._query.all())

    def order_by(self, *fields: SiteOrdering) -> AsyncSiteQuery:
        """``order_by()`` of the query; it sends no request."""
        return AsyncSiteQuery(self._query.order_by(*fields))

    def __getitem__(self, index: slice) -> AsyncSiteQuery:
        return AsyncSiteQuery(self._part(index))

    async def get(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        name: str | Iterable[str] | Unset = UNSET,
        name__ne: str | Iterable[str] | Unset = UNSET,
        name__contains: str | Unset = UNSET,
        name__startswith: str | Unset = UNSET,
        path: str | Iterable[str] | Unset = UNSET,
        path__ne: str | Iterable[str] | Unset = UNSET,
        path__contains: str | Unset = UNSET,
        path__startswith: str | Unset = UNSET,
        globus_endpoint_id: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        globus_endpoint_id__ne: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        globus_endpoint_id__isnull: bool | Unset = UNSET,
        last_refresh: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        last_refresh_before: datetime | str | Unset = UNSET,
        last_refresh_after: datetime | str | Unset = UNSET,
        last_refresh__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> Site:
        """``get()``, awaited."""
        return await in_thread(self._query.get, **arguments(locals()))

    async def update(
        self,
        *,
        name: str | Unset = UNSET,
        path: str | Unset = UNSET,
        globus_endpoint_id: UUID | str | Unset | None = UNSET,
        backfill_windows: Mapping[str, Any] | Unset = UNSET,
        queued_jobs: Mapping[str, Any] | Unset = UNSET,
        optional_batch_job_params: Mapping[str, str] | Unset = UNSET,
        allowed_projects: Iterable[Any] | Unset = UNSET,
        allowed_queues: Mapping[str, Any] | Unset = UNSET,
        elastic_queues: Iterable[Any] | Unset = UNSET,
        transfer_locations: Mapping[str, str] | Unset = UNSET,
        node_size: Mapping[str, Any] | Unset = UNSET,
        failing_loops: Mapping[str, Any] | Unset = UNSET,
        set_aside: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> int:
        """``update()``, awaited."""
        return await in_thread(self._query.update, **arguments(locals()))

    async def delete(self) -> int:
        """``delete()``, awaited."""
        return await in_thread(self._query.delete)

    def iterator(self, chunk_size: int = PAGE) -> AsyncIterator[Site]:
        """``iterator()``, awaited."""
        return iterate_rows(lambda: self._query.iterator(chunk_size))

    async def first(self) -> Site | None:
        """``first()``, awaited."""
        return await in_thread(self._query.first)

    async def last(self) -> Site | None:
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

    async def in_bulk(self, ids: Iterable[int] | None = None) -> dict[int, Site]:
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


class AsyncSiteManager(AsyncSiteQuery):
    """``Site.aobjects``: where awaited queries of Sites begin."""

    async def create(
        self,
        *,
        name: str,
        path: str | Unset = UNSET,
        globus_endpoint_id: UUID | str | Unset | None = UNSET,
        backfill_windows: Mapping[str, Any] | Unset = UNSET,
        queued_jobs: Mapping[str, Any] | Unset = UNSET,
        optional_batch_job_params: Mapping[str, str] | Unset = UNSET,
        allowed_projects: Iterable[Any] | Unset = UNSET,
        allowed_queues: Mapping[str, Any] | Unset = UNSET,
        elastic_queues: Iterable[Any] | Unset = UNSET,
        transfer_locations: Mapping[str, str] | Unset = UNSET,
        node_size: Mapping[str, Any] | Unset = UNSET,
        failing_loops: Mapping[str, Any] | Unset = UNSET,
        set_aside: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> Site:
        """``create()``, awaited."""
        return await in_thread(self._query.create, **arguments(locals()))

    async def bulk_create(self, items: Iterable[Site], *, progress: bool | None = None) -> list[Site]:
        """``bulk_create()``, awaited."""
        return await in_thread(self._query.bulk_create, items, progress=progress)

    async def bulk_update(self, items: Iterable[Site], *, progress: bool | None = None) -> int:
        """``bulk_update()``, awaited."""
        return await in_thread(self._query.bulk_update, items, progress=progress)
