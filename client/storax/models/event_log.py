"""EventLog: models, queries, managers. Written by `python -m tools.codegen`; do not edit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal, Never, overload
from uuid import UUID

from storax._events.asynchronous import AsyncEventStream
from storax._events.queries import EventQuery
from storax._events.stream import PATIENCE_SEC
from storax._orm.asynchronous import AsyncObjects, AsyncQuery, in_thread, iterate_rows
from storax._orm.fields import Field
from storax._orm.filters import Filter
from storax._orm.instance import Model, Spec
from storax._orm.manager import Objects
from storax._orm.query import arguments
from storax._orm.query_plan import PAGE, Positioned
from storax._runtime.unset import UNSET, Unset
from storax.errors import Unavailable

EventLogOrdering = Literal["position", "-position", "timestamp", "-timestamp"]


class EventLog(Model):
    """One change of one resource: who changed it, when, in which call, and what changed."""

    __slots__ = ()

    _spec = Spec(
        path="events",
        entity="event",
        order="-position",
        writable=False,
        orderings=(
            "position",
            "-position",
            "timestamp",
            "-timestamp",
        ),
        filters={
            "position": Filter(int, "eq", many=True),
            "position__ne": Filter(int, "ne", many=True),
            "position__gt": Filter(int, "gt"),
            "position__gte": Filter(int, "gte"),
            "position__lt": Filter(int, "lt"),
            "position__lte": Filter(int, "lte"),
            "timestamp": Filter(datetime, "eq", many=True),
            "timestamp_before": Filter(datetime, "before"),
            "timestamp_after": Filter(datetime, "after"),
            "site_id": Filter(int, "eq", many=True),
            "site_id__ne": Filter(int, "ne", many=True),
            "site_id__isnull": Filter(bool, "isnull"),
            "entity": Filter(str, "eq", many=True),
            "entity__ne": Filter(str, "ne", many=True),
            "entity_id": Filter(int, "eq", many=True),
            "entity_id__ne": Filter(int, "ne", many=True),
            "version": Filter(int, "eq", many=True),
            "version__ne": Filter(int, "ne", many=True),
            "version__gt": Filter(int, "gt"),
            "version__gte": Filter(int, "gte"),
            "version__lt": Filter(int, "lt"),
            "version__lte": Filter(int, "lte"),
            "type": Filter(str, "eq", many=True),
            "type__ne": Filter(str, "ne", many=True),
            "actor": Filter(str, "eq", many=True),
            "actor__ne": Filter(str, "ne", many=True),
            "command_id": Filter(UUID, "eq", many=True),
            "command_id__ne": Filter(UUID, "ne", many=True),
            "command_id__isnull": Filter(bool, "isnull"),
            "from_state": Filter(str, "eq", many=True),
            "from_state__ne": Filter(str, "ne", many=True),
            "from_state__isnull": Filter(bool, "isnull"),
            "to_state": Filter(str, "eq", many=True),
            "to_state__ne": Filter(str, "ne", many=True),
            "to_state__isnull": Filter(bool, "isnull"),
            "data": Filter(dict[str, Any], "contains_json"),
            "id": Filter(int, "eq", many=True),
            "job_id": Filter(int, "eq", many=True),
            "app_id": Filter(int, "eq", many=True),
            "batch_job_id": Filter(int, "eq", many=True),
            "scheduler_id": Filter(str, "eq", many=True),
            "tags": Filter(dict[str, str], "contains_json"),
        },
    )

    objects: ClassVar[Objects[EventLogManager]] = Objects(lambda: EventLogManager)
    aobjects: ClassVar[AsyncObjects[AsyncEventLogManager]] = AsyncObjects(lambda: AsyncEventLogManager)

    position: Field[int] = Field(int, doc="Position in the log; grows, with gaps.")
    """Position in the log; grows, with gaps."""
    timestamp: Field[datetime] = Field(datetime, doc="Time of the change, by the database's clock.")
    """Time of the change, by the database's clock."""
    site_id: Field[int | None] = Field(int | None, doc="Site of the resource.")
    """Site of the resource."""
    entity: Field[str] = Field(str, doc="Kind of resource: job, app, site, ...")
    """Kind of resource: job, app, site, ..."""
    entity_id: Field[int] = Field(int, doc="Id of the resource.")
    """Id of the resource."""
    version: Field[int] = Field(int, doc="Version of the resource after this event.")
    """Version of the resource after this event."""
    type: Field[str] = Field(str, doc="Type, such as job.state_changed.")
    """Type, such as job.state_changed."""
    schema_version: Field[int] = Field(int, doc="Version of this event type's data.")
    """Version of this event type's data."""
    actor: Field[str] = Field(str, doc="Who made the change: user:<id>, session:<id> or system:<part>.")
    """Who made the change: user:<id>, session:<id> or system:<part>."""
    command_id: Field[UUID | None] = Field(UUID | None, doc="Id of the call; all events of one call share it.")
    """Id of the call; all events of one call share it."""
    from_state: Field[str | None] = Field(str | None, doc="State before a transition.")
    """State before a transition."""
    to_state: Field[str | None] = Field(str | None, doc="State after a transition.")
    """State after a transition."""
    data: Field[dict[str, Any]] = Field(dict[str, Any], doc="The changed fields, and the reason.")
    """The changed fields, and the reason."""
    id: Field[int | None] = Field(int, doc="Same as position.")
    """Same as position."""
    job_id: Field[int | None] = Field(int | None, doc="Id of the job, if a job changed.")
    """Id of the job, if a job changed."""
    changes: Field[dict[str, Any]] = Field(
        dict[str, Any],
        on_request=True,
        doc="Each changed field with its values before and after: {field: {before, after}}. Lists have it on request.",
    )
    """Each changed field with its values before and after: {field: {before, after}}. Lists have it on request."""

    async def arefresh_from_db(self) -> None:
        """``refresh_from_db()``, awaited."""
        return await in_thread(self.refresh_from_db)


