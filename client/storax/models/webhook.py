"""Webhook: models, queries, managers. Written by `python -m tools.codegen`; do not edit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal, Never, overload

from storax._events.webhook import WebhookBase
from storax._orm.asynchronous import AsyncObjects, AsyncQuery, in_thread, iterate_rows
from storax._orm.changes import ChangeQuery
from storax._orm.fields import Field
from storax._orm.filters import Filter
from storax._orm.instance import Spec
from storax._orm.manager import Manager, Objects
from storax._orm.query import arguments
from storax._orm.query_plan import PAGE, Positioned
from storax._runtime.unset import UNSET, Unset

WebhookOrdering = Literal[
    "id",
    "-id",
    "name",
    "-name",
    "position",
    "-position",
    "creation_date",
    "-creation_date",
    "last_update",
    "-last_update",
]


class Webhook(WebhookBase):
    """A URL to which the server posts the owner's events that match a filter, signed and in order."""

    __slots__ = ()

    _spec = Spec(
        path="webhooks",
        entity="webhook",
        order="id",
        writable=True,
        orderings=(
            "id",
            "-id",
            "name",
            "-name",
            "position",
            "-position",
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
            "url": Filter(str, "eq", many=True),
            "url__ne": Filter(str, "ne", many=True),
            "url__contains": Filter(str, "contains"),
            "url__startswith": Filter(str, "startswith"),
            "enabled": Filter(bool, "eq", many=True),
            "position": Filter(int, "eq", many=True),
            "position__ne": Filter(int, "ne", many=True),
            "position__gt": Filter(int, "gt"),
            "position__gte": Filter(int, "gte"),
            "position__lt": Filter(int, "lt"),
            "position__lte": Filter(int, "lte"),
            "failures": Filter(int, "eq", many=True),
            "failures__ne": Filter(int, "ne", many=True),
            "failures__gt": Filter(int, "gt"),
            "failures__gte": Filter(int, "gte"),
            "failures__lt": Filter(int, "lt"),
            "failures__lte": Filter(int, "lte"),
            "next_attempt": Filter(datetime, "eq", many=True),
            "next_attempt_before": Filter(datetime, "before"),
            "next_attempt_after": Filter(datetime, "after"),
            "next_attempt__isnull": Filter(bool, "isnull"),
            "last_delivery": Filter(datetime, "eq", many=True),
            "last_delivery_before": Filter(datetime, "before"),
            "last_delivery_after": Filter(datetime, "after"),
            "last_delivery__isnull": Filter(bool, "isnull"),
            "rotated_at": Filter(datetime, "eq", many=True),
            "rotated_at_before": Filter(datetime, "before"),
            "rotated_at_after": Filter(datetime, "after"),
            "rotated_at__isnull": Filter(bool, "isnull"),
            "version": Filter(int, "eq", many=True),
            "creation_date": Filter(datetime, "eq", many=True),
            "creation_date_before": Filter(datetime, "before"),
            "creation_date_after": Filter(datetime, "after"),
            "last_update": Filter(datetime, "eq", many=True),
            "last_update_before": Filter(datetime, "before"),
            "last_update_after": Filter(datetime, "after"),
        },
    )

    objects: ClassVar[Objects[WebhookManager]] = Objects(lambda: WebhookManager)
    aobjects: ClassVar[AsyncObjects[AsyncWebhookManager]] = AsyncObjects(lambda: AsyncWebhookManager)

    id: Field[int | None] = Field(int, doc="Server id.")
    """Server id."""
    name: Field[str] = Field(str, settable="always", required=True, doc="Unique among the owner's webhooks.")
    """Unique among the owner's webhooks."""
    url: Field[str] = Field(
        str,
        settable="always",
        required=True,
        doc="Where events are posted: http or https; or mailto:name@example.org for mail.",
    )
    """Where events are posted: http or https; or mailto:name@example.org for mail."""
    filter: Field[dict[str, Any]] = Field(
        dict[str, Any],
        settable="always",
        default={},
        doc="Which events: the filters of the event stream by name, such as type, tags, app_id, site_id and to_state; a list means any of these, {} all events.",
    )
    """Which events: the filters of the event stream by name, such as type, tags, app_id, site_id and to_state; a list means any of these, {} all events."""
    format: Field[Literal["cloudevents", "storax"]] = Field(
        Literal["cloudevents", "storax"],
        settable="always",
        default="cloudevents",
        doc="How an event is posted: as CloudEvents 1.0, or storax: as the list of events has it.",
    )
    """How an event is posted: as CloudEvents 1.0, or storax: as the list of events has it."""
    enabled: Field[bool] = Field(
        bool,
        settable="always",
        default=True,
        doc="Whether events are posted. The server sets it to false when it gives up.",
    )
    """Whether events are posted. The server sets it to false when it gives up."""
    secret_version: Field[int] = Field(int, doc="Number of secrets that it has had; each rotation adds one.")
    """Number of secrets that it has had; each rotation adds one."""
    position: Field[int] = Field(int, doc="Position in the log up to which everything that matches was delivered.")
    """Position in the log up to which everything that matches was delivered."""
    failures: Field[int] = Field(int, doc="Number of attempts in a row that failed for the event that is next.")
    """Number of attempts in a row that failed for the event that is next."""
    problem: Field[str | None] = Field(
        str | None, doc="Why the last attempt failed, or why the server paused it; null after a delivery."
    )
    """Why the last attempt failed, or why the server paused it; null after a delivery."""
    next_attempt: Field[datetime | None] = Field(
        datetime | None, doc="Earliest time of the next attempt after one that failed."
    )
    """Earliest time of the next attempt after one that failed."""
    last_delivery: Field[datetime | None] = Field(datetime | None, doc="Time of the last delivery that was accepted.")
    """Time of the last delivery that was accepted."""
    rotated_at: Field[datetime | None] = Field(
        datetime | None, doc="Time of the last rotation of the secret; for a day the secret before it signs too."
    )
    """Time of the last rotation of the secret; for a day the secret before it signs too."""
    version: Field[int] = Field(int, doc="Number of changes so far; 1 at creation.")
    """Number of changes so far; 1 at creation."""
    creation_date: Field[datetime] = Field(datetime, doc="When it was created.")
    """When it was created."""
    last_update: Field[datetime] = Field(datetime, doc="When it last changed.")
    """When it last changed."""
    secret: Field[str | None] = Field(
        str | None,
        doc="Secret that signs deliveries: in the answer to the call that creates or rotates it; null ever after.",
    )
    """Secret that signs deliveries: in the answer to the call that creates or rotates it; null ever after."""

    def __init__(
        self,
        *,
        name: str,
        url: str,
        filter: Mapping[str, Any] | Unset = UNSET,
        format: Literal["cloudevents", "storax"] | Unset = UNSET,
        enabled: bool | Unset = UNSET,
        **unknown: Never,
    ) -> None:
        """A URL to which the server posts the owner's events that match a filter, signed and in order. Unsaved until ``save()``.

        Args:
            name: Unique among the owner's webhooks.
            url: Where events are posted: http or https; or mailto:name@example.org for mail.
            filter: Which events: the filters of the event stream by name, such as type, tags, app_id, site_id
                and to_state; a list means any of these, {} all events.
            format: How an event is posted: as CloudEvents 1.0, or storax: as the list of events has it.
                Default: 'cloudevents'.
            enabled: Whether events are posted. The server sets it to false when it gives up. Default: True.
        """
        self._fill(locals())

    async def arotate_secret(self) -> str:
        """``rotate_secret()``, awaited."""
        return await in_thread(self.rotate_secret)

    async def areplay(self, position: int | Positioned) -> None:
        """``replay()``, awaited."""
        return await in_thread(self.replay, position)

    async def asave(self, *, force: bool = False) -> None:
        """``save()``, awaited."""
        return await in_thread(self.save, force=force)

    async def arefresh_from_db(self) -> None:
        """``refresh_from_db()``, awaited."""
        return await in_thread(self.refresh_from_db)

    async def adelete(self) -> None:
        """``delete()``, awaited."""
        return await in_thread(self.delete)


