"""TransferItem: models, queries, managers. Written by `python -m tools.codegen`; do not edit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal, Never, overload

from storax._orm.asynchronous import AsyncObjects, AsyncQuery, in_thread, iterate_rows
from storax._orm.changes import ChangeQuery
from storax._orm.fields import Field
from storax._orm.filters import Filter
from storax._orm.instance import Model, Spec
from storax._orm.manager import Manager, Objects
from storax._orm.query import arguments
from storax._orm.query_plan import PAGE
from storax._runtime.unset import UNSET, Unset

TransferState = Literal["awaiting_job", "pending", "active", "inactive", "done", "error"]
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
TransferItemOrdering = Literal[
    "id", "-id", "state", "-state", "creation_date", "-creation_date", "last_update", "-last_update"
]


class TransferItem(Model):
    """One file or folder that is copied before a Job runs (in) or after (out). Creating the Job creates it."""

    __slots__ = ()

    _spec = Spec(
        path="transfers",
        entity="transfer_item",
        order="id",
        writable=True,
        orderings=(
            "id",
            "-id",
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
            "job_id": Filter(int, "eq", many=True),
            "job_id__ne": Filter(int, "ne", many=True),
            "direction": Filter(Literal["in", "out"], "eq", many=True),
            "direction__ne": Filter(Literal["in", "out"], "ne", many=True),
            "location_alias": Filter(str, "eq", many=True),
            "location_alias__ne": Filter(str, "ne", many=True),
            "state": Filter(TransferState, "eq", many=True),
            "state__ne": Filter(TransferState, "ne", many=True),
            "task_id": Filter(str, "eq", many=True),
            "task_id__ne": Filter(str, "ne", many=True),
            "task_id__isnull": Filter(bool, "isnull"),
            "version": Filter(int, "eq", many=True),
            "creation_date": Filter(datetime, "eq", many=True),
            "creation_date_before": Filter(datetime, "before"),
            "creation_date_after": Filter(datetime, "after"),
            "last_update": Filter(datetime, "eq", many=True),
            "last_update_before": Filter(datetime, "before"),
            "last_update_after": Filter(datetime, "after"),
            "job_state": Filter(JobState, "eq", many=True),
            "tags": Filter(dict[str, str], "contains_json"),
        },
    )

    objects: ClassVar[Objects[TransferItemManager]] = Objects(lambda: TransferItemManager)
    aobjects: ClassVar[AsyncObjects[AsyncTransferItemManager]] = AsyncObjects(lambda: AsyncTransferItemManager)

    id: Field[int | None] = Field(int, doc="Server id.")
    """Server id."""
    site_id: Field[int] = Field(int, doc="Site of the workdir.")
    """Site of the workdir."""
    job_id: Field[int] = Field(int, doc="Job it belongs to.")
    """Job it belongs to."""
    direction: Field[Literal["in", "out"]] = Field(Literal["in", "out"], doc="in: before the run; out: after it.")
    """in: before the run; out: after it."""
    local_path: Field[str] = Field(str, doc="Path relative to the job's workdir.")
    """Path relative to the job's workdir."""
    location_alias: Field[str] = Field(str, doc="Name of one of the site's transfer_locations.")
    """Name of one of the site's transfer_locations."""
    remote_path: Field[str] = Field(str, doc="Absolute path at that location.")
    """Absolute path at that location."""
    recursive: Field[bool] = Field(bool, doc="Whether it is a folder.")
    """Whether it is a folder."""
    state: Field[TransferState] = Field(TransferState, settable="update", doc="State.")
    """State."""
    task_id: Field[str | None] = Field(str | None, settable="update", doc="Id at the transfer service.")
    """Id at the transfer service."""
    transfer_info: Field[dict[str, Any]] = Field(
        dict[str, Any], settable="update", doc="Information of the transfer service."
    )
    """Information of the transfer service."""
    version: Field[int] = Field(int, doc="Number of changes so far; 1 at creation.")
    """Number of changes so far; 1 at creation."""
    creation_date: Field[datetime] = Field(datetime, doc="When it was created.")
    """When it was created."""
    last_update: Field[datetime] = Field(datetime, doc="When it last changed.")
    """When it last changed."""

    async def asave(self, *, force: bool = False) -> None:
        """``save()``, awaited."""
        return await in_thread(self.save, force=force)

    async def arefresh_from_db(self) -> None:
        """``refresh_from_db()``, awaited."""
        return await in_thread(self.refresh_from_db)


