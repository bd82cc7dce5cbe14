"""From the rows of a reply to instances, without copying them where the columns are ours."""

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from storax._orm.record import Record, put_client, put_dirty, put_seen, put_values
from storax._runtime.garbage_collector import collector_paused
from storax._runtime.unset import UNSET

if TYPE_CHECKING:
    from storax.client import Client

R = TypeVar("R", bound=Record)


@collector_paused()
def from_rows(model: type[R], columns: Sequence[str], rows: list[list[Any]], client: "Client") -> list[R]:
    """One instance a row."""
    if tuple(columns) != model._columns:
        rows = _rearranged(model, columns, rows)
    new, out = model.__new__, []
    for row in rows:
        one = new(model)
        put_values(one, row)
        put_client(one, client)
        put_dirty(one, None)
        put_seen(one, None)
        out.append(one)
    return out


def from_object(model: type[R], found: dict[str, Any], client: "Client") -> R:
    """The instance of one JSON object."""
    return from_rows(model, model._columns, [[found.get(name, UNSET) for name in model._columns]], client)[0]


def _rearranged(model: type[Record], columns: Sequence[str], rows: Iterable[list[Any]]) -> list[list[Any]]:
    """Rows in our order of columns; columns we do not know are left out, missing ones are UNSET."""
    places = {name: i for i, name in enumerate(columns)}
    pick = itemgetter(*(places.get(name, -1) for name in model._columns), -1)
    return [list(pick([*row, UNSET])[:-1]) for row in rows]
