"""New dictionaries from the stored ones and the keys that a patch names: ``tags__merge``, ``tags__remove``.

Of two writers who each add a key, neither overwrites the other's, and the event holds the whole new value.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from storax_core import limits
from storax_core.database.aliases import column, source
from storax_core.database.connections import Connection
from storax_core.errors import Invalid, TooLarge
from storax_core.lifecycle.change import Row
from storax_core.resources import BY_ENTITY, Resource
from storax_core.resources.base import MERGE, REMOVE

FEW = 20  # rows whose dictionaries are read without a look at their size
Stored = Mapping[int, Mapping[str, str]]


def names_keys(resource: Resource, names: Iterable[str]) -> bool:
    """Whether single keys of a dictionary are among the names of a patch."""
    return not resource.merge_keys.keys().isdisjoint(names)


async def stored_maps(conn: Connection, owner_id: int, resource: Resource, patches: Mapping[int, Row]) -> Stored:
    """The stored dictionaries, as JSON text by id and field, that these patches merge into; the rows are locked."""
    names = sorted({name for patch in patches.values() for name in _targets(resource, patch)})
    if not names:
        return {}
    texts = ", ".join(f"{column(resource, name)}::text AS {name}" for name in names)
    key, owner = column(resource, "id"), column(resource, "owner_id")
    rows = f"FROM {source(resource)} WHERE {key} = ANY($1::bigint[]) AND {owner} IS NOT DISTINCT FROM $2"
    if len(patches) > FEW:
        sizes = " + ".join(f"octet_length({column(resource, name)}::text)" for name in names)
        size = await conn.fetchval(f"SELECT sum({sizes}) {rows}", list(patches), owner_id)
        _require_room(size or 0, len(patches))
    return {row["id"]: row for row in await conn.fetch(f"SELECT {key}, {texts} {rows}", list(patches), owner_id)}


def _require_room(size: int, count: int) -> None:
    if size > limits.CHANGE_BYTES:
        raise TooLarge(
            f"the {count} dictionaries that this call merges into have more than {limits.CHANGE_BYTES >> 20} MiB",
            hint="Change fewer rows at once.",
        )


def merged(resource: Resource, patch: Row, stored: Mapping[str, str] | None) -> Row:
    """The patch of one row with whole dictionaries in place of single keys; without a stored row it has neither.

    Raises Invalid where a dictionary is named both ways, or breaks a rule of its field.
    """
    whole = {name: value for name, value in patch.items() if name not in resource.merge_keys}
    for name in _targets(resource, patch):
        if name in whole:
            raise Invalid(
                f"{name} stands beside {name}{MERGE} or {name}{REMOVE}",
                hint=f"Send {name} to replace the whole dictionary, the others to change single keys.",
            )
    return whole if stored is None else whole | {n: _new(resource, n, patch, stored) for n in _targets(resource, patch)}


def _targets(resource: Resource, patch: Row) -> list[str]:
    """The fields whose single keys a patch names."""
    return sorted({field for key, (field, _) in resource.merge_keys.items() if key in patch})


def _new(resource: Resource, name: str, patch: Row, stored: Mapping[str, str]) -> Row:
    value = orjson.loads(stored[name])
    for path in patch.get(f"{name}{REMOVE}", ()):
        _remove(value, [path] if isinstance(path, str) else path)
    _merge(value, patch.get(f"{name}{MERGE}", {}))
    try:
        checked: Row = _adapter(resource.entity, name).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in (name, *first["loc"]))
        raise Invalid(f"{place}: {first['msg'].removeprefix('Value error, ')}") from None
    return checked


@lru_cache
def _adapter(entity: str, name: str) -> TypeAdapter[Any]:
    return TypeAdapter(BY_ENTITY[entity].fields[name].validated_type)


def _remove(value: Any, path: Sequence[str]) -> None:
    for key in path[:-1]:
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, dict):
        value.pop(path[-1], None)


def _merge(value: Row, changes: Row) -> None:
    for key, new in changes.items():
        old = value.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            _merge(old, new)
        else:
            value[key] = new