class TransferItemQuery(ChangeQuery[TransferItem]):
    """A lazy query of TransferItems."""

    _model = TransferItem

    def filter(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        job_id: int | Iterable[int] | Unset | None = UNSET,
        job_id__ne: int | Iterable[int] | Unset = UNSET,
        direction: Literal["in", "out"] | Iterable[Literal["in", "out"]] | Unset = UNSET,
        direction__ne: Literal["in", "out"] | Iterable[Literal["in", "out"]] | Unset = UNSET,
        location_alias: str | Iterable[str] | Unset = UNSET,
        location_alias__ne: str | Iterable[str] | Unset = UNSET,
        state: TransferState | Iterable[TransferState] | Unset = UNSET,
        state__ne: TransferState | Iterable[TransferState] | Unset = UNSET,
        task_id: str | Iterable[str] | Unset | None = UNSET,
        task_id__ne: str | Iterable[str] | Unset | None = UNSET,
        task_id__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        job_state: JobState | Iterable[JobState] | Unset = UNSET,
        tags: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> TransferItemQuery:
        """Keep only those that pass all of these filters, and those before.

        Args:
            id: Equal to this id, or to any of a list.
            id__ne: Not this id, nor any of a list.
            id__gt: id above this.
            id__lt: id below this.
            site_id: Equal to this site_id, or to any of a list.
            site_id__ne: Not this site_id, nor any of a list.
            job_id: Equal to this job_id, or to any of a list.
            job_id__ne: Not this job_id, nor any of a list.
            direction: Equal to this direction, or to any of a list.
            direction__ne: Not this direction, nor any of a list.
            location_alias: Equal to this location_alias, or to any of a list.
            location_alias__ne: Not this location_alias, nor any of a list.
            state: Equal to this state, or to any of a list.
            state__ne: Not this state, nor any of a list.
            task_id: Equal to this task_id, or to any of a list.
            task_id__ne: Not this task_id, nor any of a list.
            task_id__isnull: Whether task_id is null.
            version: Equal to this version, or to any of a list.
            creation_date: Equal to this creation_date, or to any of a list.
            creation_date_before: creation_date before this time.
            creation_date_after: creation_date after this time.
            last_update: Equal to this last_update, or to any of a list.
            last_update_before: last_update before this time.
            last_update_after: last_update after this time.
            job_state: State of its job, or any of a list.
            tags: Tags of its job contain all of these.
        """
        query: TransferItemQuery = self._filter(locals())
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
        job_id: int | Iterable[int] | Unset | None = UNSET,
        job_id__ne: int | Iterable[int] | Unset = UNSET,
        direction: Literal["in", "out"] | Iterable[Literal["in", "out"]] | Unset = UNSET,
        direction__ne: Literal["in", "out"] | Iterable[Literal["in", "out"]] | Unset = UNSET,
        location_alias: str | Iterable[str] | Unset = UNSET,
        location_alias__ne: str | Iterable[str] | Unset = UNSET,
        state: TransferState | Iterable[TransferState] | Unset = UNSET,
        state__ne: TransferState | Iterable[TransferState] | Unset = UNSET,
        task_id: str | Iterable[str] | Unset | None = UNSET,
        task_id__ne: str | Iterable[str] | Unset | None = UNSET,
        task_id__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        job_state: JobState | Iterable[JobState] | Unset = UNSET,
        tags: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> TransferItemQuery:
        """Exclude those that pass all of these filters at once; the arguments are those of ``filter()``."""
        query: TransferItemQuery = self._exclude(locals())
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
        job_id: int | Iterable[int] | Unset | None = UNSET,
        job_id__ne: int | Iterable[int] | Unset = UNSET,
        direction: Literal["in", "out"] | Iterable[Literal["in", "out"]] | Unset = UNSET,
        direction__ne: Literal["in", "out"] | Iterable[Literal["in", "out"]] | Unset = UNSET,
        location_alias: str | Iterable[str] | Unset = UNSET,
        location_alias__ne: str | Iterable[str] | Unset = UNSET,
        state: TransferState | Iterable[TransferState] | Unset = UNSET,
        state__ne: TransferState | Iterable[TransferState] | Unset = UNSET,
        task_id: str | Iterable[str] | Unset | None = UNSET,
        task_id__ne: str | Iterable[str] | Unset | None = UNSET,
        task_id__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        job_state: JobState | Iterable[JobState] | Unset = UNSET,
        tags: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> TransferItem:
        """Return the one that passes these filters; the arguments are those of ``filter()``.

        Raises:
            DoesNotExist: None does.
            MultipleObjectsReturned: More than one does.
        """
        return self._get(locals())

    def all(self) -> TransferItemQuery:
        """Return the same query, not yet read; of a manager: a query of all records."""
        query: TransferItemQuery = self._derive(self._plan)
        return query

    def order_by(self, *fields: TransferItemOrdering) -> TransferItemQuery:
        """Return the query ordered by these fields, ``-`` before a name for descending; by none: the server's order."""
        query: TransferItemQuery = self._order_by(fields)
        return query

    @overload
    def __getitem__(self, index: int) -> TransferItem: ...
    @overload
    def __getitem__(self, index: slice) -> TransferItemQuery: ...
    def __getitem__(self, index: int | slice) -> TransferItem | TransferItemQuery:
        result: TransferItem | TransferItemQuery = self._item(index)
        return result

    def update(
        self,
        *,
        state: TransferState | Unset = UNSET,
        task_id: str | Unset | None = UNSET,
        transfer_info: Mapping[str, Any] | Unset = UNSET,
        force: bool = False,
        **unknown: Never,
    ) -> int:
        """Change all that match, on the server, in one step, and return their number.

        Args:
            state: State.
            task_id: Id at the transfer service.
            transfer_info: Information of the transfer service.
            force: Enter a state that the table of moves forbids.

        Raises:
            SlicedQuery: The query was sliced.
            IllegalMove: One cannot enter this state; nothing was changed.
        """
        return self._update(locals())


class TransferItemManager(Manager[TransferItem], TransferItemQuery):
    """Where queries of TransferItems begin."""

    _queries = TransferItemQuery

    def bulk_update(self, items: Iterable[TransferItem], *, force: bool = False, progress: bool | None = None) -> int:
        """Save the changes of many records, 10,000 in one request, all or none of each. Return how many had any.

        Args:
            items: Saved ones; what changed in each is sent, and ``version`` and ``last_update`` come back.
            force: Enter states that the table of moves forbids.
            progress: Show a bar on stderr; by default on a terminal, beyond one request.
        """
        return self._bulk_update(items, force=force, progress=progress)


TransferItemQuery._queries = TransferItemQuery


class AsyncTransferItemQuery(AsyncQuery[TransferItem]):
    """A query of TransferItems whose calls are awaited."""

    def filter(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        job_id: int | Iterable[int] | Unset | None = UNSET,
        job_id__ne: int | Iterable[int] | Unset = UNSET,
        direction: Literal["in", "out"] | Iterable[Literal["in", "out"]] | Unset = UNSET,
        direction__ne: Literal["in", "out"] | Iterable[Literal["in", "out"]] | Unset = UNSET,
        location_alias: str | Iterable[str] | Unset = UNSET,
        location_alias__ne: str | Iterable[str] | Unset = UNSET,
        state: TransferState | Iterable[TransferState] | Unset = UNSET,
        state__ne: TransferState | Iterable[TransferState] | Unset = UNSET,
        task_id: str | Iterable[str] | Unset | None = UNSET,
        task_id__ne: str | Iterable[str] | Unset | None = UNSET,
        task_id__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        job_state: JobState | Iterable[JobState] | Unset = UNSET,
        tags: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncTransferItemQuery:
        """``filter()`` of the query; it sends no request."""
        return AsyncTransferItemQuery(self._query.filter(**arguments(locals())))

    def exclude(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        job_id: int | Iterable[int] | Unset | None = UNSET,
        job_id__ne: int | Iterable[int] | Unset = UNSET,
        direction: Literal["in", "out"] | Iterable[Literal["in", "out"]] | Unset = UNSET,
        direction__ne: Literal["in", "out"] | Iterable[Literal["in", "out"]] | Unset = UNSET,
        location_alias: str | Iterable[str] | Unset = UNSET,
        location_alias__ne: str | Iterable[str] | Unset = UNSET,
        state: TransferState | Iterable[TransferState] | Unset = UNSET,
        state__ne: TransferState | Iterable[TransferState] | Unset = UNSET,
        task_id: str | Iterable[str] | Unset | None = UNSET,
        task_id__ne: str | Iterable[str] | Unset | None = UNSET,
        task_id__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        job_state: JobState | Iterable[JobState] | Unset = UNSET,
        tags: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncTransferItemQuery:
        """``exclude()`` of the query; it sends no request."""
        return AsyncTransferItemQuery(self._query.exclude(**arguments(locals())))

    def all(self) -> AsyncTransferItemQuery:
        """``all()`` of the query; it sends no request."""
        return AsyncTransferItemQuery(self._query.all())

    def order_by(self, *fields: TransferItemOrdering) -> AsyncTransferItemQuery:
        """``order_by()`` of the query; it sends no request."""
        return AsyncTransferItemQuery(self._query.order_by(*fields))

    def __getitem__(self, index: slice) -> AsyncTransferItemQuery:
        return AsyncTransferItemQuery(self._part(index))

    async def get(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        job_id: int | Iterable[int] | Unset | None = UNSET,
        job_id__ne: int | Iterable[int] | Unset = UNSET,
        direction: Literal["in", "out"] | Iterable[Literal["in", "out"]] | Unset = UNSET,
        direction__ne: Literal["in", "out"] | Iterable[Literal["in", "out"]] | Unset = UNSET,
        location_alias: str | Iterable[str] | Unset = UNSET,
        location_alias__ne: str | Iterable[str] | Unset = UNSET,
        state: TransferState | Iterable[TransferState] | Unset = UNSET,
        state__ne: TransferState | Iterable[TransferState] | Unset = UNSET,
        task_id: str | Iterable[str] | Unset | None = UNSET,
        task_id__ne: str | Iterable[str] | Unset | None = UNSET,
        task_id__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        job_state: JobState | Iterable[JobState] | Unset = UNSET,
        tags: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> TransferItem:
        """``get()``, awaited."""
        return await in_thread(self._query.get, **arguments(locals()))

    async def update(
        self,
        *,
        state: TransferState | Unset = UNSET,
        task_id: str | Unset | None = UNSET,
        transfer_info: Mapping[str, Any] | Unset = UNSET,
        force: bool = False,
        **unknown: Never,
    ) -> int:
        """``update()``, awaited."""
        return await in_thread(self._query.update, **arguments(locals()))

    def iterator(self, chunk_size: int = PAGE) -> AsyncIterator[TransferItem]:
        """``iterator()``, awaited."""
        return iterate_rows(lambda: self._query.iterator(chunk_size))

    async def first(self) -> TransferItem | None:
        """``first()``, awaited."""
        return await in_thread(self._query.first)

    async def last(self) -> TransferItem | None:
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

    async def in_bulk(self, ids: Iterable[int] | None = None) -> dict[int, TransferItem]:
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


class AsyncTransferItemManager(AsyncTransferItemQuery):
    """``TransferItem.aobjects``: where awaited queries of TransferItems begin."""

    async def bulk_update(
        self, items: Iterable[TransferItem], *, force: bool = False, progress: bool | None = None
    ) -> int:
        """``bulk_update()``, awaited."""
        return await in_thread(self._query.bulk_update, items, force=force, progress=progress)
