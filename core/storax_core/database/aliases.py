"""How SQL names a resource's tables and columns, and reads its fields from JSON.

``t`` is the main table, ``s`` the one that holds the state.
"""

import json
from typing import Any

from storax_core.resources.base import FieldSpec, Resource


def column(resource: Resource, name: str) -> str:
    """A stored field's SQL, with its table's alias: t for the main table, s for the one with the state."""
    on_state = resource.fields[name].table == resource.state_table or name in ("id", "owner_id")
    return f"{'s' if resource.split and on_state else 't'}.{name}"


def source(resource: Resource, *, state_only: bool = False) -> str:
    """The FROM clause."""
    if not resource.split:
        return f"{resource.table} t"
    joined = "" if state_only else f" JOIN {resource.table} t ON t.id = s.id"
    return f"{resource.state_table} s{joined}"


def read(spec: FieldSpec, source: str) -> str:
    """SQL that takes one field out of the jsonb expression ``source``."""
    if spec.pg_type == "jsonb":
        value = f"{source}->'{spec.name}'"
        return f"nullif({value}, 'null'::jsonb)" if spec.nullable else value
    cast = "" if spec.pg_type == "text" else f"::{spec.pg_type}"
    return f"({source}->>'{spec.name}'){cast}"


def literal(value: Any) -> str:
    """A field's default as SQL."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    text = value if isinstance(value, str) else json.dumps(value)
    return f"'{text}'" + ("" if isinstance(value, str) else "::jsonb")


def read_or_default(spec: FieldSpec, source: str) -> str:
    """As ``read``; a field left out takes its declared default."""
    return or_default(spec, read(spec, source))


def or_default(spec: FieldSpec, value: str) -> str:
    """SQL of a field's value; where it is null and may not be, of the declared default, if there is one."""
    bare = spec.nullable or spec.required or spec.default is None
    return value if bare else f"coalesce({value}, {literal(spec.default)})"
