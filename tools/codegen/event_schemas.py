"""The frozen schemas of the log: add new declarations, refuse those that contradict a frozen one."""

from pathlib import Path
from typing import Any

import orjson

from storax_core.lifecycle.change import CREATED, DELETED, STATE_CHANGED, UPDATED
from storax_core.log.event_types import EVENT_TYPES, EventType
from storax_core.log.schemas import FILE, Schema, Schemas
from storax_core.resources import BY_ENTITY, Resource

AS_WRITTEN = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE


def rendered(frozen: Schemas) -> bytes:
    """The file with today's declarations added. Raises ValueError where they contradict what was frozen."""
    if wrong := breaches(frozen):
        raise ValueError("\n".join(wrong))
    return orjson.dumps(extended(frozen), option=AS_WRITTEN)


def write(path: Path = FILE) -> bool:
    """Bring the file up to date; returns whether it changed."""
    before = path.read_bytes()
    after = rendered(orjson.loads(before))
    path.write_bytes(after)
    return after != before


def declared(kind: EventType) -> Schema:
    """The schema that the declarations give an event type today."""
    resource = BY_ENTITY[kind.entity]
    schema: Schema = {"fields": {name: resource.fields[name].pg_type for name in kind.fields}}
    if kind.name == f"{kind.entity}.{CREATED}":
        schema["defaults"] = _defaults(resource)
    return schema


def _defaults(resource: Resource) -> dict[str, Any]:
    specs = (resource.fields[name] for name in resource.folded)
    return {s.name: s.default for s in specs if not (s.required or s.nullable or s.default is None)}


def extended(frozen: Schemas) -> Schemas:
    """The frozen schemas with those of versions declared since, and with fields that a patch may now name as well."""
    out = {name: dict(versions) for name, versions in frozen.items()}
    for kind in EVENT_TYPES.values():
        versions, version = out.setdefault(kind.name, {}), str(kind.schema_version)
        schema = declared(kind)
        if version not in versions:
            versions[version] = schema
        elif "defaults" not in schema:
            versions[version] = {"fields": schema["fields"] | versions[version]["fields"]}
    return out


def breaches(frozen: Schemas) -> list[str]:
    """How the declarations contradict what was frozen, a sentence with the way out for each."""
    gone = sorted(frozen.keys() - EVENT_TYPES)
    return [f"{name}: events of this type are in logs. Keep its declaration." for name in gone] + [
        f"{kind.name}: {difference}. {_way_out(kind)}"
        for kind in EVENT_TYPES.values()
        for difference in _differences(frozen.get(kind.name, {}).get(str(kind.schema_version)), declared(kind))
    ]


def _way_out(kind: EventType) -> str:
    standard = kind.name.partition(".")[2] in (CREATED, UPDATED, DELETED, STATE_CHANGED)
    place = "event_versions of the resource" if standard else "log/event_types.py"
    return (
        f"Give it schema version {kind.schema_version + 1} ({place}), run `make generate`, add a frozen event, and"
        " an entry in log/schemas.py UPCASTERS where an old event would be read wrongly."
    )


def _differences(frozen: Schema | None, now: Schema) -> list[str]:
    if frozen is None:
        return []
    gone = [f"field {n} ({kind}) is gone or has another type" for n, kind in frozen["fields"].items()
            if now["fields"].get(n) != kind]  # fmt: skip
    if "defaults" not in now:
        return gone  # a patch that does not name a new field leaves it as it is
    new = [f"field {n} is new" for n in now["fields"].keys() - frozen["fields"].keys()]
    names = frozen["fields"].keys() & now["fields"].keys()
    before, after = frozen["defaults"], now["defaults"]
    changed = [
        f"the default of {n} was {before.get(n)!r} and is {after.get(n)!r}"
        for n in names
        if _json(before.get(n)) != _json(after.get(n))
    ]
    return gone + sorted(new) + sorted(changed)


def _json(value: Any) -> bytes:
    return orjson.dumps(value)
