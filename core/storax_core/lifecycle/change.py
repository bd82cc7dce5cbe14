"""What becomes of one row, and the events that record it."""

from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
# The last part of the event types that every resource has.
CREATED, UPDATED, DELETED, MOVED = "created", "updated", "deleted", "state_changed"


@dataclass
class Change:
    """What becomes of one locked row: the new version, the patch of its fields, and the events that tell it."""

    id: int
    owner_id: int
    site_id: int | None
    version: int
    patch: Row = field(default_factory=dict)
    events: list[Row] = field(default_factory=list)

    def add(self, kind: str, data: Row, *, was: str | None = None, to: str | None = None) -> None:
        """Append one event; its data is merged into the patch of the row."""
        self.version += 1
        self.patch.update(data)
        if to is not None:
            self.patch["state"] = to
            data = {**data, "state": to}
        self.events.append({"v": self.version, "t": kind, "f": was, "s": to, "d": data})

    def note(self, kind: str, data: Row) -> None:
        """Append one event that changes no field."""
        self.version += 1
        self.events.append({"v": self.version, "t": kind, "f": None, "s": None, "d": {"note": data}})

    def line(self) -> Row:
        """The row as the apply statement reads it."""
        return {
            "id": self.id,
            "o": self.owner_id,
            "n": self.site_id,
            "v": self.version,
            "p": self.patch,
            "e": self.events,
        }
