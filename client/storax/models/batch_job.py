"""BatchJob: models, queries, managers. Written by `python -m tools.codegen`; do not edit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal, Never, overload

from storax._jobs.batch_job import BatchJobBase
from storax._orm.asynchronous import AsyncObjects, AsyncQuery, in_thread, iterate_rows
from storax._orm.changes import ChangeQuery
from storax._orm.fields import Field
from storax._orm.filters import Filter
from storax._orm.instance import Spec
from storax._orm.manager import Manager, Objects
from storax._orm.query import arguments
from storax._orm.query_plan import PAGE
from storax._runtime.unset import UNSET, Unset

BatchJobState = Literal["pending_submission", "queued", "running", "finished", "submit_failed", "pending_deletion"]
BatchJobOrdering = Literal[
    "id",
    "-id",
    "num_nodes",
    "-num_nodes",
    "start_time",
    "-start_time",
    "end_time",
    "-end_time",
    "state",
    "-state",
    "creation_date",
    "-creation_date",
    "last_update",
    "-last_update",
]


class BatchJob(BatchJobBase):
    """A request for one allocation of a Site's scheduler. A runner inside it runs Jobs."""

    __slots__ = ()

    _spec = Spec(
        path="batch-jobs",
        entity="batch_job",
        order="id",
        writable=True,
        orderings=(
            "id",
            "-id",
            "num_nodes",
            "-num_nodes",
            "start_time",
            "-start_time",
            "end_time",
            "-end_time",
            "state",
            "-state",
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
            "project": Filter(str, "eq", many=True),
            "project__ne": Filter(str, "ne", many=True),
            "project__contains": Filter(str, "contains"),
            "project__startswith": Filter(str, "startswith"),
            "queue": Filter(str, "eq", many=True),
            "queue__ne": Filter(str, "ne", many=True),
            "queue__contains": Filter(str, "contains"),
            "queue__startswith": Filter(str, "startswith"),
            "num_nodes": Filter(int, "eq", many=True),
            "num_nodes__gte": Filter(int, "gte"),
            "num_nodes__lte": Filter(int, "lte"),
            "wall_time_min": Filter(int, "eq", many=True),
            "wall_time_min__gte": Filter(int, "gte"),
            "wall_time_min__lte": Filter(int, "lte"),
            "job_mode": Filter(Literal["mpi", "serial"], "eq", many=True),
            "job_mode__ne": Filter(Literal["mpi", "serial"], "ne", many=True),
            "filter_tags": Filter(dict[str, str], "contains_json"),
            "scheduler_id": Filter(str, "eq", many=True),
            "scheduler_id__ne": Filter(str, "ne", many=True),
            "scheduler_id__contains": Filter(str, "contains"),
            "scheduler_id__startswith": Filter(str, "startswith"),
            "scheduler_id__isnull": Filter(bool, "isnull"),
            "start_time": Filter(datetime, "eq", many=True),
            "start_time_before": Filter(datetime, "before"),
            "start_time_after": Filter(datetime, "after"),
            "start_time__isnull": Filter(bool, "isnull"),
            "end_time": Filter(datetime, "eq", many=True),
            "end_time_before": Filter(datetime, "before"),
            "end_time_after": Filter(datetime, "after"),
            "end_time__isnull": Filter(bool, "isnull"),
            "state": Filter(BatchJobState, "eq", many=True),
            "state__ne": Filter(BatchJobState, "ne", many=True),
            "session_id": Filter(int, "eq", many=True),
            "session_id__ne": Filter(int, "ne", many=True),
            "session_id__isnull": Filter(bool, "isnull"),
            "version": Filter(int, "eq", many=True),
            "creation_date": Filter(datetime, "eq", many=True),
            "creation_date_before": Filter(datetime, "before"),
            "creation_date_after": Filter(datetime, "after"),
            "last_update": Filter(datetime, "eq", many=True),
            "last_update_before": Filter(datetime, "before"),
            "last_update_after": Filter(datetime, "after"),
        },
    )

    objects: ClassVar[Objects[BatchJobManager]] = Objects(lambda: BatchJobManager)
    aobjects: ClassVar[AsyncObjects[AsyncBatchJobManager]] = AsyncObjects(lambda: AsyncBatchJobManager)

    id: Field[int | None] = Field(int, doc="Server id.")
    """Server id."""
    site_id: Field[int] = Field(int, settable="create", required=True, doc="Site of the scheduler.")
    """Site of the scheduler."""
    project: Field[str] = Field(str, settable="create", default="", doc="Project to charge.")
    """Project to charge."""
    queue: Field[str] = Field(str, settable="create", default="", doc="Queue of the scheduler.")
    """Queue of the scheduler."""
    num_nodes: Field[int] = Field(int, settable="create", default=1, doc="Nodes.")
    """Nodes."""
    wall_time_min: Field[int] = Field(int, settable="create", default=60, doc="Wall time, in minutes.")
    """Wall time, in minutes."""
    job_mode: Field[Literal["mpi", "serial"]] = Field(
        Literal["mpi", "serial"],
        settable="create",
        default="serial",
        doc="mpi: one launch per job over nodes; serial: many single-node jobs.",
    )
    """mpi: one launch per job over nodes; serial: many single-node jobs."""
    optional_params: Field[dict[str, str]] = Field(
        dict[str, str], settable="create", default={}, doc="Extra parameters of the site's job script."
    )
    """Extra parameters of the site's job script."""
    filter_tags: Field[dict[str, str]] = Field(
        dict[str, str], settable="create", default={}, doc="Only jobs with these tags run in it."
    )
    """Only jobs with these tags run in it."""
    partitions: Field[list[dict[str, Any]] | None] = Field(
        list[dict[str, Any]] | None,
        settable="create",
        doc="[{job_mode, num_nodes, filter_tags}]: parts with a launcher each; num_nodes defaults to 1, and their sum is at most the BatchJob's.",
    )
    """[{job_mode, num_nodes, filter_tags}]: parts with a launcher each; num_nodes defaults to 1, and their sum is at most the BatchJob's."""
    scheduler_id: Field[str | None] = Field(
        str | None, settable="update", doc="Id at the scheduler. The agent sets it."
    )
    """Id at the scheduler. The agent sets it."""
    status_info: Field[dict[str, Any]] = Field(
        dict[str, Any], settable="update", doc="Information of the scheduler and the runner."
    )
    """Information of the scheduler and the runner."""
    start_time: Field[datetime | None] = Field(datetime | None, settable="update", doc="Start.")
    """Start."""
    end_time: Field[datetime | None] = Field(datetime | None, settable="update", doc="End.")
    """End."""
    state: Field[BatchJobState] = Field(BatchJobState, settable="update", doc="State of the request.")
    """State of the request."""
    session_id: Field[int | None] = Field(int | None, doc="Session that submits it.")
    """Session that submits it."""
    lease_epoch: Field[int] = Field(int, doc="Epoch of the lease; grows with each lease.")
    """Epoch of the lease; grows with each lease."""
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
        project: str | Unset = UNSET,
        queue: str | Unset = UNSET,
        num_nodes: int | Unset = UNSET,
        wall_time_min: int | Unset = UNSET,
        job_mode: Literal["mpi", "serial"] | Unset = UNSET,
        optional_params: Mapping[str, str] | Unset = UNSET,
        filter_tags: Mapping[str, str] | Unset = UNSET,
        partitions: Iterable[dict[str, Any]] | Unset | None = UNSET,
        **unknown: Never,
    ) -> None:
        """A request for one allocation of a Site's scheduler. A runner inside it runs Jobs. Unsaved until ``save()``.

        Args:
            site_id: Site of the scheduler.
            project: Project to charge.
            queue: Queue of the scheduler.
            num_nodes: Nodes. Default: 1.
            wall_time_min: Wall time, in minutes. Default: 60.
            job_mode: mpi: one launch per job over nodes; serial: many single-node jobs. Default: 'serial'.
            optional_params: Extra parameters of the site's job script.
            filter_tags: Only jobs with these tags run in it.
            partitions: [{job_mode, num_nodes, filter_tags}]: parts with a launcher each; num_nodes defaults
                to 1, and their sum is at most the BatchJob's.
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


class BatchJobQuery(ChangeQuery[BatchJob]):
    """A lazy query of BatchJobs."""

    _model = BatchJob

    def filter(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        project: str | Iterable[str] | Unset = UNSET,
        project__ne: str | Iterable[str] | Unset = UNSET,
        project__contains: str | Unset = UNSET,
        project__startswith: str | Unset = UNSET,
        queue: str | Iterable[str] | Unset = UNSET,
        queue__ne: str | Iterable[str] | Unset = UNSET,
        queue__contains: str | Unset = UNSET,
        queue__startswith: str | Unset = UNSET,
        num_nodes: int | Iterable[int] | Unset = UNSET,
        num_nodes__gte: int | Unset = UNSET,
        num_nodes__lte: int | Unset = UNSET,
        wall_time_min: int | Iterable[int] | Unset = UNSET,
        wall_time_min__gte: int | Unset = UNSET,
        wall_time_min__lte: int | Unset = UNSET,
        job_mode: Literal["mpi", "serial"] | Iterable[Literal["mpi", "serial"]] | Unset = UNSET,
        job_mode__ne: Literal["mpi", "serial"] | Iterable[Literal["mpi", "serial"]] | Unset = UNSET,
        filter_tags: Mapping[str, Any] | Unset = UNSET,
        scheduler_id: str | Iterable[str] | Unset | None = UNSET,
        scheduler_id__ne: str | Iterable[str] | Unset | None = UNSET,
        scheduler_id__contains: str | Unset = UNSET,
        scheduler_id__startswith: str | Unset = UNSET,
        scheduler_id__isnull: bool | Unset = UNSET,
        start_time: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        start_time_before: datetime | str | Unset = UNSET,
        start_time_after: datetime | str | Unset = UNSET,
        start_time__isnull: bool | Unset = UNSET,
        end_time: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        end_time_before: datetime | str | Unset = UNSET,
        end_time_after: datetime | str | Unset = UNSET,
        end_time__isnull: bool | Unset = UNSET,
        state: BatchJobState | Iterable[BatchJobState] | Unset = UNSET,
        state__ne: BatchJobState | Iterable[BatchJobState] | Unset = UNSET,
        session_id: int | Iterable[int] | Unset | None = UNSET,
        session_id__ne: int | Iterable[int] | Unset | None = UNSET,
        session_id__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> BatchJobQuery:
        """Keep only those that pass all of these filters, and those before.

        Args:
            id: Equal to this id, or to any of a list.
            id__ne: Not this id, nor any of a list.
            id__gt: id above this.
            id__lt: id below this.
            site_id: Equal to this site_id, or to any of a list.
            site_id__ne: Not this site_id, nor any of a list.
            project: Equal to this project, or to any of a list.
            project__ne: Not this project, nor any of a list.
            project__contains: project contains this text.
            project__startswith: project starts with this text.
            queue: Equal to this queue, or to any of a list.
            queue__ne: Not this queue, nor any of a list.
            queue__contains: queue contains this text.
            queue__startswith: queue starts with this text.
            num_nodes: Equal to this num_nodes, or to any of a list.
            num_nodes__gte: num_nodes at or above this.
            num_nodes__lte: num_nodes at or below this.
            wall_time_min: Equal to this wall_time_min, or to any of a list.
            wall_time_min__gte: wall_time_min at or above this.
            wall_time_min__lte: wall_time_min at or below this.
            job_mode: Equal to this job_mode, or to any of a list.
            job_mode__ne: Not this job_mode, nor any of a list.
            filter_tags: filter_tags contains all of these keys and values.
            scheduler_id: Equal to this scheduler_id, or to any of a list.
            scheduler_id__ne: Not this scheduler_id, nor any of a list.
            scheduler_id__contains: scheduler_id contains this text.
            scheduler_id__startswith: scheduler_id starts with this text.
            scheduler_id__isnull: Whether scheduler_id is null.
            start_time: Equal to this start_time, or to any of a list.
            start_time_before: start_time before this time.
            start_time_after: start_time after this time.
            start_time__isnull: Whether start_time is null.
            end_time: Equal to this end_time, or to any of a list.
            end_time_before: end_time before this time.
            end_time_after: end_time after this time.
            end_time__isnull: Whether end_time is null.
            state: Equal to this state, or to any of a list.
            state__ne: Not this state, nor any of a list.
            session_id: Equal to this session_id, or to any of a list.
            session_id__ne: Not this session_id, nor any of a list.
            session_id__isnull: Whether session_id is null.
            version: Equal to this version, or to any of a list.
            creation_date: Equal to this creation_date, or to any of a list.
            creation_date_before: creation_date before this time.
            creation_date_after: creation_date after this time.
            last_update: Equal to this last_update, or to any of a list.
            last_update_before: last_update before this time.
            last_update_after: last_update after this time.
        """
        query: BatchJobQuery = self._filter(locals())
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
        project: str | Iterable[str] | Unset = UNSET,
        project__ne: str | Iterable[str] | Unset = UNSET,
        project__contains: str | Unset = UNSET,
        project__startswith: str | Unset = UNSET,
        queue: str | Iterable[str] | Unset = UNSET,
        queue__ne: str | Iterable[str] | Unset = UNSET,
        queue__contains: str | Unset = UNSET,
        queue__startswith: str | Unset = UNSET,
        num_nodes: int | Iterable[int] | Unset = UNSET,
        num_nodes__gte: int | Unset = UNSET,
        num_nodes__lte: int | Unset = UNSET,
        wall_time_min: int | Iterable[int] | Unset = UNSET,
        wall_time_min__gte: int | Unset = UNSET,
        wall_time_min__lte: int | Unset = UNSET,
        job_mode: Literal["mpi", "serial"] | Iterable[Literal["mpi", "serial"]] | Unset = UNSET,
        job_mode__ne: Literal["mpi", "serial"] | Iterable[Literal["mpi", "serial"]] | Unset = UNSET,
        filter_tags: Mapping[str, Any] | Unset = UNSET,
        scheduler_id: str | Iterable[str] | Unset | None = UNSET,
        scheduler_id__ne: str | Iterable[str] | Unset | None = UNSET,
        scheduler_id__contains: str | Unset = UNSET,
        scheduler_id__startswith: str | Unset = UNSET,
        scheduler_id__isnull: bool | Unset = UNSET,
        start_time: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        start_time_before: datetime | str | Unset = UNSET,
        start_time_after: datetime | str | Unset = UNSET,
        start_time__isnull: bool | Unset = UNSET,
        end_time: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        end_time_before: datetime | str | Unset = UNSET,
        end_time_after: datetime | str | Unset = UNSET,
        end_time__isnull: bool | Unset = UNSET,
        state: BatchJobState | Iterable[BatchJobState] | Unset = UNSET,
        state__ne: BatchJobState | Iterable[BatchJobState] | Unset = UNSET,
        session_id: int | Iterable[int] | Unset | None = UNSET,
        session_id__ne: int | Iterable[int] | Unset | None = UNSET,
        session_id__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> BatchJobQuery:
        """Exclude those that pass all of these filters at once; the arguments are those of ``filter()``."""
        query: BatchJobQuery = self._exclude(locals())
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
        project: str | Iterable[str] | Unset = UNSET,
        project__ne: str | Iterable[str] | Unset = UNSET,
        project__contains: str | Unset = UNSET,
        project__startswith: str | Unset = UNSET,
        queue: str | Iterable[str] | Unset = UNSET,
        queue__ne: str | Iterable[str] | Unset = UNSET,
        queue__contains: str | Unset = UNSET,
        queue__startswith: str | Unset = UNSET,
        num_nodes: int | Iterable[int] | Unset = UNSET,
        num_nodes__gte: int | Unset = UNSET,
        num_nodes__lte: int | Unset = UNSET,
        wall_time_min: int | Iterable[int] | Unset = UNSET,
        wall_time_min__gte: int | Unset = UNSET,
        wall_time_min__lte: int | Unset = UNSET,
        job_mode: Literal["mpi", "serial"] | Iterable[Literal["mpi", "serial"]] | Unset = UNSET,
        job_mode__ne: Literal["mpi", "serial"] | Iterable[Literal["mpi", "serial"]] | Unset = UNSET,
        filter_tags: Mapping[str, Any] | Unset = UNSET,
        scheduler_id: str | Iterable[str] | Unset | None = UNSET,
        scheduler_id__ne: str | Iterable[str] | Unset | None = UNSET,
        scheduler_id__contains: str | Unset = UNSET,
        scheduler_id__startswith: str | Unset = UNSET,
        scheduler_id__isnull: bool | Unset = UNSET,
        start_time: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        start_time_before: datetime | str | Unset = UNSET,
        start_time_after: datetime | str | Unset = UNSET,
        start_time__isnull: bool | Unset = UNSET,
        end_time: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        end_time_before: datetime | str | Unset = UNSET,
        end_time_after: datetime | str | Unset = UNSET,
        end_time__isnull: bool | Unset = UNSET,
        state: BatchJobState | Iterable[BatchJobState] | Unset = UNSET,
        state__ne: BatchJobState | Iterable[BatchJobState] | Unset = UNSET,
        session_id: int | Iterable[int] | Unset | None = UNSET,
        session_id__ne: int | Iterable[int] | Unset | None = UNSET,
        session_id__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> BatchJob:
        """Return the one that passes these filters; the arguments are those of ``filter()``.

        Raises:
            DoesNotExist: None does.
            MultipleObjectsReturned: More than one does.
        """
        return self._get(locals())

    def all(self) -> BatchJobQuery:
        """Return the same query, not yet read; of a manager: a query of all records."""
        query: BatchJobQuery = self._derive(self._plan)
        return query

    def order_by(self, *fields: BatchJobOrdering) -> BatchJobQuery:
        """Return the query ordered by these fields, ``-`` before a name for descending; by none: the server's order."""
        query: BatchJobQuery = self._order_by(fields)
        return query

    @overload
    def __getitem__(self, index: int) -> BatchJob: ...
    @overload
    def __getitem__(self, index: slice) -> BatchJobQuery: ...
    def __getitem__(self, index: int | slice) -> BatchJob | BatchJobQuery:
        result: BatchJob | BatchJobQuery = self._item(index)
        return result

    def update(
        self,
        *,
        scheduler_id: str | Unset | None = UNSET,
        status_info: Mapping[str, Any] | Unset = UNSET,
        start_time: datetime | str | Unset | None = UNSET,
        end_time: datetime | str | Unset | None = UNSET,
        state: BatchJobState | Unset = UNSET,
        force: bool = False,
        **unknown: Never,
    ) -> int:
        """Change all that match, on the server, in one step, and return their number.

        Args:
            scheduler_id: Id at the scheduler. The agent sets it.
            status_info: Information of the scheduler and the runner.
            start_time: Start.
            end_time: End.
            state: State of the request.
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


class BatchJobManager(Manager[BatchJob], BatchJobQuery):
    """Where queries of BatchJobs begin."""

    _queries = BatchJobQuery

    def create(
        self,
        *,
        site_id: int,
        project: str | Unset = UNSET,
        queue: str | Unset = UNSET,
        num_nodes: int | Unset = UNSET,
        wall_time_min: int | Unset = UNSET,
        job_mode: Literal["mpi", "serial"] | Unset = UNSET,
        optional_params: Mapping[str, str] | Unset = UNSET,
        filter_tags: Mapping[str, str] | Unset = UNSET,
        partitions: Iterable[dict[str, Any]] | Unset | None = UNSET,
        **unknown: Never,
    ) -> BatchJob:
        """Make one and save it; the arguments are those of ``BatchJob()``."""
        return self._create(locals())

    def bulk_create(self, items: Iterable[BatchJob], *, progress: bool | None = None) -> list[BatchJob]:
        """Save many records, 10,000 in one request, all or none of each request. Fill in their ids and return them.

        Args:
            items: Unsaved ones.
            progress: Show a bar on stderr; by default on a terminal, beyond one request.
        """
        return self._bulk_create(items, progress)

    def bulk_update(self, items: Iterable[BatchJob], *, force: bool = False, progress: bool | None = None) -> int:
        """Save the changes of many records, 10,000 in one request, all or none of each. Return how many had any.

        Args:
            items: Saved ones; what changed in each is sent, and ``version`` and ``last_update`` come back.
            force: Enter states that the table of moves forbids.
            progress: Show a bar on stderr; by default on a terminal, beyond one request.
        """
        return self._bulk_update(items, force=force, progress=progress)


BatchJobQuery._queries = BatchJobQuery


class AsyncBatchJobQuery(AsyncQuery[BatchJob]):
    """A query of BatchJobs whose calls are awaited."""

    def filter(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        project: str | Iterable[str] | Unset = UNSET,
        project__ne: str | Iterable[str] | Unset = UNSET,
        project__contains: str | Unset = UNSET,
        project__startswith: str | Unset = UNSET,
        queue: str | Iterable[str] | Unset = UNSET,
        queue__ne: str | Iterable[str] | Unset = UNSET,
        queue__contains: str | Unset = UNSET,
        queue__startswith: str | Unset = UNSET,
        num_nodes: int | Iterable[int] | Unset = UNSET,
        num_nodes__gte: int | Unset = UNSET,
        num_nodes__lte: int | Unset = UNSET,
        wall_time_min: int | Iterable[int] | Unset = UNSET,
        wall_time_min__gte: int | Unset = UNSET,
        wall_time_min__lte: int | Unset = UNSET,
        job_mode: Literal["mpi", "serial"] | Iterable[Literal["mpi", "serial"]] | Unset = UNSET,
        job_mode__ne: Literal["mpi", "serial"] | Iterable[Literal["mpi", "serial"]] | Unset = UNSET,
        filter_tags: Mapping[str, Any] | Unset = UNSET,
        scheduler_id: str | Iterable[str] | Unset | None = UNSET,
        scheduler_id__ne: str | Iterable[str] | Unset | None = UNSET,
        scheduler_id__contains: str | Unset = UNSET,
        scheduler_id__startswith: str | Unset = UNSET,
        scheduler_id__isnull: bool | Unset = UNSET,
        start_time: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        start_time_before: datetime | str | Unset = UNSET,
        start_time_after: datetime | str | Unset = UNSET,
        start_time__isnull: bool | Unset = UNSET,
        end_time: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        end_time_before: datetime | str | Unset = UNSET,
        end_time_after: datetime | str | Unset = UNSET,
        end_time__isnull: bool | Unset = UNSET,
        state: BatchJobState | Iterable[BatchJobState] | Unset = UNSET,
        state__ne: BatchJobState | Iterable[BatchJobState] | Unset = UNSET,
        session_id: int | Iterable[int] | Unset | None = UNSET,
        session_id__ne: int | Iterable[int] | Unset | None = UNSET,
        session_id__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncBatchJobQuery:
        """``filter()`` of the query; it sends no request."""
        return AsyncBatchJobQuery(self._query.filter(**arguments(locals())))

    def exclude(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        project: str | Iterable[str] | Unset = UNSET,
        project__ne: str | Iterable[str] | Unset = UNSET,
        project__contains: str | Unset = UNSET,
        project__startswith: str | Unset = UNSET,
        queue: str | Iterable[str] | Unset = UNSET,
        queue__ne: str | Iterable[str] | Unset = UNSET,
        queue__contains: str | Unset = UNSET,
        queue__startswith: str | Unset = UNSET,
        num_nodes: int | Iterable[int] | Unset = UNSET,
        num_nodes__gte: int | Unset = UNSET,
        num_nodes__lte: int | Unset = UNSET,
        wall_time_min: int | Iterable[int] | Unset = UNSET,
        wall_time_min__gte: int | Unset = UNSET,
        wall_time_min__lte: int | Unset = UNSET,
        job_mode: Literal["mpi", "serial"] | Iterable[Literal["mpi", "serial"]] | Unset = UNSET,
        job_mode__ne: Literal["mpi", "serial"] | Iterable[Literal["mpi", "serial"]] | Unset = UNSET,
        filter_tags: Mapping[str, Any] | Unset = UNSET,
        scheduler_id: str | Iterable[str] | Unset | None = UNSET,
        scheduler_id__ne: str | Iterable[str] | Unset | None = UNSET,
        scheduler_id__contains: str | Unset = UNSET,
        scheduler_id__startswith: str | Unset = UNSET,
        scheduler_id__isnull: bool | Unset = UNSET,
        start_time: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        start_time_before: datetime | str | Unset = UNSET,
        start_time_after: datetime | str | Unset = UNSET,
        start_time__isnull: bool | Unset = UNSET,
        end_time: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        end_time_before: datetime | str | Unset = UNSET,
        end_time_after: datetime | str | Unset = UNSET,
        end_time__isnull: bool | Unset = UNSET,
        state: BatchJobState | Iterable[BatchJobState] | Unset = UNSET,
        state__ne: BatchJobState | Iterable[BatchJobState] | Unset = UNSET,
        session_id: int | Iterable[int] | Unset | None = UNSET,
        session_id__ne: int | Iterable[int] | Unset | None = UNSET,
        session_id__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncBatchJobQuery:
        """``exclude()`` of the query; it sends no request."""
        return AsyncBatchJobQuery(self._query.exclude(**arguments(locals())))

    def all(self) -> AsyncBatchJobQuery:
        """``all()`` of the query; it sends no request."""
        return AsyncBatchJobQuery(self._query.all())

    def order_by(self, *fields: BatchJobOrdering) -> AsyncBatchJobQuery:
        """``order_by()`` of the query; it sends no request."""
        return AsyncBatchJobQuery(self._query.order_by(*fields))

    def __getitem__(self, index: slice) -> AsyncBatchJobQuery:
        return AsyncBatchJobQuery(self._part(index))

    async def get(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        project: str | Iterable[str] | Unset = UNSET,
        project__ne: str | Iterable[str] | Unset = UNSET,
        project__contains: str | Unset = UNSET,
        project__startswith: str | Unset = UNSET,
        queue: str | Iterable[str] | Unset = UNSET,
        queue__ne: str | Iterable[str] | Unset = UNSET,
        queue__contains: str | Unset = UNSET,
        queue__startswith: str | Unset = UNSET,
        num_nodes: int | Iterable[int] | Unset = UNSET,
        num_nodes__gte: int | Unset = UNSET,
        num_nodes__lte: int | Unset = UNSET,
        wall_time_min: int | Iterable[int] | Unset = UNSET,
        wall_time_min__gte: int | Unset = UNSET,
        wall_time_min__lte: int | Unset = UNSET,
        job_mode: Literal["mpi", "serial"] | Iterable[Literal["mpi", "serial"]] | Unset = UNSET,
        job_mode__ne: Literal["mpi", "serial"] | Iterable[Literal["mpi", "serial"]] | Unset = UNSET,
        filter_tags: Mapping[str, Any] | Unset = UNSET,
        scheduler_id: str | Iterable[str] | Unset | None = UNSET,
        scheduler_id__ne: str | Iterable[str] | Unset | None = UNSET,
        scheduler_id__contains: str | Unset = UNSET,
        scheduler_id__startswith: str | Unset = UNSET,
        scheduler_id__isnull: bool | Unset = UNSET,
        start_time: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        start_time_before: datetime | str | Unset = UNSET,
        start_time_after: datetime | str | Unset = UNSET,
        start_time__isnull: bool | Unset = UNSET,
        end_time: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        end_time_before: datetime | str | Unset = UNSET,
        end_time_after: datetime | str | Unset = UNSET,
        end_time__isnull: bool | Unset = UNSET,
        state: BatchJobState | Iterable[BatchJobState] | Unset = UNSET,
        state__ne: BatchJobState | Iterable[BatchJobState] | Unset = UNSET,
        session_id: int | Iterable[int] | Unset | None = UNSET,
        session_id__ne: int | Iterable[int] | Unset | None = UNSET,
        session_id__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> BatchJob:
        """``get()``, awaited."""
        return await in_thread(self._query.get, **arguments(locals()))

    async def update(
        self,
        *,
        scheduler_id: str | Unset | None = UNSET,
        status_info: Mapping[str, Any] | Unset = UNSET,
        start_time: datetime | str | Unset | None = UNSET,
        end_time: datetime | str | Unset | None = UNSET,
        state: BatchJobState | Unset = UNSET,
        force: bool = False,
        **unknown: Never,
    ) -> int:
        """``update()``, awaited."""
        return await in_thread(self._query.update, **arguments(locals()))

    async def delete(self) -> int:
        """``delete()``, awaited."""
        return await in_thread(self._query.delete)

    def iterator(self, chunk_size: int = PAGE) -> AsyncIterator[BatchJob]:
        """``iterator()``, awaited."""
        return iterate_rows(lambda: self._query.iterator(chunk_size))

    async def first(self) -> BatchJob | None:
        """``first()``, awaited."""
        return await in_thread(self._query.first)

    async def last(self) -> BatchJob | None:
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

    async def in_bulk(self, ids: Iterable[int] | None = None) -> dict[int, BatchJob]:
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


class AsyncBatchJobManager(AsyncBatchJobQuery):
    """``BatchJob.aobjects``: where awaited queries of BatchJobs begin."""

    async def create(
        self,
        *,
        site_id: int,
        project: str | Unset = UNSET,
        queue: str | Unset = UNSET,
        num_nodes: int | Unset = UNSET,
        wall_time_min: int | Unset = UNSET,
        job_mode: Literal["mpi", "serial"] | Unset = UNSET,
        optional_params: Mapping[str, str] | Unset = UNSET,
        filter_tags: Mapping[str, str] | Unset = UNSET,
        partitions: Iterable[dict[str, Any]] | Unset | None = UNSET,
        **unknown: Never,
    ) -> BatchJob:
        """``create()``, awaited."""
        return await in_thread(self._query.create, **arguments(locals()))

    async def bulk_create(self, items: Iterable[BatchJob], *, progress: bool | None = None) -> list[BatchJob]:
        """``bulk_create()``, awaited."""
        return await in_thread(self._query.bulk_create, items, progress=progress)

    async def bulk_update(self, items: Iterable[BatchJob], *, force: bool = False, progress: bool | None = None) -> int:
        """``bulk_update()``, awaited."""
        return await in_thread(self._query.bulk_update, items, force=force, progress=progress)
