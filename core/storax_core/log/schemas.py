"""Versions of event schemas: what each declared, for ever, and how an event of an old version is read today.

``schemas.json`` holds the fields of every version of every event type, and the defaults of ``created`` events: a field
that such an event leaves out has the default of the event's own version. `make generate` adds what is new and changes
nothing that is there.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from storax_core.lifecycle.change import CREATED
from storax_core.log.event_types import EVENT_TYPES, EventType
from storax_core.resources import BY_ENTITY, Resource

FILE = Path(__file__).with_name("schemas.json")
Schema = dict[str, dict[str, Any]]
Schemas = dict[str, dict[str, Schema]]

FROZEN: Schemas = orjson.loads(FILE.read_bytes()) if FILE.exists() else {}
# (event type, version) to a SQL expression over the jsonb ``data`` of an event of that version, its defaults filled in.
# Its value is the data as the next version writes it.
UPCASTERS: dict[tuple[str, int], str] = {}


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
    missing = [
        f"{name}: events of this type are in logs. Keep its declaration." for name in frozen.keys() - EVENT_TYPES
    ]
    return sorted(missing) + [
        f"{kind.name}: {words}. Give it schema version {kind.schema_version + 1} ({_where(kind)}), run `make generate`,"
        " add a frozen event of it, and an entry in log/schemas.py UPCASTERS where an old event would be read wrongly."
        for kind in EVENT_TYPES.values()
        for words in _differences(frozen.get(kind.name, {}).get(str(kind.schema_version)), declared(kind))
    ]


def _where(kind: EventType) -> str:
    standard = kind.name.partition(".")[2] in ("created", "updated", "deleted", "state_changed")
    return "event_versions of the resource" if standard else "log/event_types.py"


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


def newest_data(resource: Resource, only: str = "") -> str:
    """A SELECT of an entity's events with ``data`` as the newest version of their type writes it.

    ``only`` is a further condition on the events.
    """
    created = f"{resource.entity}.{CREATED}"
    kept = 'entity_id, owner_id, version, "timestamp", type, schema_version'
    sql = f"""SELECT {kept}, CASE WHEN type = '{created}' THEN {_filled(FROZEN[created])} ELSE data END AS data
FROM event_log WHERE entity = '{resource.entity}' {only}"""  # noqa: S608
    for (name, version), expression in sorted(UPCASTERS.items(), key=lambda item: item[0][1]):
        if EVENT_TYPES[name].entity == resource.entity:
            older = f"type = '{name}' AND schema_version <= {version}"
            sql = f"SELECT {kept}, CASE WHEN {older} THEN {expression} ELSE data END AS data FROM ({sql}) e"  # noqa: S608
    return sql


def _filled(versions: Mapping[str, Schema]) -> str:
    """SQL of ``data`` over the defaults of the event's own version."""
    whens = " ".join(f"WHEN {version} THEN {_literal(schema['defaults'])}" for version, schema in versions.items())
    return f"CASE schema_version {whens} END || data"


def _literal(value: Any) -> str:
    text = orjson.dumps(value).decode().replace("'", "''")
    return f"'{text}'::jsonb"


def version_of(resource: Resource, type_: str) -> str:
    """SQL of the schema version that today's declarations give the event type named by the SQL ``type_``."""
    later = {
        t.name: t.schema_version for t in EVENT_TYPES.values() if t.entity == resource.entity and t.schema_version > 1
    }
    whens = " ".join(f"WHEN '{name}' THEN {version}" for name, version in later.items())
    return f"CASE {type_} {whens} ELSE 1 END" if whens else "1"
