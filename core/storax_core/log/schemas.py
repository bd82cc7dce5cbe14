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
from storax_core.log.archive.whole_log import LOG
from storax_core.log.event_types import EVENT_TYPES
from storax_core.log.unknown_events import checked
from storax_core.resources import Resource

FILE = Path(__file__).with_name("schemas.json")
Schema = dict[str, dict[str, Any]]
Schemas = dict[str, dict[str, Schema]]

FROZEN: Schemas = orjson.loads(FILE.read_bytes())
# (event type, version) to a SQL expression over the jsonb ``data`` of an event of that version, its defaults filled in.
# Its value is the data as the next version writes it.
UPCASTERS: dict[tuple[str, int], str] = {
    ("app.created", 1): """data || '{"max_losses": 100}'""",
    ("job.created", 1): """data || '{"max_losses": 100, "losses": 0, "loss_reason": "", "wall_time_limit_min": 0}'""",
    ("webhook.created", 1): """data || '{"format": "cloudevents"}'""",
    ("site.created", 1): "jsonb_build_object('set_aside', '{}'::jsonb) || data",
}


def newest_data(resource: Resource, only: str = "", *, log: str = LOG) -> str:
    """A SELECT of an entity's events with ``data`` as the newest version of their type writes it.

    ``only`` is a further condition on the events, ``log`` SQL of where they are. The statement raises for an event that
    a newer release wrote.
    """
    created = f"{resource.entity}.{CREATED}"
    kept = 'entity_id, owner_id, version, "timestamp", creation_date, type, schema_version'
    data = checked(f"CASE WHEN type = '{created}' THEN {_filled(FROZEN[created])} ELSE data END", _newest(resource))
    sql = f"""SELECT {kept}, {data} AS data
FROM {log} l WHERE entity = '{resource.entity}' {only}"""  # noqa: S608
    for (name, version), expression in sorted(UPCASTERS.items(), key=lambda item: item[0][1]):
        if EVENT_TYPES[name].entity == resource.entity:
            older = f"type = '{name}' AND schema_version <= {version}"
            sql = f"SELECT {kept}, CASE WHEN {older} THEN {expression} ELSE data END AS data FROM ({sql}) e"  # noqa: S608
    return sql


def _newest(resource: Resource) -> dict[str, int]:
    """The newest version of each event type of a resource."""
    return {name: max(map(int, FROZEN[name])) for name, t in EVENT_TYPES.items() if t.entity == resource.entity}


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
