"""Session: models, queries, managers. Written by `python -m tools.codegen`; do not edit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Never, overload

from storax._jobs.session import SessionBase
from storax._orm.asynchronous import AsyncObjects, AsyncQuery, in_own_thread, in_thread, iterate_rows
from storax._orm.changes import ChangeQuery
from storax._orm.fields import Field
from storax._orm.filters import Filter
from storax._orm.instance import Spec
from storax._orm.manager import Manager, Objects
from storax._orm.query import arguments
from storax._orm.query_plan import PAGE
from storax._runtime.unset import UNSET, Unset
from storax.models.job_rules import Takeable

if TYPE_CHECKING:
    from storax.models.job import Job

SessionOrdering = Literal["id", "-id", "creation_date", "-creation_date", "last_update", "-last_update"]


class Session(SessionBase):
    """A lease holder. Its leases end when it ends, or after ``ttl_sec`` seconds without a heartbeat."""

    __slots__ = ()

    _spec = Spec(
        path="sessions",
        entity="session",
        order="id",
        writable=True,
        orderings=(
            "id",
            "-id",
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
            "batch_job_id": Filter(int, "eq", many=True),
            "batch_job_id__ne": Filter(int, "ne", many=True),
            "batch_job_id__isnull": Filter(bool, "isnull"),
            "heartbeat": Filter(datetime, "eq", many=True),
            "heartbeat_before": Filter(datetime, "before"),
            "heartbeat_after": Filter(datetime, "after"),
            "heartbeat__isnull": Filter(bool, "isnull"),
            "expires_at": Filter(datetime, "eq", many=True),
            "expires_at_before": Filter(datetime, "before"),
            "expires_at_after": Filter(datetime, "after"),
            "expires_at__isnull": Filter(bool, "isnull"),
            "version": Filter(int, "eq", many=True),
            "creation_date": Filter(datetime, "eq", many=True),
            "creation_date_before": Filter(datetime, "before"),
            "creation_date_after": Filter(datetime, "after"),
            "last_update": Filter(datetime, "eq", many=True),
            "last_update_before": Filter(datetime, "before"),
            "last_update_after": Filter(datetime, "after"),
        },
    )

    objects: ClassVar[Objects[SessionManager]] = Objects(lambda: SessionManager)
    aobjects: ClassVar[AsyncObjects[AsyncSessionManager]] = AsyncObjects(lambda: AsyncSessionManager)

    id: Field[int | None] = Field(int, doc="Server id.")
    """Server id."""
    site_id: Field[int] = Field(int, settable="create", required=True, doc="Site whose jobs it acquires.")
    """Site whose jobs it acquires."""
    batch_job_id: Field[int | None] = Field(int | None, settable="create", doc="BatchJob it runs in.")
    """BatchJob it runs in."""
    ttl_sec: Field[int] = Field(int, settable="create", default=60, doc="Seconds without heartbeat until it expires.")
    """Seconds without heartbeat until it expires."""
    heartbeat: Field[datetime | None] = Field(datetime | None, doc="Time of the last heartbeat.")
    """Time of the last heartbeat."""
    expires_at: Field[datetime | None] = Field(
        datetime | None, doc="Time at which its leases end without a further heartbeat."
    )
    """Time at which its leases end without a further heartbeat."""
    version: Field[int] = Field(int, doc="Number of changes so far; 1 at creation.")
    """Number of changes so far; 1 at creation."""
    creation_date: Field[datetime] = Field(datetime, doc="When it was created.")
    """When it was created."""
    last_update: Field[datetime] = Field(datetime, doc="When it last changed.")
    """When it last changed."""

    def __init__(
        self, *, site_id: int, batch_job_id: int | Unset | None = UNSET, ttl_sec: int | Unset = UNSET, **unknown: Never
    ) -> None:
        """A lease holder. Its leases end when it ends, or after ``ttl_sec`` seconds without a heartbeat. Unsaved until ``save()``.

        Args:
            site_id: Site whose jobs it acquires.
            batch_job_id: BatchJob it runs in.
            ttl_sec: Seconds without heartbeat until it expires. Default: 60.
        """
        self._fill(locals())

    async def aacquire_jobs(
        self,
        *,
        max_num_jobs: int = 1,
        max_wall_time_min: int | None = None,
        max_nodes_per_job: int | None = None,
        max_aggregate_nodes: float | None = None,
        serial_only: bool = False,
        sort_by: Literal["long_large_first"] | None = None,
        filter_tags: Mapping[str, str] | None = None,
        states: Iterable[Takeable] | None = None,
        app_ids: Iterable[int] | None = None,
        wait: float = 0,
    ) -> list[Job]:
        """``acquire_jobs()``, awaited."""
        return await in_own_thread(
            self.acquire_jobs,
            max_num_jobs=max_num_jobs,
            max_wall_time_min=max_wall_time_min,
            max_nodes_per_job=max_nodes_per_job,
            max_aggregate_nodes=max_aggregate_nodes,
            serial_only=serial_only,
            sort_by=sort_by,
            filter_tags=filter_tags,
            states=states,
            app_ids=app_ids,
            wait=wait,
        )

    async def atick(self) -> list[dict[str, Any]]:
        """``tick()``, awaited."""
        return await in_thread(self.tick)

    async def areport(self, reports: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """``report()``, awaited."""
        return await in_thread(self.report, reports)

    async def arefresh_from_db(self) -> None:
        """``refresh_from_db()``, awaited."""
        return await in_thread(self.refresh_from_db)

    async def adelete(self) -> None:
        """``delete()``, awaited."""
        return await in_thread(self.delete)


class SessionQuery(ChangeQuery[Session]):
    """A lazy query of Sessions."""

    _model = Session

    def filter(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        batch_job_id: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__ne: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__isnull: bool | Unset = UNSET,
        heartbeat: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        heartbeat_before: datetime | str | Unset = UNSET,
        heartbeat_after: datetime | str | Unset = UNSET,
        heartbeat__isnull: bool | Unset = UNSET,
        expires_at: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        expires_at_before: datetime | str | Unset = UNSET,
        expires_at_after: datetime | str | Unset = UNSET,
        expires_at__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> SessionQuery:
        """Keep only those that pass all of these filters, and those before.

        Args:
            id: Equal to this id, or to any of a list.
            id__ne: Not this id, nor any of a list.
            id__gt: id above this.
            id__lt: id below this.
            site_id: Equal to this site_id, or to any of a list.
            site_id__ne: Not this site_id, nor any of a list.
            batch_job_id: Equal to this batch_job_id, or to any of a list.
            batch_job_id__ne: Not this batch_job_id, nor any of a list.
            batch_job_id__isnull: Whether batch_job_id is null.
            heartbeat: Equal to this heartbeat, or to any of a list.
            heartbeat_before: heartbeat before this time.
            heartbeat_after: heartbeat after this time.
            heartbeat__isnull: Whether heartbeat is null.
            expires_at: Equal to this expires_at, or to any of a list.
            expires_at_before: expires_at before this time.
            expires_at_after: expires_at after this time.
            expires_at__isnull: Whether expires_at is null.
            version: Equal to this version, or to any of a list.
            creation_date: Equal to this creation_date, or to any of a list.
            creation_date_before: creation_date before this time.
            creation_date_after: creation_date after this time.
            last_update: Equal to this last_update, or to any of a list.
            last_update_before: last_update before this time.
            last_update_after: last_update after this time.
        """
        query: SessionQuery = self._filter(locals())
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
        batch_job_id: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__ne: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__isnull: bool | Unset = UNSET,
        heartbeat: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        heartbeat_before: datetime | str | Unset = UNSET,
        heartbeat_after: datetime | str | Unset = UNSET,
        heartbeat__isnull: bool | Unset = UNSET,
        expires_at: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        expires_at_before: datetime | str | Unset = UNSET,
        expires_at_after: datetime | str | Unset = UNSET,
        expires_at__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> SessionQuery:
        """Exclude those that pass all of these filters at once; the arguments are those of ``filter()``."""
        query: SessionQuery = self._exclude(locals())
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
        batch_job_id: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__ne: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__isnull: bool | Unset = UNSET,
        heartbeat: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        heartbeat_before: datetime | str | Unset = UNSET,
        heartbeat_after: datetime | str | Unset = UNSET,
        heartbeat__isnull: bool | Unset = UNSET,
        expires_at: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        expires_at_before: datetime | str | Unset = UNSET,
        expires_at_after: datetime | str | Unset = UNSET,
        expires_at__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> Session:
        """Return the one that passes these filters; the arguments are those of ``filter()``.

        Raises:
            DoesNotExist: None does.
            MultipleObjectsReturned: More than one does.
        """
        return self._get(locals())

    def all(self) -> SessionQuery:
        """Return the same query, not yet read; of a manager: a query of all records."""
        query: SessionQuery = self._derive(self._plan)
        return query

    def order_by(self, *fields: SessionOrdering) -> SessionQuery:
        """Return the query ordered by these fields, ``-`` before a name for descending; by none: the server's order."""
        query: SessionQuery = self._order_by(fields)
        return query

    @overload
    def __getitem__(self, index: int) -> Session: ...
    @overload
    def __getitem__(self, index: slice) -> SessionQuery: ...
    def __getitem__(self, index: int | slice) -> Session | SessionQuery:
        result: Session | SessionQuery = self._item(index)
        return result

    def delete(self) -> int:
        """Delete all that match, on the server; their events stay. Return the number deleted.

        Raises:
            SlicedQuery: The query was sliced.
        """
        return self._delete()


