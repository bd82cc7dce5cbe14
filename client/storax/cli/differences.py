"""What changed between two positions of the log, object by object."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CHUNK = 1_000  # objects compared with one request for each of the two positions
# Fields that every change changes.
ALWAYS = frozenset({"version", "last_update"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One object at both positions; None where it did not exist."""

    id: int
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None

    @property
    def kind(self) -> str:
        """``created``, ``deleted`` or ``changed``."""
        return "created" if self.before is None else "deleted" if self.after is None else "changed"

    @property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        """The fields that differ, with both values; empty for an object that was created or deleted."""
        if self.before is None or self.after is None:
            return {}
        names = [name for name in self.before if name not in ALWAYS]
        pairs = {name: (self.before[name], self.after[name]) for name in names}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def differences(model: Any, entity: str, first: int, last: int) -> Iterator[Difference]:
    """Yield the objects of a model that are not the same at two positions, in the order of their ids.

    Args:
        model: Class of the objects, such as Job.
        entity: Its name in the log, such as ``job``.
        first: Position before.
        last: Position after, at least ``first``.

    Raises:
        InvalidInput: a position is behind the end of the log.
    """
    for ids in _chunks(_touched(entity, first, last)):
        rows = [{row["id"]: row for row in model.objects.as_of(at).filter(id=ids).values()} for at in (first, last)]
        for one in ids:
            before, after = rows[0].get(one), rows[1].get(one)
            difference = Difference(one, before, after)
            if (before is None) != (after is None) or difference.changes:
                yield difference


def _touched(entity: str, first: int, last: int) -> list[int]:
    from storax.models.event_log import EventLog

    events = EventLog.objects.filter(entity=entity, position__gt=first, position__lte=last)
    return sorted(set(events.values_list("entity_id", flat=True)))


def _chunks(ids: Sequence[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), CHUNK):
        yield list(ids[start : start + CHUNK])
