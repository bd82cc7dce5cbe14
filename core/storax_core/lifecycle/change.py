"""What becomes of one row, and the events that record it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Row = dict[str, Any]
Facts = Mapping[str, Any]
# The last part of the event types that every resource has.
CREATED, UPDATED, DELETED, STATE_CHANGED = "created", "updated", "deleted", "state_changed"


@dataclass(slots=True)
class Event:
    """One event of a change: the row's version after it, its type, the states of a transition, and its data."""

    version: int
    type: str
    from_state: str | None
    to_state: str | None
    data: Row


class Patch(NamedTuple):
    """New values of some fields of one row; ``if_version`` is the version that it must have, None for any."""

    id: int
    if_version: int | None
    fields: Row


@dataclass(frozen=True, slots=True)
class SetChange:
    """The same change of many rows, made in the statement that picks them: one event of ``type`` for each row.

    ``values`` are set and ``increments``, epochs of leases, grow by one, or beyond those of an earlier cluster epoch;
    the event's data holds the fields that its type declares.
    """

    type: str
    values: Row
    increments: tuple[str, ...] = ()


@dataclass
class Change:
    """What becomes of one locked row: the new version, the patch of its fields, and the events that record it."""

    id: int
    owner_id: int
    site_id: int | None
    version: int
    patch: Row = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def add(self, kind: str, data: Row, *, was: str | None = None, to: str | None = None) -> None:
        """Append one event; its data is merged into the patch of the row."""
        self.version += 1
        self.patch.update(data)
        if to is not None:
            self.patch["state"] = to
            data = {**data, "state": to}
        self.events.append(Event(self.version, kind, was, to, data))

    def note(self, kind: str, data: Row) -> None:
        """Append one event that changes no field."""
        self.version += 1
        self.events.append(Event(self.version, kind, None, None, {"note": data}))