class SessionManager(Manager[Session], SessionQuery):
    """Where queries of Sessions begin."""

    _queries = SessionQuery

    def create(
        self, *, site_id: int, batch_job_id: int | Unset | None = UNSET, ttl_sec: int | Unset = UNSET, **unknown: Never
    ) -> Session:
        """Make one and save it; the arguments are those of ``Session()``."""
        return self._create(locals())

    def bulk_create(self, items: Iterable[Session], *, progress: bool | None = None) -> list[Session]:
        """Save many records, 10,000 in one request, all or none of each request. Fill in their ids and return them.

        Args:
            items: Unsaved ones.
            progress: Show a bar on stderr; by default on a terminal, beyond one request.
        """
        return self._bulk_create(items, progress)


SessionQuery._queries = SessionQuery


class AsyncSessionQuery(AsyncQuery[Session]):
    """A query of Sessions whose calls are awaited."""

    def filter(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        batch_job_id: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__ne: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__isnull: bool | Unset = UNSET,
        heartbeat: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        heartbeat_before: datetime | str | Unset = UNSET,
        heartbeat_after: datetime | str | Unset = UNSET,
        heartbeat__isnull: bool | Unset = UNSET,
        expires_at: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        expires_at_before: datetime | str | Unset = UNSET,
        expires_at_after: datetime | str | Unset = UNSET,
        expires_at__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncSessionQuery:
        """``filter()`` of the query; it sends no request."""
        return AsyncSessionQuery(self._query.filter(**arguments(locals())))

    def exclude(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        batch_job_id: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__ne: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__isnull: bool | Unset = UNSET,
        heartbeat: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        heartbeat_before: datetime | str | Unset = UNSET,
        heartbeat_after: datetime | str | Unset = UNSET,
        heartbeat__isnull: bool | Unset = UNSET,
        expires_at: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        expires_at_before: datetime | str | Unset = UNSET,
        expires_at_after: datetime | str | Unset = UNSET,
        expires_at__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncSessionQuery:
        """``exclude()`` of the query; it sends no request."""
        return AsyncSessionQuery(self._query.exclude(**arguments(locals())))

    def all(self) -> AsyncSessionQuery:
        """``all()`` of the query; it sends no request."""
        return AsyncSessionQuery(self._query.all())

    def order_by(self, *fields: SessionOrdering) -> AsyncSessionQuery:
        """``order_by()`` of the query; it sends no request."""
        return AsyncSessionQuery(self._query.order_by(*fields))

    def __getitem__(self, index: slice) -> AsyncSessionQuery:
        return AsyncSessionQuery(self._part(index))

    async def get(
        self,
        *,
        id: int | Iterable[int] | Unset | None = UNSET,
        id__ne: int | Iterable[int] | Unset = UNSET,
        id__gt: int | Unset = UNSET,
        id__lt: int | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset = UNSET,
        batch_job_id: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__ne: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id__isnull: bool | Unset = UNSET,
        heartbeat: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        heartbeat_before: datetime | str | Unset = UNSET,
        heartbeat_after: datetime | str | Unset = UNSET,
        heartbeat__isnull: bool | Unset = UNSET,
        expires_at: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        expires_at_before: datetime | str | Unset = UNSET,
        expires_at_after: datetime | str | Unset = UNSET,
        expires_at__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> Session:
        """``get()``, awaited."""
        return await in_thread(self._query.get, **arguments(locals()))

    async def delete(self) -> int:
        """``delete()``, awaited."""
        return await in_thread(self._query.delete)

    def iterator(self, chunk_size: int = PAGE) -> AsyncIterator[Session]:
        """``iterator()``, awaited."""
        return iterate_rows(lambda: self._query.iterator(chunk_size))

    async def first(self) -> Session | None:
        """``first()``, awaited."""
        return await in_thread(self._query.first)

    async def last(self) -> Session | None:
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

    async def in_bulk(self, ids: Iterable[int] | None = None) -> dict[int, Session]:
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


class AsyncSessionManager(AsyncSessionQuery):
    """``Session.aobjects``: where awaited queries of Sessions begin."""

    async def create(
        self, *, site_id: int, batch_job_id: int | Unset | None = UNSET, ttl_sec: int | Unset = UNSET, **unknown: Never
    ) -> Session:
        """``create()``, awaited."""
        return await in_thread(self._query.create, **arguments(locals()))

    async def bulk_create(self, items: Iterable[Session], *, progress: bool | None = None) -> list[Session]:
        """``bulk_create()``, awaited."""
        return await in_thread(self._query.bulk_create, items, progress=progress)
