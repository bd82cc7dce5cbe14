"""DataFrameRecord: models, queries, managers. Written by `python -m tools.codegen`; do not edit."""

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

DataFrameRecordOrdering = Literal[
    "id",
    "-id",
    "project_id",
    "-project_id",
    "name",
    "-name",
    "nrows",
    "-nrows",
    "nbytes",
    "-nbytes",
    "creation_date",
    "-creation_date",
    "last_update",
    "-last_update",
]


class DataFrameRecord(Model):
    """The catalogue's description of a data frame. Its rows are in the engine."""

    __slots__ = ()

    _spec = Spec(
        path="data-frames",
        entity="data_frame",
        order="id",
        writable=True,
        orderings=(
            "id",
            "-id",
            "project_id",
            "-project_id",
            "name",
            "-name",
            "nrows",
            "-nrows",
            "nbytes",
            "-nbytes",
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
            "nrows": Filter(int, "eq", many=True),
            "nrows__ne": Filter(int, "ne", many=True),
            "nrows__gt": Filter(int, "gt"),
            "nrows__gte": Filter(int, "gte"),
            "nrows__lt": Filter(int, "lt"),
            "nrows__lte": Filter(int, "lte"),
            "nbytes": Filter(int, "eq", many=True),
            "nbytes__ne": Filter(int, "ne", many=True),
            "nbytes__gt": Filter(int, "gt"),
            "nbytes__gte": Filter(int, "gte"),
            "nbytes__lt": Filter(int, "lt"),
            "nbytes__lte": Filter(int, "lte"),
            "in_memory": Filter(bool, "eq", many=True),
            "edition": Filter(int, "eq", many=True),
            "edition__ne": Filter(int, "ne", many=True),
            "edition__gt": Filter(int, "gt"),
            "edition__gte": Filter(int, "gte"),
            "edition__lt": Filter(int, "lt"),
            "edition__lte": Filter(int, "lte"),
            "saved_edition": Filter(int, "eq", many=True),
            "saved_edition__ne": Filter(int, "ne", many=True),
            "saved_edition__gt": Filter(int, "gt"),
            "saved_edition__gte": Filter(int, "gte"),
            "saved_edition__lt": Filter(int, "lt"),
            "saved_edition__lte": Filter(int, "lte"),
            "saved_edition__isnull": Filter(bool, "isnull"),
            "version": Filter(int, "eq", many=True),
            "creation_date": Filter(datetime, "eq", many=True),
            "creation_date_before": Filter(datetime, "before"),
            "creation_date_after": Filter(datetime, "after"),
            "last_update": Filter(datetime, "eq", many=True),
            "last_update_before": Filter(datetime, "before"),
            "last_update_after": Filter(datetime, "after"),
        },
    )

    objects: ClassVar[Objects[DataFrameRecordManager]] = Objects(lambda: DataFrameRecordManager)
    aobjects: ClassVar[AsyncObjects[AsyncDataFrameRecordManager]] = AsyncObjects(lambda: AsyncDataFrameRecordManager)

    id: Field[int | None] = Field(int, doc="Server id.")
    """Server id."""
    project_id: Field[int] = Field(int, settable="create", required=True, doc="Project it belongs to.")
    """Project it belongs to."""
    name: Field[str] = Field(str, settable="create", required=True, doc="Unique in its project.")
    """Unique in its project."""
    columns: Field[list[Any]] = Field(
        list[Any],
        settable="always",
        default=[],
        doc="[{name, role, dtype, unit}], in their order; subroles too, of a column that has some.",
    )
    """[{name, role, dtype, unit}], in their order; subroles too, of a column that has some."""
    nrows: Field[int] = Field(int, settable="always", default=0, doc="Number of rows.")
    """Number of rows."""
    nbytes: Field[int] = Field(int, settable="always", default=0, doc="Bytes of its columns in memory.")
    """Bytes of its columns in memory."""
    in_memory: Field[bool] = Field(bool, settable="always", default=True, doc="Whether the engine holds it in memory.")
    """Whether the engine holds it in memory."""
    edition: Field[int] = Field(
        int, settable="always", default=1, doc="Number of changes of its rows, columns and roles so far; 1 at creation."
    )
    """Number of changes of its rows, columns and roles so far; 1 at creation."""
    saved_edition: Field[int | None] = Field(
        int | None, settable="always", doc="Edition on the engine's disk; null: never saved."
    )
    """Edition on the engine's disk; null: never saved."""
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
        columns: Iterable[Any] | Unset = UNSET,
        nrows: int | Unset = UNSET,
        nbytes: int | Unset = UNSET,
        in_memory: bool | Unset = UNSET,
        edition: int | Unset = UNSET,
        saved_edition: int | Unset | None = UNSET,
        last_change: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> None:
        """The catalogue's description of a data frame. Its rows are in the engine. Unsaved until ``save()``.

        Args:
            project_id: Project it belongs to.
            name: Unique in its project.
            columns: [{name, role, dtype, unit}], in their order; subroles too, of a column that has some.
            nrows: Number of rows. Default: 0.
            nbytes: Bytes of its columns in memory. Default: 0.
            in_memory: Whether the engine holds it in memory. Default: True.
            edition: Number of changes of its rows, columns and roles so far; 1 at creation. Default: 1.
            saved_edition: Edition on the engine's disk; null: never saved.
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


class DataFrameRecordQuery(ChangeQuery[DataFrameRecord]):
    """A lazy query of DataFrameRecords."""

    _model = DataFrameRecord

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
        nrows: int | Iterable[int] | Unset = UNSET,
        nrows__ne: int | Iterable[int] | Unset = UNSET,
        nrows__gt: int | Unset = UNSET,
        nrows__gte: int | Unset = UNSET,
        nrows__lt: int | Unset = UNSET,
        nrows__lte: int | Unset = UNSET,
        nbytes: int | Iterable[int] | Unset = UNSET,
        nbytes__ne: int | Iterable[int] | Unset = UNSET,
        nbytes__gt: int | Unset = UNSET,
        nbytes__gte: int | Unset = UNSET,
        nbytes__lt: int | Unset = UNSET,
        nbytes__lte: int | Unset = UNSET,
        in_memory: bool | Iterable[bool] | Unset = UNSET,
        edition: int | Iterable[int] | Unset = UNSET,
        edition__ne: int | Iterable[int] | Unset = UNSET,
        edition__gt: int | Unset = UNSET,
        edition__gte: int | Unset = UNSET,
        edition__lt: int | Unset = UNSET,
        edition__lte: int | Unset = UNSET,
        saved_edition: int | Iterable[int] | Unset | None = UNSET,
        saved_edition__ne: int | Iterable[int] | Unset | None = UNSET,
        saved_edition__gt: int | Unset = UNSET,
        saved_edition__gte: int | Unset = UNSET,
        saved_edition__lt: int | Unset = UNSET,
        saved_edition__lte: int | Unset = UNSET,
        saved_edition__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> DataFrameRecordQuery:
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
            nrows: Equal to this nrows, or to any of a list.
            nrows__ne: Not this nrows, nor any of a list.
            nrows__gt: nrows above this.
            nrows__gte: nrows at or above this.
            nrows__lt: nrows below this.
            nrows__lte: nrows at or below this.
            nbytes: Equal to this nbytes, or to any of a list.
            nbytes__ne: Not this nbytes, nor any of a list.
            nbytes__gt: nbytes above this.
            nbytes__gte: nbytes at or above this.
            nbytes__lt: nbytes below this.
            nbytes__lte: nbytes at or below this.
            in_memory: Equal to this in_memory, or to any of a list.
            edition: Equal to this edition, or to any of a list.
            edition__ne: Not this edition, nor any of a list.
            edition__gt: edition above this.
            edition__gte: edition at or above this.
            edition__lt: edition below this.
            edition__lte: edition at or below this.
            saved_edition: Equal to this saved_edition, or to any of a list.
            saved_edition__ne: Not this saved_edition, nor any of a list.
            saved_edition__gt: saved_edition above this.
            saved_edition__gte: saved_edition at or above this.
            saved_edition__lt: saved_edition below this.
            saved_edition__lte: saved_edition at or below this.
            saved_edition__isnull: Whether saved_edition is null.
            version: Equal to this version, or to any of a list.
            creation_date: Equal to this creation_date, or to any of a list.
            creation_date_before: creation_date before this time.
            creation_date_after: creation_date after this time.
            last_update: Equal to this last_update, or to any of a list.
            last_update_before: last_update before this time.
            last_update_after: last_update after this time.
        """
        query: DataFrameRecordQuery = self._filter(locals())
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
        nrows: int | Iterable[int] | Unset = UNSET,
        nrows__ne: int | Iterable[int] | Unset = UNSET,
        nrows__gt: int | Unset = UNSET,
        nrows__gte: int | Unset = UNSET,
        nrows__lt: int | Unset = UNSET,
        nrows__lte: int | Unset = UNSET,
        nbytes: int | Iterable[int] | Unset = UNSET,
        nbytes__ne: int | Iterable[int] | Unset = UNSET,
        nbytes__gt: int | Unset = UNSET,
        nbytes__gte: int | Unset = UNSET,
        nbytes__lt: int | Unset = UNSET,
        nbytes__lte: int | Unset = UNSET,
        in_memory: bool | Iterable[bool] | Unset = UNSET,
        edition: int | Iterable[int] | Unset = UNSET,
        edition__ne: int | Iterable[int] | Unset = UNSET,
        edition__gt: int | Unset = UNSET,
        edition__gte: int | Unset = UNSET,
        edition__lt: int | Unset = UNSET,
        edition__lte: int | Unset = UNSET,
        saved_edition: int | Iterable[int] | Unset | None = UNSET,
        saved_edition__ne: int | Iterable[int] | Unset | None = UNSET,
        saved_edition__gt: int | Unset = UNSET,
        saved_edition__gte: int | Unset = UNSET,
        saved_edition__lt: int | Unset = UNSET,
        saved_edition__lte: int | Unset = UNSET,
        saved_edition__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> DataFrameRecordQuery:
        """Exclude those that pass all of these filters at once; the arguments are those of ``filter()``."""
        query: DataFrameRecordQuery = self._exclude(locals())
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
        nrows: int | Iterable[int] | Unset = UNSET,
        nrows__ne: int | Iterable[int] | Unset = UNSET,
        nrows__gt: int | Unset = UNSET,
        nrows__gte: int | Unset = UNSET,
        nrows__lt: int | Unset = UNSET,
        nrows__lte: int | Unset = UNSET,
        nbytes: int | Iterable[int] | Unset = UNSET,
        nbytes__ne: int | Iterable[int] | Unset = UNSET,
        nbytes__gt: int | Unset = UNSET,
        nbytes__gte: int | Unset = UNSET,
        nbytes__lt: int | Unset = UNSET,
        nbytes__lte: int | Unset = UNSET,
        in_memory: bool | Iterable[bool] | Unset = UNSET,
        edition: int | Iterable[int] | Unset = UNSET,
        edition__ne: int | Iterable[int] | Unset = UNSET,
        edition__gt: int | Unset = UNSET,
        edition__gte: int | Unset = UNSET,
        edition__lt: int | Unset = UNSET,
        edition__lte: int | Unset = UNSET,
        saved_edition: int | Iterable[int] | Unset | None = UNSET,
        saved_edition__ne: int | Iterable[int] | Unset | None = UNSET,
        saved_edition__gt: int | Unset = UNSET,
        saved_edition__gte: int | Unset = UNSET,
        saved_edition__lt: int | Unset = UNSET,
        saved_edition__lte: int | Unset = UNSET,
        saved_edition__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> DataFrameRecord:
        """Return the one that passes these filters; the arguments are those of ``filter()``.

        Raises:
            DoesNotExist: None does.
            MultipleObjectsReturned: More than one does.
        """
        return self._get(locals())

    def all(self) -> DataFrameRecordQuery:
        """Return the same query, not yet read; of a manager: a query of all records."""
        query: DataFrameRecordQuery = self._derive(self._plan)
        return query

    def order_by(self, *fields: DataFrameRecordOrdering) -> DataFrameRecordQuery:
        """Return the query ordered by these fields, ``-`` before a name for descending; by none: the server's order."""
        query: DataFrameRecordQuery = self._order_by(fields)
        return query

    @overload
    def __getitem__(self, index: int) -> DataFrameRecord: ...
    @overload
    def __getitem__(self, index: slice) -> DataFrameRecordQuery: ...
    def __getitem__(self, index: int | slice) -> DataFrameRecord | DataFrameRecordQuery:
        result: DataFrameRecord | DataFrameRecordQuery = self._item(index)
        return result

    def update(
        self,
        *,
        columns: Iterable[Any] | Unset = UNSET,
        nrows: int | Unset = UNSET,
        nbytes: int | Unset = UNSET,
        in_memory: bool | Unset = UNSET,
        edition: int | Unset = UNSET,
        saved_edition: int | Unset | None = UNSET,
        last_change: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> int:
        """Change all that match, on the server, in one step, and return their number.

        Args:
            columns: [{name, role, dtype, unit}], in their order; subroles too, of a column that has some.
            nrows: Number of rows.
            nbytes: Bytes of its columns in memory.
            in_memory: Whether the engine holds it in memory.
            edition: Number of changes of its rows, columns and roles so far; 1 at creation.
            saved_edition: Edition on the engine's disk; null: never saved.
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


class DataFrameRecordManager(Manager[DataFrameRecord], DataFrameRecordQuery):
    """Where queries of DataFrameRecords begin."""

    _queries = DataFrameRecordQuery

    def create(
        self,
        *,
        project_id: int,
        name: str,
        columns: Iterable[Any] | Unset = UNSET,
        nrows: int | Unset = UNSET,
        nbytes: int | Unset = UNSET,
        in_memory: bool | Unset = UNSET,
        edition: int | Unset = UNSET,
        saved_edition: int | Unset | None = UNSET,
        last_change: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> DataFrameRecord:
        """Make one and save it; the arguments are those of ``DataFrameRecord()``."""
        return self._create(locals())

    def bulk_create(self, items: Iterable[DataFrameRecord], *, progress: bool | None = None) -> list[DataFrameRecord]:
        """Save many records, 10,000 in one request, all or none of each request. Fill in their ids and return them.

        Args:
            items: Unsaved ones.
            progress: Show a bar on stderr; by default on a terminal, beyond one request.
        """
        return self._bulk_create(items, progress)

    def bulk_update(self, items: Iterable[DataFrameRecord], *, progress: bool | None = None) -> int:
        """Save the changes of many records, 10,000 in one request, all or none of each. Return how many had any.

        Args:
            items: Saved ones; what changed in each is sent, and ``version`` and ``last_update`` come back.
            progress: Show a bar on stderr; by default on a terminal, beyond one request.
        """
        return self._bulk_update(items, force=False, progress=progress)


DataFrameRecordQuery._queries = DataFrameRecordQuery


class AsyncDataFrameRecordQuery(AsyncQuery[DataFrameRecord]):
    """A query of DataFrameRecords whose calls are awaited."""

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
        nrows: int | Iterable[int] | Unset = UNSET,
        nrows__ne: int | Iterable[int] | Unset = UNSET,
        nrows__gt: int | Unset = UNSET,
        nrows__gte: int | Unset = UNSET,
        nrows__lt: int | Unset = UNSET,
        nrows__lte: int | Unset = UNSET,
        nbytes: int | Iterable[int] | Unset = UNSET,
        nbytes__ne: int | Iterable[int] | Unset = UNSET,
        nbytes__gt: int | Unset = UNSET,
        nbytes__gte: int | Unset = UNSET,
        nbytes__lt: int | Unset = UNSET,
        nbytes__lte: int | Unset = UNSET,
        in_memory: bool | Iterable[bool] | Unset = UNSET,
        edition: int | Iterable[int] | Unset = UNSET,
        edition__ne: int | Iterable[int] | Unset = UNSET,
        edition__gt: int | Unset = UNSET,
        edition__gte: int | Unset = UNSET,
        edition__lt: int | Unset = UNSET,
        edition__lte: int | Unset = UNSET,
        saved_edition: int | Iterable[int] | Unset | None = UNSET,
        saved_edition__ne: int | Iterable[int] | Unset | None = UNSET,
        saved_edition__gt: int | Unset = UNSET,
        saved_edition__gte: int | Unset = UNSET,
        saved_edition__lt: int | Unset = UNSET,
        saved_edition__lte: int | Unset = UNSET,
        saved_edition__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncDataFrameRecordQuery:
        """``filter()`` of the query; it sends no request."""
        return AsyncDataFrameRecordQuery(self._query.filter(**arguments(locals())))

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
        nrows: int | Iterable[int] | Unset = UNSET,
        nrows__ne: int | Iterable[int] | Unset = UNSET,
        nrows__gt: int | Unset = UNSET,
        nrows__gte: int | Unset = UNSET,
        nrows__lt: int | Unset = UNSET,
        nrows__lte: int | Unset = UNSET,
        nbytes: int | Iterable[int] | Unset = UNSET,
        nbytes__ne: int | Iterable[int] | Unset = UNSET,
        nbytes__gt: int | Unset = UNSET,
        nbytes__gte: int | Unset = UNSET,
        nbytes__lt: int | Unset = UNSET,
        nbytes__lte: int | Unset = UNSET,
        in_memory: bool | Iterable[bool] | Unset = UNSET,
        edition: int | Iterable[int] | Unset = UNSET,
        edition__ne: int | Iterable[int] | Unset = UNSET,
        edition__gt: int | Unset = UNSET,
        edition__gte: int | Unset = UNSET,
        edition__lt: int | Unset = UNSET,
        edition__lte: int | Unset = UNSET,
        saved_edition: int | Iterable[int] | Unset | None = UNSET,
        saved_edition__ne: int | Iterable[int] | Unset | None = UNSET,
        saved_edition__gt: int | Unset = UNSET,
        saved_edition__gte: int | Unset = UNSET,
        saved_edition__lt: int | Unset = UNSET,
        saved_edition__lte: int | Unset = UNSET,
        saved_edition__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncDataFrameRecordQuery:
        """``exclude()`` of the query; it sends no request."""
        return AsyncDataFrameRecordQuery(self._query.exclude(**arguments(locals())))

    def all(self) -> AsyncDataFrameRecordQuery:
        """``all()`` of the query; it sends no request."""
        return AsyncDataFrameRecordQuery(self._query.all())

    def order_by(self, *fields: DataFrameRecordOrdering) -> AsyncDataFrameRecordQuery:
        """``order_by()`` of the query; it sends no request."""
        return AsyncDataFrameRecordQuery(self._query.order_by(*fields))

    def __getitem__(self, index: slice) -> AsyncDataFrameRecordQuery:
        return AsyncDataFrameRecordQuery(self._part(index))

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
        nrows: int | Iterable[int] | Unset = UNSET,
        nrows__ne: int | Iterable[int] | Unset = UNSET,
        nrows__gt: int | Unset = UNSET,
        nrows__gte: int | Unset = UNSET,
        nrows__lt: int | Unset = UNSET,
        nrows__lte: int | Unset = UNSET,
        nbytes: int | Iterable[int] | Unset = UNSET,
        nbytes__ne: int | Iterable[int] | Unset = UNSET,
        nbytes__gt: int | Unset = UNSET,
        nbytes__gte: int | Unset = UNSET,
        nbytes__lt: int | Unset = UNSET,
        nbytes__lte: int | Unset = UNSET,
        in_memory: bool | Iterable[bool] | Unset = UNSET,
        edition: int | Iterable[int] | Unset = UNSET,
        edition__ne: int | Iterable[int] | Unset = UNSET,
        edition__gt: int | Unset = UNSET,
        edition__gte: int | Unset = UNSET,
        edition__lt: int | Unset = UNSET,
        edition__lte: int | Unset = UNSET,
        saved_edition: int | Iterable[int] | Unset | None = UNSET,
        saved_edition__ne: int | Iterable[int] | Unset | None = UNSET,
        saved_edition__gt: int | Unset = UNSET,
        saved_edition__gte: int | Unset = UNSET,
        saved_edition__lt: int | Unset = UNSET,
        saved_edition__lte: int | Unset = UNSET,
        saved_edition__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> DataFrameRecord:
        """``get()``, awaited."""
        return await in_thread(self._query.get, **arguments(locals()))

    async def update(
        self,
        *,
        columns: Iterable[Any] | Unset = UNSET,
        nrows: int | Unset = UNSET,
        nbytes: int | Unset = UNSET,
        in_memory: bool | Unset = UNSET,
        edition: int | Unset = UNSET,
        saved_edition: int | Unset | None = UNSET,
        last_change: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> int:
        """``update()``, awaited."""
        return await in_thread(self._query.update, **arguments(locals()))

    async def delete(self) -> int:
        """``delete()``, awaited."""
        return await in_thread(self._query.delete)

    def iterator(self, chunk_size: int = PAGE) -> AsyncIterator[DataFrameRecord]:
        """``iterator()``, awaited."""
        return iterate_rows(lambda: self._query.iterator(chunk_size))

    async def first(self) -> DataFrameRecord | None:
        """``first()``, awaited."""
        return await in_thread(self._query.first)

    async def last(self) -> DataFrameRecord | None:
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

    async def in_bulk(self, ids: Iterable[int] | None = None) -> dict[int, DataFrameRecord]:
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


class AsyncDataFrameRecordManager(AsyncDataFrameRecordQuery):
    """``DataFrameRecord.aobjects``: where awaited queries of DataFrameRecords begin."""

    async def create(
        self,
        *,
        project_id: int,
        name: str,
        columns: Iterable[Any] | Unset = UNSET,
        nrows: int | Unset = UNSET,
        nbytes: int | Unset = UNSET,
        in_memory: bool | Unset = UNSET,
        edition: int | Unset = UNSET,
        saved_edition: int | Unset | None = UNSET,
        last_change: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> DataFrameRecord:
        """``create()``, awaited."""
        return await in_thread(self._query.create, **arguments(locals()))

    async def bulk_create(
        self, items: Iterable[DataFrameRecord], *, progress: bool | None = None
    ) -> list[DataFrameRecord]:
        """``bulk_create()``, awaited."""
        return await in_thread(self._query.bulk_create, items, progress=progress)

    async def bulk_update(self, items: Iterable[DataFrameRecord], *, progress: bool | None = None) -> int:
        """``bulk_update()``, awaited."""
        return await in_thread(self._query.bulk_update, items, progress=progress)