class EventLogQuery(EventQuery[EventLog]):
    """A lazy query of EventLogs."""

    _model = EventLog

    def filter(
        self,
        *,
        position: int | Iterable[int] | Unset = UNSET,
        position__ne: int | Iterable[int] | Unset = UNSET,
        position__gt: int | Unset = UNSET,
        position__gte: int | Unset = UNSET,
        position__lt: int | Unset = UNSET,
        position__lte: int | Unset = UNSET,
        timestamp: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        timestamp_before: datetime | str | Unset = UNSET,
        timestamp_after: datetime | str | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset | None = UNSET,
        site_id__isnull: bool | Unset = UNSET,
        entity: str | Iterable[str] | Unset = UNSET,
        entity__ne: str | Iterable[str] | Unset = UNSET,
        entity_id: int | Iterable[int] | Unset | None = UNSET,
        entity_id__ne: int | Iterable[int] | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        version__ne: int | Iterable[int] | Unset = UNSET,
        version__gt: int | Unset = UNSET,
        version__gte: int | Unset = UNSET,
        version__lt: int | Unset = UNSET,
        version__lte: int | Unset = UNSET,
        type: str | Iterable[str] | Unset = UNSET,
        type__ne: str | Iterable[str] | Unset = UNSET,
        actor: str | Iterable[str] | Unset = UNSET,
        actor__ne: str | Iterable[str] | Unset = UNSET,
        command_id: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        command_id__ne: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        command_id__isnull: bool | Unset = UNSET,
        from_state: str | Iterable[str] | Unset | None = UNSET,
        from_state__ne: str | Iterable[str] | Unset | None = UNSET,
        from_state__isnull: bool | Unset = UNSET,
        to_state: str | Iterable[str] | Unset | None = UNSET,
        to_state__ne: str | Iterable[str] | Unset | None = UNSET,
        to_state__isnull: bool | Unset = UNSET,
        data: Mapping[str, Any] | Unset = UNSET,
        id: int | Iterable[int] | Unset | None = UNSET,
        job_id: int | Iterable[int] | Unset | None = UNSET,
        app_id: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id: int | Iterable[int] | Unset | None = UNSET,
        scheduler_id: str | Iterable[str] | Unset | None = UNSET,
        tags: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> EventLogQuery:
        """Keep only those that pass all of these filters, and those before.

        Args:
            position: Equal to this position, or to any of a list.
            position__ne: Not this position, nor any of a list.
            position__gt: position above this.
            position__gte: position at or above this.
            position__lt: position below this.
            position__lte: position at or below this.
            timestamp: Equal to this timestamp, or to any of a list.
            timestamp_before: timestamp before this time.
            timestamp_after: timestamp after this time.
            site_id: Equal to this site_id, or to any of a list.
            site_id__ne: Not this site_id, nor any of a list.
            site_id__isnull: Whether site_id is null.
            entity: Equal to this entity, or to any of a list.
            entity__ne: Not this entity, nor any of a list.
            entity_id: Equal to this entity_id, or to any of a list.
            entity_id__ne: Not this entity_id, nor any of a list.
            version: Equal to this version, or to any of a list.
            version__ne: Not this version, nor any of a list.
            version__gt: version above this.
            version__gte: version at or above this.
            version__lt: version below this.
            version__lte: version at or below this.
            type: Equal to this type, or to any of a list.
            type__ne: Not this type, nor any of a list.
            actor: Equal to this actor, or to any of a list.
            actor__ne: Not this actor, nor any of a list.
            command_id: Equal to this command_id, or to any of a list.
            command_id__ne: Not this command_id, nor any of a list.
            command_id__isnull: Whether command_id is null.
            from_state: Equal to this from_state, or to any of a list.
            from_state__ne: Not this from_state, nor any of a list.
            from_state__isnull: Whether from_state is null.
            to_state: Equal to this to_state, or to any of a list.
            to_state__ne: Not this to_state, nor any of a list.
            to_state__isnull: Whether to_state is null.
            data: data contains all of these keys and values.
            id: Same as position.
            job_id: Events of this job.
            app_id: Events of jobs of this App, or of any of a list. Events of a job that is deleted match
                until its first is archived.
            batch_job_id: Events of jobs that this BatchJob leased, also if they were deleted or ran in
                another later.
            scheduler_id: As batch_job_id, by the BatchJob's id at the scheduler.
            tags: Events of jobs whose tags contain all of these, now or at their deletion.
        """
        query: EventLogQuery = self._filter(locals())
        return query

    def exclude(
        self,
        *,
        position: int | Iterable[int] | Unset = UNSET,
        position__ne: int | Iterable[int] | Unset = UNSET,
        position__gt: int | Unset = UNSET,
        position__gte: int | Unset = UNSET,
        position__lt: int | Unset = UNSET,
        position__lte: int | Unset = UNSET,
        timestamp: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        timestamp_before: datetime | str | Unset = UNSET,
        timestamp_after: datetime | str | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset | None = UNSET,
        site_id__isnull: bool | Unset = UNSET,
        entity: str | Iterable[str] | Unset = UNSET,
        entity__ne: str | Iterable[str] | Unset = UNSET,
        entity_id: int | Iterable[int] | Unset | None = UNSET,
        entity_id__ne: int | Iterable[int] | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        version__ne: int | Iterable[int] | Unset = UNSET,
        version__gt: int | Unset = UNSET,
        version__gte: int | Unset = UNSET,
        version__lt: int | Unset = UNSET,
        version__lte: int | Unset = UNSET,
        type: str | Iterable[str] | Unset = UNSET,
        type__ne: str | Iterable[str] | Unset = UNSET,
        actor: str | Iterable[str] | Unset = UNSET,
        actor__ne: str | Iterable[str] | Unset = UNSET,
        command_id: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        command_id__ne: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        command_id__isnull: bool | Unset = UNSET,
        from_state: str | Iterable[str] | Unset | None = UNSET,
        from_state__ne: str | Iterable[str] | Unset | None = UNSET,
        from_state__isnull: bool | Unset = UNSET,
        to_state: str | Iterable[str] | Unset | None = UNSET,
        to_state__ne: str | Iterable[str] | Unset | None = UNSET,
        to_state__isnull: bool | Unset = UNSET,
        data: Mapping[str, Any] | Unset = UNSET,
        id: int | Iterable[int] | Unset | None = UNSET,
        job_id: int | Iterable[int] | Unset | None = UNSET,
        app_id: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id: int | Iterable[int] | Unset | None = UNSET,
        scheduler_id: str | Iterable[str] | Unset | None = UNSET,
        tags: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> EventLogQuery:
        """Exclude those that pass all of these filters at once; the arguments are those of ``filter()``."""
        query: EventLogQuery = self._exclude(locals())
        return query

    def get(
        self,
        *,
        position: int | Iterable[int] | Unset = UNSET,
        position__ne: int | Iterable[int] | Unset = UNSET,
        position__gt: int | Unset = UNSET,
        position__gte: int | Unset = UNSET,
        position__lt: int | Unset = UNSET,
        position__lte: int | Unset = UNSET,
        timestamp: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        timestamp_before: datetime | str | Unset = UNSET,
        timestamp_after: datetime | str | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset | None = UNSET,
        site_id__isnull: bool | Unset = UNSET,
        entity: str | Iterable[str] | Unset = UNSET,
        entity__ne: str | Iterable[str] | Unset = UNSET,
        entity_id: int | Iterable[int] | Unset | None = UNSET,
        entity_id__ne: int | Iterable[int] | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        version__ne: int | Iterable[int] | Unset = UNSET,
        version__gt: int | Unset = UNSET,
        version__gte: int | Unset = UNSET,
        version__lt: int | Unset = UNSET,
        version__lte: int | Unset = UNSET,
        type: str | Iterable[str] | Unset = UNSET,
        type__ne: str | Iterable[str] | Unset = UNSET,
        actor: str | Iterable[str] | Unset = UNSET,
        actor__ne: str | Iterable[str] | Unset = UNSET,
        command_id: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        command_id__ne: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        command_id__isnull: bool | Unset = UNSET,
        from_state: str | Iterable[str] | Unset | None = UNSET,
        from_state__ne: str | Iterable[str] | Unset | None = UNSET,
        from_state__isnull: bool | Unset = UNSET,
        to_state: str | Iterable[str] | Unset | None = UNSET,
        to_state__ne: str | Iterable[str] | Unset | None = UNSET,
        to_state__isnull: bool | Unset = UNSET,
        data: Mapping[str, Any] | Unset = UNSET,
        id: int | Iterable[int] | Unset | None = UNSET,
        job_id: int | Iterable[int] | Unset | None = UNSET,
        app_id: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id: int | Iterable[int] | Unset | None = UNSET,
        scheduler_id: str | Iterable[str] | Unset | None = UNSET,
        tags: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> EventLog:
        """Return the one that passes these filters; the arguments are those of ``filter()``.

        Raises:
            DoesNotExist: None does.
            MultipleObjectsReturned: More than one does.
        """
        return self._get(locals())

    def all(self) -> EventLogQuery:
        """Return the same query, not yet read; of a manager: a query of all records."""
        query: EventLogQuery = self._derive(self._plan)
        return query

    def order_by(self, *fields: EventLogOrdering) -> EventLogQuery:
        """Return the query ordered by these fields, ``-`` before a name for descending; by none: the server's order."""
        query: EventLogQuery = self._order_by(fields)
        return query

    @overload
    def __getitem__(self, index: int) -> EventLog: ...
    @overload
    def __getitem__(self, index: slice) -> EventLogQuery: ...
    def __getitem__(self, index: int | slice) -> EventLog | EventLogQuery:
        result: EventLog | EventLogQuery = self._item(index)
        return result


class EventLogManager(EventLogQuery):
    """Where queries of EventLogs begin."""

    _queries = EventLogQuery


EventLogQuery._queries = EventLogQuery


class AsyncEventLogQuery(AsyncQuery[EventLog]):
    """A query of EventLogs whose calls are awaited."""

    def filter(
        self,
        *,
        position: int | Iterable[int] | Unset = UNSET,
        position__ne: int | Iterable[int] | Unset = UNSET,
        position__gt: int | Unset = UNSET,
        position__gte: int | Unset = UNSET,
        position__lt: int | Unset = UNSET,
        position__lte: int | Unset = UNSET,
        timestamp: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        timestamp_before: datetime | str | Unset = UNSET,
        timestamp_after: datetime | str | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset | None = UNSET,
        site_id__isnull: bool | Unset = UNSET,
        entity: str | Iterable[str] | Unset = UNSET,
        entity__ne: str | Iterable[str] | Unset = UNSET,
        entity_id: int | Iterable[int] | Unset | None = UNSET,
        entity_id__ne: int | Iterable[int] | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        version__ne: int | Iterable[int] | Unset = UNSET,
        version__gt: int | Unset = UNSET,
        version__gte: int | Unset = UNSET,
        version__lt: int | Unset = UNSET,
        version__lte: int | Unset = UNSET,
        type: str | Iterable[str] | Unset = UNSET,
        type__ne: str | Iterable[str] | Unset = UNSET,
        actor: str | Iterable[str] | Unset = UNSET,
        actor__ne: str | Iterable[str] | Unset = UNSET,
        command_id: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        command_id__ne: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        command_id__isnull: bool | Unset = UNSET,
        from_state: str | Iterable[str] | Unset | None = UNSET,
        from_state__ne: str | Iterable[str] | Unset | None = UNSET,
        from_state__isnull: bool | Unset = UNSET,
        to_state: str | Iterable[str] | Unset | None = UNSET,
        to_state__ne: str | Iterable[str] | Unset | None = UNSET,
        to_state__isnull: bool | Unset = UNSET,
        data: Mapping[str, Any] | Unset = UNSET,
        id: int | Iterable[int] | Unset | None = UNSET,
        job_id: int | Iterable[int] | Unset | None = UNSET,
        app_id: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id: int | Iterable[int] | Unset | None = UNSET,
        scheduler_id: str | Iterable[str] | Unset | None = UNSET,
        tags: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncEventLogQuery:
        """``filter()`` of the query; it sends no request."""
        return AsyncEventLogQuery(self._query.filter(**arguments(locals())))

    def exclude(
        self,
        *,
        position: int | Iterable[int] | Unset = UNSET,
        position__ne: int | Iterable[int] | Unset = UNSET,
        position__gt: int | Unset = UNSET,
        position__gte: int | Unset = UNSET,
        position__lt: int | Unset = UNSET,
        position__lte: int | Unset = UNSET,
        timestamp: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        timestamp_before: datetime | str | Unset = UNSET,
        timestamp_after: datetime | str | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset | None = UNSET,
        site_id__isnull: bool | Unset = UNSET,
        entity: str | Iterable[str] | Unset = UNSET,
        entity__ne: str | Iterable[str] | Unset = UNSET,
        entity_id: int | Iterable[int] | Unset | None = UNSET,
        entity_id__ne: int | Iterable[int] | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        version__ne: int | Iterable[int] | Unset = UNSET,
        version__gt: int | Unset = UNSET,
        version__gte: int | Unset = UNSET,
        version__lt: int | Unset = UNSET,
        version__lte: int | Unset = UNSET,
        type: str | Iterable[str] | Unset = UNSET,
        type__ne: str | Iterable[str] | Unset = UNSET,
        actor: str | Iterable[str] | Unset = UNSET,
        actor__ne: str | Iterable[str] | Unset = UNSET,
        command_id: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        command_id__ne: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        command_id__isnull: bool | Unset = UNSET,
        from_state: str | Iterable[str] | Unset | None = UNSET,
        from_state__ne: str | Iterable[str] | Unset | None = UNSET,
        from_state__isnull: bool | Unset = UNSET,
        to_state: str | Iterable[str] | Unset | None = UNSET,
        to_state__ne: str | Iterable[str] | Unset | None = UNSET,
        to_state__isnull: bool | Unset = UNSET,
        data: Mapping[str, Any] | Unset = UNSET,
        id: int | Iterable[int] | Unset | None = UNSET,
        job_id: int | Iterable[int] | Unset | None = UNSET,
        app_id: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id: int | Iterable[int] | Unset | None = UNSET,
        scheduler_id: str | Iterable[str] | Unset | None = UNSET,
        tags: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncEventLogQuery:
        """``exclude()`` of the query; it sends no request."""
        return AsyncEventLogQuery(self._query.exclude(**arguments(locals())))

    def all(self) -> AsyncEventLogQuery:
        """``all()`` of the query; it sends no request."""
        return AsyncEventLogQuery(self._query.all())

    def order_by(self, *fields: EventLogOrdering) -> AsyncEventLogQuery:
        """``order_by()`` of the query; it sends no request."""
        return AsyncEventLogQuery(self._query.order_by(*fields))

    def __getitem__(self, index: slice) -> AsyncEventLogQuery:
        return AsyncEventLogQuery(self._part(index))

    async def get(
        self,
        *,
        position: int | Iterable[int] | Unset = UNSET,
        position__ne: int | Iterable[int] | Unset = UNSET,
        position__gt: int | Unset = UNSET,
        position__gte: int | Unset = UNSET,
        position__lt: int | Unset = UNSET,
        position__lte: int | Unset = UNSET,
        timestamp: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        timestamp_before: datetime | str | Unset = UNSET,
        timestamp_after: datetime | str | Unset = UNSET,
        site_id: int | Iterable[int] | Unset | None = UNSET,
        site_id__ne: int | Iterable[int] | Unset | None = UNSET,
        site_id__isnull: bool | Unset = UNSET,
        entity: str | Iterable[str] | Unset = UNSET,
        entity__ne: str | Iterable[str] | Unset = UNSET,
        entity_id: int | Iterable[int] | Unset | None = UNSET,
        entity_id__ne: int | Iterable[int] | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        version__ne: int | Iterable[int] | Unset = UNSET,
        version__gt: int | Unset = UNSET,
        version__gte: int | Unset = UNSET,
        version__lt: int | Unset = UNSET,
        version__lte: int | Unset = UNSET,
        type: str | Iterable[str] | Unset = UNSET,
        type__ne: str | Iterable[str] | Unset = UNSET,
        actor: str | Iterable[str] | Unset = UNSET,
        actor__ne: str | Iterable[str] | Unset = UNSET,
        command_id: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        command_id__ne: UUID | str | Iterable[UUID | str] | Unset | None = UNSET,
        command_id__isnull: bool | Unset = UNSET,
        from_state: str | Iterable[str] | Unset | None = UNSET,
        from_state__ne: str | Iterable[str] | Unset | None = UNSET,
        from_state__isnull: bool | Unset = UNSET,
        to_state: str | Iterable[str] | Unset | None = UNSET,
        to_state__ne: str | Iterable[str] | Unset | None = UNSET,
        to_state__isnull: bool | Unset = UNSET,
        data: Mapping[str, Any] | Unset = UNSET,
        id: int | Iterable[int] | Unset | None = UNSET,
        job_id: int | Iterable[int] | Unset | None = UNSET,
        app_id: int | Iterable[int] | Unset | None = UNSET,
        batch_job_id: int | Iterable[int] | Unset | None = UNSET,
        scheduler_id: str | Iterable[str] | Unset | None = UNSET,
        tags: Mapping[str, Any] | Unset = UNSET,
        **unknown: Never,
    ) -> EventLog:
        """``get()``, awaited."""
        return await in_thread(self._query.get, **arguments(locals()))

    def stream(
        self,
        after: int | Positioned | None = None,
        *,
        patience: float | None = PATIENCE_SEC,
        on_outage: Callable[[Unavailable], object] | None = None,
    ) -> AsyncEventStream[EventLog]:
        """``stream()``, awaited."""
        return AsyncEventStream(lambda: self._query.stream(after, patience=patience, on_outage=on_outage))

    def iterator(self, chunk_size: int = PAGE) -> AsyncIterator[EventLog]:
        """``iterator()``, awaited."""
        return iterate_rows(lambda: self._query.iterator(chunk_size))

    async def first(self) -> EventLog | None:
        """``first()``, awaited."""
        return await in_thread(self._query.first)

    async def last(self) -> EventLog | None:
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

    async def in_bulk(self, ids: Iterable[int] | None = None) -> dict[int, EventLog]:
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


class AsyncEventLogManager(AsyncEventLogQuery):
    """``EventLog.aobjects``: where awaited queries of EventLogs begin."""
