"""PipelineRecord: models, queries, managers. Written by `python -m tools.codegen`; do not edit."""

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

PipelineRecordOrdering = Literal[
    "id",
    "-id",
    "project_id",
    "-project_id",
    "name",
    "-name",
    "edition",
    "-edition",
    "creation_date",
    "-creation_date",
    "last_update",
    "-last_update",
]


class PipelineRecord(Model):
    """The catalogue's description of one fit of a pipeline. The fitted pipeline is in the engine."""

    __slots__ = ()

    _spec = Spec(
        path="pipelines",
        entity="pipeline",
        order="id",
        writable=True,
        orderings=(
            "id",
            "-id",
            "project_id",
            "-project_id",
            "name",
            "-name",
            "edition",
            "-edition",
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
            "project_id": Filter(int, "eq", many=True),
            "project_id__ne": Filter(int, "ne", many=True),
            "name": Filter(str, "eq", many=True),
            "name__ne": Filter(str, "ne", many=True),
            "name__contains": Filter(str, "contains"),
            "name__startswith": Filter(str, "startswith"),
            "edition": Filter(int, "eq", many=True),
            "edition__ne": Filter(int, "ne", many=True),
            "edition__gt": Filter(int, "gt"),
            "edition__gte": Filter(int, "gte"),
            "edition__lt": Filter(int, "lt"),
            "edition__lte": Filter(int, "lte"),
            "job_id": Filter(int, "eq", many=True),
            "job_id__ne": Filter(int, "ne", many=True),
            "job_id__isnull": Filter(bool, "isnull"),
            "version": Filter(int, "eq", many=True),
            "creation_date": Filter(datetime, "eq", many=True),
            "creation_date_before": Filter(datetime, "before"),
            "creation_date_after": Filter(datetime, "after"),
            "last_update": Filter(datetime, "eq", many=True),
            "last_update_before": Filter(datetime, "before"),
            "last_update_after": Filter(datetime, "after"),
        },
    )

    objects: ClassVar[Objects[PipelineRecordManager]] = Objects(lambda: PipelineRecordManager)
    aobjects: ClassVar[AsyncObjects[AsyncPipelineRecordManager]] = AsyncObjects(lambda: AsyncPipelineRecordManager)

    id: Field[int | None] = Field(int, doc="Server id.")
    """Server id."""
    project_id: Field[int] = Field(int, settable="create", required=True, doc="Project it belongs to.")
    """Project it belongs to."""
    name: Field[str] = Field(str, settable="create", required=True, doc="Name; each fit is an edition of it.")
    """Name; each fit is an edition of it."""
    edition: Field[int] = Field(
        int, settable="create", default=1, doc="Number of the fit with this name; 1 is the first."
    )
    """Number of the fit with this name; 1 is the first."""
    params: Field[dict[str, Any]] = Field(
        dict[str, Any], settable="create", default={}, doc="Data model, learners, predictors and their parameters."
    )
    """Data model, learners, predictors and their parameters."""
    frames: Field[dict[str, Any]] = Field(
        dict[str, Any], settable="create", default={}, doc="Data frames it was fitted on: {name: edition}."
    )
    """Data frames it was fitted on: {name: edition}."""
    job_id: Field[int | None] = Field(int | None, settable="create", doc="Job that fitted it.")
    """Job that fitted it."""
    targets: Field[list[Any]] = Field(list[Any], settable="create", default=[], doc="Names of the target columns.")
    """Names of the target columns."""
    tags: Field[list[Any]] = Field(list[Any], settable="always", default=[], doc="Labels.")
    """Labels."""
    scores: Field[list[Any]] = Field(list[Any], settable="always", default=[], doc="Every score so far, oldest first.")
    """Every score so far, oldest first."""
    last_change: Field[dict[str, Any]] = Field(
        dict[str, Any], settable="always", default={}, doc="The last change: {action, ...}. Each event has its own."
    )
    """The last change: {action, ...}. Each event has its own."""
    version: Field[int] = Field(int, doc="Number of changes so far; 1 at creation.")
    """Number of changes so far; 1 at creation."""
    creation_date: Field[datetime] = Field(datetime, doc="When it was created.")
    """When it was created."""
    last_update: Field[datetime] = Field(datetime, doc="When it last changed.")
    """When it last changed."""

    def __init__(
        self,
        *,
        project_id: int,
        name: str,
        edition: int | Unset = UNSET,
        params: Mapping[str, Any] | Unset = UNSET,
        frames: Mapping[str, Any] | Unset = UNSET,
        job_id: int | Unset | None = UNSET,
        targets: Iterable[Any] | Unset = UNSET,
        tags: Iterable[Any] | Unset = UNSET,
        scores: Iterable[Any] | Unset = UNSET,
        last_change: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> None:
        """The catalogue's description of one fit of a pipeline. The fitted pipeline is in the engine. Unsaved until ``save()``.

        Args:
            project_id: Project it belongs to.
            name: Name; each fit is an edition of it.
            edition: Number of the fit with this name; 1 is the first. Default: 1.
            params: Data model, learners, predictors and their parameters.
            frames: Data frames it was fitted on: {name: edition}.
            job_id: Job that fitted it.
            targets: Names of the target columns.
            tags: Labels.
            scores: Every score so far, oldest first.
            last_change: The last change: {action, ...}. Each event has its own.
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


class PipelineRecordQuery(ChangeQuery[PipelineRecord]):
    """A lazy query of PipelineRecords."""

    _model = PipelineRecord

    def filter(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        project_id: int | Iterable[int] | Unset | None = UNSET,
        project_id__ne: int | Iterable[int] | Unset = UNSET,
        name: str | Iterable[str] | Unset = UNSET,
        name__ne: str | Iterable[str] | Unset = UNSET,
        name__contains: str | Unset = UNSET,
        name__startswith: str | Unset = UNSET,
        edition: int | Iterable[int] | Unset = UNSET,
        edition__ne: int | Iterable[int] | Unset = UNSET,
        edition__gt: int | Unset = UNSET,
        edition__gte: int | Unset = UNSET,
        edition__lt: int | Unset = UNSET,
        edition__lte: int | Unset = UNSET,
        job_id: int | Iterable[int] | Unset | None = UNSET,
        job_id__ne: int | Iterable[int] | Unset | None = UNSET,
        job_id__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> PipelineRecordQuery:
        """Keep only those that pass all of these filters, and those before.

        Args:
            id: Equal to this id, or to any of a list.
            id__ne: Not this id, nor any of a list.
            id__gt: id above this.
            id__lt: id below this.
            project_id: Equal to this project_id, or to any of a list.
            project_id__ne: Not this project_id, nor any of a list.
            name: Equal to this name, or to any of a list.
            name__ne: Not this name, nor any of a list.
            name__contains: name contains this text.
            name__startswith: name starts with this text.
            edition: Equal to this edition, or to any of a list.
            edition__ne: Not this edition, nor any of a list.
            edition__gt: edition above this.
            edition__gte: edition at or above this.
            edition__lt: edition below this.
            edition__lte: edition at or below this.
            job_id: Equal to this job_id, or to any of a list.
            job_id__ne: Not this job_id, nor any of a list.
            job_id__isnull: Whether job_id is null.
            version: Equal to this version, or to any of a list.
            creation_date: Equal to this creation_date, or to any of a list.
            creation_date_before: creation_date before this time.
            creation_date_after: creation_date after this time.
            last_update: Equal to this last_update, or to any of a list.
            last_update_before: last_update before this time.
            last_update_after: last_update after this time.
        """
        query: PipelineRecordQuery = self._filter(locals())
        return query

    def exclude(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        project_id: int | Iterable[int] | Unset | None = UNSET,
        project_id__ne: int | Iterable[int] | Unset = UNSET,
        name: str | Iterable[str] | Unset = UNSET,
        name__ne: str | Iterable[str] | Unset = UNSET,
        name__contains: str | Unset = UNSET,
        name__startswith: str | Unset = UNSET,
        edition: int | Iterable[int] | Unset = UNSET,
        edition__ne: int | Iterable[int] | Unset = UNSET,
        edition__gt: int | Unset = UNSET,
        edition__gte: int | Unset = UNSET,
        edition__lt: int | Unset = UNSET,
        edition__lte: int | Unset = UNSET,
        job_id: int | Iterable[int] | Unset | None = UNSET,
        job_id__ne: int | Iterable[int] | Unset | None = UNSET,
        job_id__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> PipelineRecordQuery:
        """Exclude those that pass all of these filters at once; the arguments are those of ``filter()``."""
        query: PipelineRecordQuery = self._exclude(locals())
        return query

    def get(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        project_id: int | Iterable[int] | Unset | None = UNSET,
        project_id__ne: int | Iterable[int] | Unset = UNSET,
        name: str | Iterable[str] | Unset = UNSET,
        name__ne: str | Iterable[str] | Unset = UNSET,
        name__contains: str | Unset = UNSET,
        name__startswith: str | Unset = UNSET,
        edition: int | Iterable[int] | Unset = UNSET,
        edition__ne: int | Iterable[int] | Unset = UNSET,
        edition__gt: int | Unset = UNSET,
        edition__gte: int | Unset = UNSET,
        edition__lt: int | Unset = UNSET,
        edition__lte: int | Unset = UNSET,
        job_id: int | Iterable[int] | Unset | None = UNSET,
        job_id__ne: int | Iterable[int] | Unset | None = UNSET,
        job_id__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> PipelineRecord:
        """Return the one that passes these filters; the arguments are those of ``filter()``.

        Raises:
            DoesNotExist: None does.
            MultipleObjectsReturned: More than one does.
        """
        return self._get(locals())

    def all(self) -> PipelineRecordQuery:
        """Return the same query, not yet read; of a manager: a query of all records."""
        query: PipelineRecordQuery = self._derive(self._plan)
        return query

    def order_by(self, *fields: PipelineRecordOrdering) -> PipelineRecordQuery:
        """Return the query ordered by these fields, ``-`` before a name for descending; by none: the server's order."""
        query: PipelineRecordQuery = self._order_by(fields)
        return query

    @overload
    def __getitem__(self, index: int) -> PipelineRecord: ...
    @overload
    def __getitem__(self, index: slice) -> PipelineRecordQuery: ...
    def __getitem__(self, index: int | slice) -> PipelineRecord | PipelineRecordQuery:
        result: PipelineRecord | PipelineRecordQuery = self._item(index)
        return result

    def update(
        self,
        *,
        tags: Iterable[Any] | Unset = UNSET,
        scores: Iterable[Any] | Unset = UNSET,
        last_change: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> int:
        """Change all that match, on the server, in one step, and return their number.

        Args:
            tags: Labels.
            scores: Every score so far, oldest first.
            last_change: The last change: {action, ...}. Each event has its own.

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


class PipelineRecordManager(Manager[PipelineRecord], PipelineRecordQuery):
    """Where queries of PipelineRecords begin."""

    _queries = PipelineRecordQuery

    def create(
        self,
        *,
        project_id: int,
        name: str,
        edition: int | Unset = UNSET,
        params: Mapping[str, Any] | Unset = UNSET,
        frames: Mapping[str, Any] | Unset = UNSET,
        job_id: int | Unset | None = UNSET,
        targets: Iterable[Any] | Unset = UNSET,
        tags: Iterable[Any] | Unset = UNSET,
        scores: Iterable[Any] | Unset = UNSET,
        last_change: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> PipelineRecord:
        """Make one and save it; the arguments are those of ``PipelineRecord()``."""
        return self._create(locals())

    def bulk_create(self, items: Iterable[PipelineRecord], *, progress: bool | None = None) -> list[PipelineRecord]:
        """Save many records, 10,000 in one request, all or none of each request. Fill in their ids and return them.

        Args:
            items: Unsaved ones.
            progress: Show a bar on stderr; by default on a terminal, beyond one request.
        """
        return self._bulk_create(items, progress)

    def bulk_update(self, items: Iterable[PipelineRecord], *, progress: bool | None = None) -> int:
        """Save the changes of many records, 10,000 in one request, all or none of each. Return how many had any.

        Args:
            items: Saved ones; what changed in each is sent, and ``version`` and ``last_update`` come back.
            progress: Show a bar on stderr; by default on a terminal, beyond one request.
        """
        return self._bulk_update(items, force=False, progress=progress)


PipelineRecordQuery._queries = PipelineRecordQuery


class AsyncPipelineRecordQuery(AsyncQuery[PipelineRecord]):
    """A query of PipelineRecords whose calls are awaited."""

    def filter(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        project_id: int | Iterable[int] | Unset | None = UNSET,
        project_id__ne: int | Iterable[int] | Unset = UNSET,
        name: str | Iterable[str] | Unset = UNSET,
        name__ne: str | Iterable[str] | Unset = UNSET,
        name__contains: str | Unset = UNSET,
        name__startswith: str | Unset = UNSET,
        edition: int | Iterable[int] | Unset = UNSET,
        edition__ne: int | Iterable[int] | Unset = UNSET,
        edition__gt: int | Unset = UNSET,
        edition__gte: int | Unset = UNSET,
        edition__lt: int | Unset = UNSET,
        edition__lte: int | Unset = UNSET,
        job_id: int | Iterable[int] | Unset | None = UNSET,
        job_id__ne: int | Iterable[int] | Unset | None = UNSET,
        job_id__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncPipelineRecordQuery:
        """``filter()`` of the query; it sends no request."""
        return AsyncPipelineRecordQuery(self._query.filter(**arguments(locals())))

    def exclude(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        project_id: int | Iterable[int] | Unset | None = UNSET,
        project_id__ne: int | Iterable[int] | Unset = UNSET,
        name: str | Iterable[str] | Unset = UNSET,
        name__ne: str | Iterable[str] | Unset = UNSET,
        name__contains: str | Unset = UNSET,
        name__startswith: str | Unset = UNSET,
        edition: int | Iterable[int] | Unset = UNSET,
        edition__ne: int | Iterable[int] | Unset = UNSET,
        edition__gt: int | Unset = UNSET,
        edition__gte: int | Unset = UNSET,
        edition__lt: int | Unset = UNSET,
        edition__lte: int | Unset = UNSET,
        job_id: int | Iterable[int] | Unset | None = UNSET,
        job_id__ne: int | Iterable[int] | Unset | None = UNSET,
        job_id__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncPipelineRecordQuery:
        """``exclude()`` of the query; it sends no request."""
        return AsyncPipelineRecordQuery(self._query.exclude(**arguments(locals())))

    def all(self) -> AsyncPipelineRecordQuery:
        """``all()`` of the query; it sends no request."""
        return AsyncPipelineRecordQuery(self._query.all())

    def order_by(self, *fields: PipelineRecordOrdering) -> AsyncPipelineRecordQuery:
        """``order_by()`` of the query; it sends no request."""
        return AsyncPipelineRecordQuery(self._query.order_by(*fields))

    def __getitem__(self, index: slice) -> AsyncPipelineRecordQuery:
        return AsyncPipelineRecordQuery(self._part(index))

    async def get(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        project_id: int | Iterable[int] | Unset | None = UNSET,
        project_id__ne: int | Iterable[int] | Unset = UNSET,
        name: str | Iterable[str] | Unset = UNSET,
        name__ne: str | Iterable[str] | Unset = UNSET,
        name__contains: str | Unset = UNSET,
        name__startswith: str | Unset = UNSET,
        edition: int | Iterable[int] | Unset = UNSET,
        edition__ne: int | Iterable[int] | Unset = UNSET,
        edition__gt: int | Unset = UNSET,
        edition__gte: int | Unset = UNSET,
        edition__lt: int | Unset = UNSET,
        edition__lte: int | Unset = UNSET,
        job_id: int | Iterable[int] | Unset | None = UNSET,
        job_id__ne: int | Iterable[int] | Unset | None = UNSET,
        job_id__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> PipelineRecord:
        """``get()``, awaited."""
        return await in_thread(self._query.get, **arguments(locals()))

    async def update(
        self,
        *,
        tags: Iterable[Any] | Unset = UNSET,
        scores: Iterable[Any] | Unset = UNSET,
        last_change: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> int:
        """``update()``, awaited."""
        return await in_thread(self._query.update, **arguments(locals()))

    async def delete(self) -> int:
        """``delete()``, awaited."""
        return await in_thread(self._query.delete)

    def iterator(self, chunk_size: int = PAGE) -> AsyncIterator[PipelineRecord]:
        """``iterator()``, awaited."""
        return iterate_rows(lambda: self._query.iterator(chunk_size))

    async def first(self) -> PipelineRecord | None:
        """``first()``, awaited."""
        return await in_thread(self._query.first)

    async def last(self) -> PipelineRecord | None:
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

    async def in_bulk(self, ids: Iterable[int] | None = None) -> dict[int, PipelineRecord]:
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


class AsyncPipelineRecordManager(AsyncPipelineRecordQuery):
    """``PipelineRecord.aobjects``: where awaited queries of PipelineRecords begin."""

    async def create(
        self,
        *,
        project_id: int,
        name: str,
        edition: int | Unset = UNSET,
        params: Mapping[str, Any] | Unset = UNSET,
        frames: Mapping[str, Any] | Unset = UNSET,
        job_id: int | Unset | None = UNSET,
        targets: Iterable[Any] | Unset = UNSET,
        tags: Iterable[Any] | Unset = UNSET,
        scores: Iterable[Any] | Unset = UNSET,
        last_change: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> PipelineRecord:
        """``create()``, awaited."""
        return await in_thread(self._query.create, **arguments(locals()))

    async def bulk_create(
        self, items: Iterable[PipelineRecord], *, progress: bool | None = None
    ) -> list[PipelineRecord]:
        """``bulk_create()``, awaited."""
        return await in_thread(self._query.bulk_create, items, progress=progress)

    async def bulk_update(self, items: Iterable[PipelineRecord], *, progress: bool | None = None) -> int:
        """``bulk_update()``, awaited."""
        return await in_thread(self._query.bulk_update, items, progress=progress)
