"""Make instances of the rows of a reply, without a copy where its columns are the model's."""

from collections.abc import Iterable, Mapping, Sequence
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
    """Make one instance for each row."""
    if tuple(columns) != model._columns:
        rows = _rearranged(model, columns, rows)
    make, instances = model.__new__, []
    for row in rows:
        instance = make(model)
        put_values(instance, row)
        put_client(instance, client)
        put_dirty(instance, None)
        put_seen(instance, None)
        instances.append(instance)
    return instances


def from_object(model: type[R], body: dict[str, Any], client: "Client") -> R:
    """Make the instance of one JSON object."""
    return from_objects(model, [body], client)[0]


@collector_paused()
def from_objects(model: type[R], bodies: Iterable[Mapping[str, Any]], client: "Client") -> list[R]:
    """Make one instance for each JSON object; unknown names are left out, missing ones are UNSET."""
    names, known = model._columns, itemgetter(*model._columns)
    rows = []
    for body in bodies:
        try:
            rows.append(list(known(body)))
        except KeyError:  # another release's server
            rows.append([body.get(name, UNSET) for name in names])
    return from_rows(model, names, rows, client)


def to_object(record: Record) -> dict[str, Any]:
    """Return the JSON object of an instance: its raw values by field."""
    return {name: record._values[record._fields[name].index] for name in record._columns}


def _rearranged(model: type[Record], columns: Sequence[str], rows: Iterable[list[Any]]) -> list[list[Any]]:
    """Return the rows in the model's order of columns; unknown columns are left out, missing ones are UNSET."""
    indices = {name: i for i, name in enumerate(columns)}
    pick = itemgetter(*(indices.get(name, -1) for name in model._columns), -1)
    return [list(pick([*row, UNSET])[:-1]) for row in rows]