class WebhookQuery(ChangeQuery[Webhook]):
    """A lazy query of Webhooks."""

    _model = Webhook

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
        url: str | Iterable[str] | Unset = UNSET,
        url__ne: str | Iterable[str] | Unset = UNSET,
        url__contains: str | Unset = UNSET,
        url__startswith: str | Unset = UNSET,
        enabled: bool | Iterable[bool] | Unset = UNSET,
        position: int | Iterable[int] | Unset = UNSET,
        position__ne: int | Iterable[int] | Unset = UNSET,
        position__gt: int | Unset = UNSET,
        position__gte: int | Unset = UNSET,
        position__lt: int | Unset = UNSET,
        position__lte: int | Unset = UNSET,
        failures: int | Iterable[int] | Unset = UNSET,
        failures__ne: int | Iterable[int] | Unset = UNSET,
        failures__gt: int | Unset = UNSET,
        failures__gte: int | Unset = UNSET,
        failures__lt: int | Unset = UNSET,
        failures__lte: int | Unset = UNSET,
        next_attempt: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        next_attempt_before: datetime | str | Unset = UNSET,
        next_attempt_after: datetime | str | Unset = UNSET,
        next_attempt__isnull: bool | Unset = UNSET,
        last_delivery: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        last_delivery_before: datetime | str | Unset = UNSET,
        last_delivery_after: datetime | str | Unset = UNSET,
        last_delivery__isnull: bool | Unset = UNSET,
        rotated_at: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        rotated_at_before: datetime | str | Unset = UNSET,
        rotated_at_after: datetime | str | Unset = UNSET,
        rotated_at__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> WebhookQuery:
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
            url: Equal to this url, or to any of a list.
            url__ne: Not this url, nor any of a list.
            url__contains: url contains this text.
            url__startswith: url starts with this text.
            enabled: Equal to this enabled, or to any of a list.
            position: Equal to this position, or to any of a list.
            position__ne: Not this position, nor any of a list.
            position__gt: position above this.
            position__gte: position at or above this.
            position__lt: position below this.
            position__lte: position at or below this.
            failures: Equal to this failures, or to any of a list.
            failures__ne: Not this failures, nor any of a list.
            failures__gt: failures above this.
            failures__gte: failures at or above this.
            failures__lt: failures below this.
            failures__lte: failures at or below this.
            next_attempt: Equal to this next_attempt, or to any of a list.
            next_attempt_before: next_attempt before this time.
            next_attempt_after: next_attempt after this time.
            next_attempt__isnull: Whether next_attempt is null.
            last_delivery: Equal to this last_delivery, or to any of a list.
            last_delivery_before: last_delivery before this time.
            last_delivery_after: last_delivery after this time.
            last_delivery__isnull: Whether last_delivery is null.
            rotated_at: Equal to this rotated_at, or to any of a list.
            rotated_at_before: rotated_at before this time.
            rotated_at_after: rotated_at after this time.
            rotated_at__isnull: Whether rotated_at is null.
            version: Equal to this version, or to any of a list.
            creation_date: Equal to this creation_date, or to any of a list.
            creation_date_before: creation_date before this time.
            creation_date_after: creation_date after this time.
            last_update: Equal to this last_update, or to any of a list.
            last_update_before: last_update before this time.
            last_update_after: last_update after this time.
        """
        query: WebhookQuery = self._filter(locals())
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
        url: str | Iterable[str] | Unset = UNSET,
        url__ne: str | Iterable[str] | Unset = UNSET,
        url__contains: str | Unset = UNSET,
        url__startswith: str | Unset = UNSET,
        enabled: bool | Iterable[bool] | Unset = UNSET,
        position: int | Iterable[int] | Unset = UNSET,
        position__ne: int | Iterable[int] | Unset = UNSET,
        position__gt: int | Unset = UNSET,
        position__gte: int | Unset = UNSET,
        position__lt: int | Unset = UNSET,
        position__lte: int | Unset = UNSET,
        failures: int | Iterable[int] | Unset = UNSET,
        failures__ne: int | Iterable[int] | Unset = UNSET,
        failures__gt: int | Unset = UNSET,
        failures__gte: int | Unset = UNSET,
        failures__lt: int | Unset = UNSET,
        failures__lte: int | Unset = UNSET,
        next_attempt: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        next_attempt_before: datetime | str | Unset = UNSET,
        next_attempt_after: datetime | str | Unset = UNSET,
        next_attempt__isnull: bool | Unset = UNSET,
        last_delivery: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        last_delivery_before: datetime | str | Unset = UNSET,
        last_delivery_after: datetime | str | Unset = UNSET,
        last_delivery__isnull: bool | Unset = UNSET,
        rotated_at: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        rotated_at_before: datetime | str | Unset = UNSET,
        rotated_at_after: datetime | str | Unset = UNSET,
        rotated_at__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> WebhookQuery:
        """Exclude those that pass all of these filters at once; the arguments are those of ``filter()``."""
        query: WebhookQuery = self._exclude(locals())
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
        url: str | Iterable[str] | Unset = UNSET,
        url__ne: str | Iterable[str] | Unset = UNSET,
        url__contains: str | Unset = UNSET,
        url__startswith: str | Unset = UNSET,
        enabled: bool | Iterable[bool] | Unset = UNSET,
        position: int | Iterable[int] | Unset = UNSET,
        position__ne: int | Iterable[int] | Unset = UNSET,
        position__gt: int | Unset = UNSET,
        position__gte: int | Unset = UNSET,
        position__lt: int | Unset = UNSET,
        position__lte: int | Unset = UNSET,
        failures: int | Iterable[int] | Unset = UNSET,
        failures__ne: int | Iterable[int] | Unset = UNSET,
        failures__gt: int | Unset = UNSET,
        failures__gte: int | Unset = UNSET,
        failures__lt: int | Unset = UNSET,
        failures__lte: int | Unset = UNSET,
        next_attempt: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        next_attempt_before: datetime | str | Unset = UNSET,
        next_attempt_after: datetime | str | Unset = UNSET,
        next_attempt__isnull: bool | Unset = UNSET,
        last_delivery: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        last_delivery_before: datetime | str | Unset = UNSET,
        last_delivery_after: datetime | str | Unset = UNSET,
        last_delivery__isnull: bool | Unset = UNSET,
        rotated_at: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        rotated_at_before: datetime | str | Unset = UNSET,
        rotated_at_after: datetime | str | Unset = UNSET,
        rotated_at__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> Webhook:
        """Return the one that passes these filters; the arguments are those of ``filter()``.

        Raises:
            DoesNotExist: None does.
            MultipleObjectsReturned: More than one does.
        """
        return self._get(locals())

    def all(self) -> WebhookQuery:
        """Return the same query, not yet read; of a manager: a query of all records."""
        query: WebhookQuery = self._derive(self._plan)
        return query

    def order_by(self, *fields: WebhookOrdering) -> WebhookQuery:
        """Return the query ordered by these fields, ``-`` before a name for descending; by none: the server's order."""
        query: WebhookQuery = self._order_by(fields)
        return query

    @overload
    def __getitem__(self, index: int) -> Webhook: ...
    @overload
    def __getitem__(self, index: slice) -> WebhookQuery: ...
    def __getitem__(self, index: int | slice) -> Webhook | WebhookQuery:
        result: Webhook | WebhookQuery = self._item(index)
        return result

    def update(
        self,
        *,
        name: str | Unset = UNSET,
        url: str | Unset = UNSET,
        filter: Mapping[str, Any] | Unset = UNSET,
        format: Literal["cloudevents", "storax"] | Unset = UNSET,
        enabled: bool | Unset = UNSET,
        **unknown: Never,
    ) -> int:
        """Change all that match, on the server, in one step, and return their number.

        Args:
            name: Unique among the owner's webhooks.
            url: Where events are posted: http or https; or mailto:name@example.org for mail.
            filter: Which events: the filters of the event stream by name, such as type, tags, app_id, site_id
                and to_state; a list means any of these, {} all events.
            format: How an event is posted: as CloudEvents 1.0, or storax: as the list of events has it.
            enabled: Whether events are posted. The server sets it to false when it gives up.

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


class WebhookManager(Manager[Webhook], WebhookQuery):
    """Where queries of Webhooks begin."""

    _queries = WebhookQuery

    def create(
        self,
        *,
        name: str,
        url: str,
        filter: Mapping[str, Any] | Unset = UNSET,
        format: Literal["cloudevents", "storax"] | Unset = UNSET,
        enabled: bool | Unset = UNSET,
        **unknown: Never,
    ) -> Webhook:
        """Make one and save it; the arguments are those of ``Webhook()``."""
        return self._create(locals())

    def bulk_create(self, items: Iterable[Webhook], *, progress: bool | None = None) -> list[Webhook]:
        """Save many records, 10,000 in one request, all or none of each request. Fill in their ids and return them.

        Args:
            items: Unsaved ones.
            progress: Show a bar on stderr; by default on a terminal, beyond one request.
        """
        return self._bulk_create(items, progress)

    def bulk_update(self, items: Iterable[Webhook], *, progress: bool | None = None) -> int:
        """Save the changes of many records, 10,000 in one request, all or none of each. Return how many had any.

        Args:
            items: Saved ones; what changed in each is sent, and ``version`` and ``last_update`` come back.
            progress: Show a bar on stderr; by default on a terminal, beyond one request.
        """
        return self._bulk_update(items, force=False, progress=progress)


WebhookQuery._queries = WebhookQuery


class AsyncWebhookQuery(AsyncQuery[Webhook]):
    """A query of Webhooks whose calls are awaited."""

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
        url: str | Iterable[str] | Unset = UNSET,
        url__ne: str | Iterable[str] | Unset = UNSET,
        url__contains: str | Unset = UNSET,
        url__startswith: str | Unset = UNSET,
        enabled: bool | Iterable[bool] | Unset = UNSET,
        position: int | Iterable[int] | Unset = UNSET,
        position__ne: int | Iterable[int] | Unset = UNSET,
        position__gt: int | Unset = UNSET,
        position__gte: int | Unset = UNSET,
        position__lt: int | Unset = UNSET,
        position__lte: int | Unset = UNSET,
        failures: int | Iterable[int] | Unset = UNSET,
        failures__ne: int | Iterable[int] | Unset = UNSET,
        failures__gt: int | Unset = UNSET,
        failures__gte: int | Unset = UNSET,
        failures__lt: int | Unset = UNSET,
        failures__lte: int | Unset = UNSET,
        next_attempt: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        next_attempt_before: datetime | str | Unset = UNSET,
        next_attempt_after: datetime | str | Unset = UNSET,
        next_attempt__isnull: bool | Unset = UNSET,
        last_delivery: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        last_delivery_before: datetime | str | Unset = UNSET,
        last_delivery_after: datetime | str | Unset = UNSET,
        last_delivery__isnull: bool | Unset = UNSET,
        rotated_at: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        rotated_at_before: datetime | str | Unset = UNSET,
        rotated_at_after: datetime | str | Unset = UNSET,
        rotated_at__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncWebhookQuery:
        """``filter()`` of the query; it sends no request."""
        return AsyncWebhookQuery(self._query.filter(**arguments(locals())))

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
        url: str | Iterable[str] | Unset = UNSET,
        url__ne: str | Iterable[str] | Unset = UNSET,
        url__contains: str | Unset = UNSET,
        url__startswith: str | Unset = UNSET,
        enabled: bool | Iterable[bool] | Unset = UNSET,
        position: int | Iterable[int] | Unset = UNSET,
        position__ne: int | Iterable[int] | Unset = UNSET,
        position__gt: int | Unset = UNSET,
        position__gte: int | Unset = UNSET,
        position__lt: int | Unset = UNSET,
        position__lte: int | Unset = UNSET,
        failures: int | Iterable[int] | Unset = UNSET,
        failures__ne: int | Iterable[int] | Unset = UNSET,
        failures__gt: int | Unset = UNSET,
        failures__gte: int | Unset = UNSET,
        failures__lt: int | Unset = UNSET,
        failures__lte: int | Unset = UNSET,
        next_attempt: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        next_attempt_before: datetime | str | Unset = UNSET,
        next_attempt_after: datetime | str | Unset = UNSET,
        next_attempt__isnull: bool | Unset = UNSET,
        last_delivery: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        last_delivery_before: datetime | str | Unset = UNSET,
        last_delivery_after: datetime | str | Unset = UNSET,
        last_delivery__isnull: bool | Unset = UNSET,
        rotated_at: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        rotated_at_before: datetime | str | Unset = UNSET,
        rotated_at_after: datetime | str | Unset = UNSET,
        rotated_at__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> AsyncWebhookQuery:
        """``exclude()`` of the query; it sends no request."""
        return AsyncWebhookQuery(self._query.exclude(**arguments(locals())))

    def all(self) -> AsyncWebhookQuery:
        """``all()`` of the query; it sends no request."""
        return AsyncWebhookQuery(self._query.all())

    def order_by(self, *fields: WebhookOrdering) -> AsyncWebhookQuery:
        """``order_by()`` of the query; it sends no request."""
        return AsyncWebhookQuery(self._query.order_by(*fields))

    def __getitem__(self, index: slice) -> AsyncWebhookQuery:
        return AsyncWebhookQuery(self._part(index))

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
        url: str | Iterable[str] | Unset = UNSET,
        url__ne: str | Iterable[str] | Unset = UNSET,
        url__contains: str | Unset = UNSET,
        url__startswith: str | Unset = UNSET,
        enabled: bool | Iterable[bool] | Unset = UNSET,
        position: int | Iterable[int] | Unset = UNSET,
        position__ne: int | Iterable[int] | Unset = UNSET,
        position__gt: int | Unset = UNSET,
        position__gte: int | Unset = UNSET,
        position__lt: int | Unset = UNSET,
        position__lte: int | Unset = UNSET,
        failures: int | Iterable[int] | Unset = UNSET,
        failures__ne: int | Iterable[int] | Unset = UNSET,
        failures__gt: int | Unset = UNSET,
        failures__gte: int | Unset = UNSET,
        failures__lt: int | Unset = UNSET,
        failures__lte: int | Unset = UNSET,
        next_attempt: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        next_attempt_before: datetime | str | Unset = UNSET,
        next_attempt_after: datetime | str | Unset = UNSET,
        next_attempt__isnull: bool | Unset = UNSET,
        last_delivery: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        last_delivery_before: datetime | str | Unset = UNSET,
        last_delivery_after: datetime | str | Unset = UNSET,
        last_delivery__isnull: bool | Unset = UNSET,
        rotated_at: datetime | str | Iterable[datetime | str] | Unset | None = UNSET,
        rotated_at_before: datetime | str | Unset = UNSET,
        rotated_at_after: datetime | str | Unset = UNSET,
        rotated_at__isnull: bool | Unset = UNSET,
        version: int | Iterable[int] | Unset = UNSET,
        creation_date: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        creation_date_before: datetime | str | Unset = UNSET,
        creation_date_after: datetime | str | Unset = UNSET,
        last_update: datetime | str | Iterable[datetime | str] | Unset = UNSET,
        last_update_before: datetime | str | Unset = UNSET,
        last_update_after: datetime | str | Unset = UNSET,
        **unknown: Never,
    ) -> Webhook:
        """``get()``, awaited."""
        return await in_thread(self._query.get, **arguments(locals()))

    async def update(
        self,
        *,
        name: str | Unset = UNSET,
        url: str | Unset = UNSET,
        filter: Mapping[str, Any] | Unset = UNSET,
        format: Literal["cloudevents", "storax"] | Unset = UNSET,
        enabled: bool | Unset = UNSET,
        **unknown: Never,
    ) -> int:
        """``update()``, awaited."""
        return await in_thread(self._query.update, **arguments(locals()))

    async def delete(self) -> int:
        """``delete()``, awaited."""
        return await in_thread(self._query.delete)

    def iterator(self, chunk_size: int = PAGE) -> AsyncIterator[Webhook]:
        """``iterator()``, awaited."""
        return iterate_rows(lambda: self._query.iterator(chunk_size))

    async def first(self) -> Webhook | None:
        """``first()``, awaited."""
        return await in_thread(self._query.first)

    async def last(self) -> Webhook | None:
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

    async def in_bulk(self, ids: Iterable[int] | None = None) -> dict[int, Webhook]:
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


class AsyncWebhookManager(AsyncWebhookQuery):
    """``Webhook.aobjects``: where awaited queries of Webhooks begin."""

    async def create(
        self,
        *,
        name: str,
        url: str,
        filter: Mapping[str, Any] | Unset = UNSET,
        format: Literal["cloudevents", "storax"] | Unset = UNSET,
        enabled: bool | Unset = UNSET,
        **unknown: Never,
    ) -> Webhook:
        """``create()``, awaited."""
        return await in_thread(self._query.create, **arguments(locals()))

    async def bulk_create(self, items: Iterable[Webhook], *, progress: bool | None = None) -> list[Webhook]:
        """``bulk_create()``, awaited."""
        return await in_thread(self._query.bulk_create, items, progress=progress)

    async def bulk_update(self, items: Iterable[Webhook], *, progress: bool | None = None) -> int:
        """``bulk_update()``, awaited."""
        return await in_thread(self._query.bulk_update, items, progress=progress)
