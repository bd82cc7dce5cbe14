"""ProjectRecord: models, queries, managers. Written by `python -m tools.codegen`; do not edit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
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

ProjectRecordOrdering = Literal[
    "id", "-id", "name", "-name", "creation_date", "-creation_date", "last_update", "-last_update"
]


class ProjectRecord(Model):
    """A named set of data frames and pipelines in an engine."""

    __slots__ = ()

    _spec = Spec(
        path="projects",
        entity="project",
        order="id",
        writable=True,
        orderings=(
            "id",
            "-id",
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
            "name": Filter(str, "eq", many=True),
            "name__ne": Filter(str, "ne", many=True),
            "name__contains": Filter(str, "contains"),
            "name__startswith": Filter(str, "startswith"),
            "engine": Filter(str, "eq", many=True),
            "engine__ne": Filter(str, "ne", many=True),
            "engine__contains": Filter(str, "contains"),
            "engine__startswith": Filter(str, "startswith"),
            "autosave": Filter(bool, "eq", many=True),
            "version": Filter(int, "eq", many=True),
            "creation_date": Filter(datetime, "eq", many=True),
            "creation_date_before": Filter(datetime, "before"),
            "creation_date_after": Filter(datetime, "after"),
            "last_update": Filter(datetime, "eq", many=True),
            "last_update_before": Filter(datetime, "before"),
            "last_update_after": Filter(datetime, "after"),
        },
    )

    objects: ClassVar[Objects[ProjectRecordManager]] = Objects(lambda: ProjectRecordManager)
    aobjects: ClassVar[AsyncObjects[AsyncProjectRecordManager]] = AsyncObjects(lambda: AsyncProjectRecordManager)

    id: Field[int | None] = Field(int, doc="Server id.")
    """Server id."""
    name: Field[str] = Field(str, settable="create", required=True, doc="Unique among the owner's projects.")
    """Unique among the owner's projects."""
    engine: Field[str] = Field(str, settable="always", default="", doc="Engine that last opened it, as host:folder.")
    """Engine that last opened it, as host:folder."""
    autosave: Field[bool] = Field(
        bool, settable="always", default=False, doc="Whether the engine saves each data frame after every change."
    )
    """Whether the engine saves each data frame after every change."""
    version: Field[int] = Field(int, doc="Number of changes so far; 1 at creation.")
    """Number of changes so far; 1 at creation."""
    creation_date: Field[datetime] = Field(datetime, doc="When it was created.")
    """When it was created."""
    last_update: Field[datetime] = Field(datetime, doc="When it last changed.")
    """When it last changed."""

    def __init__(
        self, *, name: str, engine: str | Unset = UNSET, autosave: bool | Unset = UNSET, **unknown: Never
    ) -> None:
        """A named set of data frames and pipelines in an engine. Unsaved until ``save()``.

        Args:
            name: Unique among the owner's projects.
            engine: Engine that last opened it, as host:folder.
            autosave: Whether the engine saves each data frame after every change. Default: False.
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


class ProjectRecordQuery(ChangeQuery[ProjectRecord]):
    """A lazy query of ProjectRecords."""

    _model = ProjectRecord

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
        engine: str | Iterable[str] | Unset = UNSET,
        engine__ne: str | Iterable[str] | Unset = UNSET,
        engine__contains: str | Unset = UNSET,
        engine__startswith: str | Unset = UNSET,
        autosave: bool | Iterable[bool] | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> ProjectRecordQuery:
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
            engine: Equal to this engine, or to any of a list.
            engine__ne: Not this engine, nor any of a list.
            engine__contains: engine contains this text.
            engine__startswith: engine starts with this text.
            autosave: Equal to this autosave, or to any of a list.
            version: Equal to this version, or to any of a list.
            creation_date: Equal to this creation_date, or to any of a list.
            creation_date_before: creation_date before this time.
            creation_date_after: creation_date after this time.
            last_update: Equal to this last_update, or to any of a list.
            last_update_before: last_update before this time.
            last_update_after: last_update after this time.
        """
        query: ProjectRecordQuery = self._filter(locals())
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
        engine: str | Iterable[str] | Unset = UNSET,
        engine__ne: str | Iterable[str] | Unset = UNSET,
        engine__contains: str | Unset = UNSET,
        engine__startswith: str | Unset = UNSET,
        autosave: bool | Iterable[bool] | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> ProjectRecordQuery:
        """Exclude those that pass all of these filters at once; the arguments are those of ``filter()``."""
        query: ProjectRecordQuery = self._exclude(locals())
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
        engine: str | Iterable[str] | Unset = UNSET,
        engine__ne: str | Iterable[str] | Unset = UNSET,
        engine__contains: str | Unset = UNSET,
        engine__startswith: str | Unset = UNSET,
        autosave: bool | Iterable[bool] | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> ProjectRecord:
        """Return the one that passes these filters; the arguments are those of ``filter()``.

        Raises:
            DoesNotExist: None does.
            MultipleObjectsReturned: More than one does.
        """
        return self._get(locals())

    def all(self) -> ProjectRecordQuery:
        """Return the same query, not yet read; of a manager: a query of all records."""
        query: ProjectRecordQuery = self._derive(self._plan)
        return query

    def order_by(self, *fields: ProjectRecordOrdering) -> ProjectRecordQuery:
        """Return the query ordered by these fields, ``-`` before a name for descending; by none: the server's order."""
        query: ProjectRecordQuery = self._order_by(fields)
        return query

    @overload
    def __getitem__(self, index: int) -> ProjectRecord: ...
    @overload
    def __getitem__(self, index: slice) -> ProjectRecordQuery: ...
    def __getitem__(self, index: int | slice) -> ProjectRecord | ProjectRecordQuery:
        result: ProjectRecord | ProjectRecordQuery = self._item(index)
        return result

    def update(self, *, engine: str | Unset = UNSET, autosave: bool | Unset = UNSET, **unknown: Never) -> int:
        """Change all that match, on the server, in one step, and return their number.

        Args:
            engine: Engine that last opened it, as host:folder.
            autosave: Whether the engine saves each data frame after every change.

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


class ProjectRecordManager(Manager[ProjectRecord], ProjectRecordQuery):
    """Where queries of ProjectRecords begin."""

    _queries = ProjectRecordQuery

    def create(
        self, *, name: str, engine: str | Unset = UNSET, autosave: bool | Unset = UNSET, **unknown: Never
    ) -> ProjectRecord:
        """Make one and save it; the arguments are those of ``ProjectRecord()``."""
        return self._create(locals())

    def bulk_create(self, items: Iterable[ProjectRecord], *, progress: bool | None = None) -> list[ProjectRecord]:
        """Save many records, 10,000 in one request, all or none of each request. Fill in their ids and return them.

        Args:
            items: Unsaved ones.
            progress: Show a bar on stderr; by default on a terminal, beyond one request.
        """
        return self._bulk_create(items, progress)

    def bulk_update(self, items: Iterable[ProjectRecord], *, progress: bool | None = None) -> int:
        """Save the changes of many records, 10,000 in one request, all or none of each. Return how many had any.

        Args:
            items: Saved ones; what changed in each is sent, and ``version`` and ``last_update`` come back.
            progress: Show a bar on stderr; by default on a terminal, beyond one request.
        """
        return self._bulk_update(items, force=False, progress=progress)


ProjectRecordQuery._queries = ProjectRecordQuery


class AsyncProjectRecordQuery(AsyncQuery[ProjectRecord]):
    """A query of ProjectRecords whose calls are awaited."""

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
        engine: str | Iterable[str] | Unset = UNSET,
        engine__ne: str | Iterable[str] | Unset = UNSET,
        engine__contains: str | Unset = UNSET,
        engine__startswith: str | Unset = UNSET,
        autosave: bool | Iterable[bool] | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncProjectRecordQuery:
        """``filter()`` of the query; it sends no request."""
        return AsyncProjectRecordQuery(self._query.filter(**arguments(locals())))

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
        engine: str | Iterable[str] | Unset = UNSET,
        engine__ne: str | Iterable[str] | Unset = UNSET,
        engine__contains: str | Unset = UNSET,
        engine__startswith: str | Unset = UNSET,
        autosave: bool | Iterable[bool] | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncProjectRecordQuery:
        """``exclude()`` of the query; it sends no request."""
        return AsyncProjectRecordQuery(self._query.exclude(**arguments(locals())))

    def all(self) -> AsyncProjectRecordQuery:
        """``all()`` of the query; it sends no request."""
        return AsyncProjectRecordQuery(self._query.all())

    def order_by(self, *fields: ProjectRecordOrdering) -> AsyncProjectRecordQuery:
        """``order_by()`` of the query; it sends no request."""
        return AsyncProjectRecordQuery(self._query.order_by(*fields))

    def __getitem__(self, index: slice) -> AsyncProjectRecordQuery:
        return AsyncProjectRecordQuery(self._part(index))

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
        engine: str | Iterable[str] | Unset = UNSET,
        engine__ne: str | Iterable[str] | Unset = UNSET,
        engine__contains: str | Unset = UNSET,
        engine__startswith: str | Unset = UNSET,
        autosave: bool | Iterable[bool] | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> ProjectRecord:
        """``get()``, awaited."""
        return await in_thread(self._query.get, **arguments(locals()))

    async def update(self, *, engine: str | Unset = UNSET, autosave: bool | Unset = UNSET, **unknown: Never) -> int:
        """``update()``, awaited."""
        return await in_thread(self._query.update, **arguments(locals()))

    async def delete(self) -> int:
        """``delete()``, awaited."""
        return await in_thread(self._query.delete)

    def iterator(self, chunk_size: int = PAGE) -> AsyncIterator[ProjectRecord]:
        """``iterator()``, awaited."""
        return iterate_rows(lambda: self._query.iterator(chunk_size))

    async def first(self) -> ProjectRecord | None:
        """``first()``, awaited."""
        return await in_thread(self._query.first)

    async def last(self) -> ProjectRecord | None:
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

    async def in_bulk(self, ids: Iterable[int] | None = None) -> dict[int, ProjectRecord]:
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


class AsyncProjectRecordManager(AsyncProjectRecordQuery):
    """``ProjectRecord.aobjects``: where awaited queries of ProjectRecords begin."""

    async def create(
        self, *, name: str, engine: str | Unset = UNSET, autosave: bool | Unset = UNSET, **unknown: Never
    ) -> ProjectRecord:
        """``create()``, awaited."""
        return await in_thread(self._query.create, **arguments(locals()))

    async def bulk_create(self, items: Iterable[ProjectRecord], *, progress: bool | None = None) -> list[ProjectRecord]:
        """``bulk_create()``, awaited."""
        return await in_thread(self._query.bulk_create, items, progress=progress)

    async def bulk_update(self, items: Iterable[ProjectRecord], *, progress: bool | None = None) -> int:
        """``bulk_update()``, awaited."""
        return await in_thread(self._query.bulk_update, items, progress=progress)
