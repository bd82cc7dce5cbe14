"""SavedView: models, queries, managers. Written by `python -m tools.codegen`; do not edit."""

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

SavedViewOrdering = Literal[
    "id", "-id", "name", "-name", "creation_date", "-creation_date", "last_update", "-last_update"
]


class SavedView(Model):
    """A named query of jobs: filters, order and columns, as in the URL of the page Jobs and of ``GET /jobs/``."""

    __slots__ = ()

    _spec = Spec(
        path="saved-views",
        entity="saved_view",
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
            "version": Filter(int, "eq", many=True),
            "creation_date": Filter(datetime, "eq", many=True),
            "creation_date_before": Filter(datetime, "before"),
            "creation_date_after": Filter(datetime, "after"),
            "last_update": Filter(datetime, "eq", many=True),
            "last_update_before": Filter(datetime, "before"),
            "last_update_after": Filter(datetime, "after"),
        },
    )

    objects: ClassVar[Objects[SavedViewManager]] = Objects(lambda: SavedViewManager)
    aobjects: ClassVar[AsyncObjects[AsyncSavedViewManager]] = AsyncObjects(lambda: AsyncSavedViewManager)

    id: Field[int | None] = Field(int, doc="Server id.")
    """Server id."""
    name: Field[str] = Field(str, settable="always", required=True, doc="Unique among the owner's saved views.")
    """Unique among the owner's saved views."""
    query: Field[str] = Field(
        str,
        settable="always",
        required=True,
        doc="Parameters of GET /jobs/ as in a URL, such as state=FAILED&ordering=-id: filters, exclude, ordering, fields, limit and as_of. Empty: all jobs.",
    )
    """Parameters of GET /jobs/ as in a URL, such as state=FAILED&ordering=-id: filters, exclude, ordering, fields, limit and as_of. Empty: all jobs."""
    version: Field[int] = Field(int, doc="Number of changes so far; 1 at creation.")
    """Number of changes so far; 1 at creation."""
    creation_date: Field[datetime] = Field(datetime, doc="When it was created.")
    """When it was created."""
    last_update: Field[datetime] = Field(datetime, doc="When it last changed.")
    """When it last changed."""

    def __init__(self, *, name: str, query: str, **unknown: Never) -> None:
        """A named query of jobs: filters, order and columns, as in the URL of the page Jobs and of ``GET /jobs/``. Unsaved until ``save()``.

        Args:
            name: Unique among the owner's saved views.
            query: Parameters of GET /jobs/ as in a URL, such as state=FAILED&ordering=-id: filters, exclude,
                ordering, fields, limit and as_of. Empty: all jobs.
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


class SavedViewQuery(ChangeQuery[SavedView]):
    """A lazy query of SavedViews."""

    _model = SavedView

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
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> SavedViewQuery:
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
            version: Equal to this version, or to any of a list.
            creation_date: Equal to this creation_date, or to any of a list.
            creation_date_before: creation_date before this time.
            creation_date_after: creation_date after this time.
            last_update: Equal to this last_update, or to any of a list.
            last_update_before: last_update before this time.
            last_update_after: last_update after this time.
        """
        query: SavedViewQuery = self._filter(locals())
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
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> SavedViewQuery:
        """Exclude those that pass all of these filters at once; the arguments are those of ``filter()``."""
        query: SavedViewQuery = self._exclude(locals())
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
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> SavedView:
        """Return the one that passes these filters; the arguments are those of ``filter()``.

        Raises:
            DoesNotExist: None does.
            MultipleObjectsReturned: More than one does.
        """
        return self._get(locals())

    def all(self) -> SavedViewQuery:
        """Return the same query, not yet read; of a manager: a query of all records."""
        query: SavedViewQuery = self._derive(self._plan)
        return query

    def order_by(self, *fields: SavedViewOrdering) -> SavedViewQuery:
        """Return the query ordered by these fields, ``-`` before a name for descending; by none: the server's order."""
        query: SavedViewQuery = self._order_by(fields)
        return query

    @overload
    def __getitem__(self, index: int) -> SavedView: ...
    @overload
    def __getitem__(self, index: slice) -> SavedViewQuery: ...
    def __getitem__(self, index: int | slice) -> SavedView | SavedViewQuery:
        result: SavedView | SavedViewQuery = self._item(index)
        return result

    def update(self, *, name: str | Unset = UNSET, query: str | Unset = UNSET, **unknown: Never) -> int:
        """Change all that match, on the server, in one step, and return their number.

        Args:
            name: Unique among the owner's saved views.
            query: Parameters of GET /jobs/ as in a URL, such as state=FAILED&ordering=-id: filters, exclude,
                ordering, fields, limit and as_of. Empty: all jobs.

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


class SavedViewManager(Manager[SavedView], SavedViewQuery):
    """Where queries of SavedViews begin."""

    _queries = SavedViewQuery

    def create(self, *, name: str, query: str, **unknown: Never) -> SavedView:
        """Make one and save it; the arguments are those of ``SavedView()``."""
        return self._create(locals())

    def bulk_create(self, items: Iterable[SavedView], *, progress: bool | None = None) -> list[SavedView]:
        """Save many records, 10,000 in one request, all or none of each request. Fill in their ids and return them.

        Args:
            items: Unsaved ones.
            progress: Show a bar on stderr; by default on a terminal, beyond one request.
        """
        return self._bulk_create(items, progress)

    def bulk_update(self, items: Iterable[SavedView], *, progress: bool | None = None) -> int:
        """Save the changes of many records, 10,000 in one request, all or none of each. Return how many had any.

        Args:
            items: Saved ones; what changed in each is sent, and ``version`` and ``last_update`` come back.
            progress: Show a bar on stderr; by default on a terminal, beyond one request.
        """
        return self._bulk_update(items, force=False, progress=progress)


SavedViewQuery._queries = SavedViewQuery


class AsyncSavedViewQuery(AsyncQuery[SavedView]):
    """A query of SavedViews whose calls are awaited."""

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
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncSavedViewQuery:
        """``filter()`` of the query; it sends no request."""
        return AsyncSavedViewQuery(self._query.filter(**arguments(locals())))

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
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncSavedViewQuery:
        """``exclude()`` of the query; it sends no request."""
        return AsyncSavedViewQuery(self._query.exclude(**arguments(locals())))

    def all(self) -> AsyncSavedViewQuery:
        """``all()`` of the query; it sends no request."""
        return AsyncSavedViewQuery(self._query.all())

    def order_by(self, *fields: SavedViewOrdering) -> AsyncSavedViewQuery:
        """``order_by()`` of the query; it sends no request."""
        return AsyncSavedViewQuery(self._query.order_by(*fields))

    def __getitem__(self, index: slice) -> AsyncSavedViewQuery:
        return AsyncSavedViewQuery(self._part(index))

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
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> SavedView:
        """``get()``, awaited."""
        return await in_thread(self._query.get, **arguments(locals()))

    async def update(self, *, name: str | Unset = UNSET, query: str | Unset = UNSET, **unknown: Never) -> int:
        """``update()``, awaited."""
        return await in_thread(self._query.update, **arguments(locals()))

    async def delete(self) -> int:
        """``delete()``, awaited."""
        return await in_thread(self._query.delete)

    def iterator(self, chunk_size: int = PAGE) -> AsyncIterator[SavedView]:
        """``iterator()``, awaited."""
        return iterate_rows(lambda: self._query.iterator(chunk_size))

    async def first(self) -> SavedView | None:
        """``first()``, awaited."""
        return await in_thread(self._query.first)

    async def last(self) -> SavedView | None:
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

    async def in_bulk(self, ids: Iterable[int] | None = None) -> dict[int, SavedView]:
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


class AsyncSavedViewManager(AsyncSavedViewQuery):
    """``SavedView.aobjects``: where awaited queries of SavedViews begin."""

    async def create(self, *, name: str, query: str, **unknown: Never) -> SavedView:
        """``create()``, awaited."""
        return await in_thread(self._query.create, **arguments(locals()))

    async def bulk_create(self, items: Iterable[SavedView], *, progress: bool | None = None) -> list[SavedView]:
        """``bulk_create()``, awaited."""
        return await in_thread(self._query.bulk_create, items, progress=progress)

    async def bulk_update(self, items: Iterable[SavedView], *, progress: bool | None = None) -> int:
        """``bulk_update()``, awaited."""
        return await in_thread(self._query.bulk_update, items, progress=progress)
