"""How SQL names a resource's tables and columns: ``t`` is the main table, ``s`` the one that holds the state."""

from storax_core.resources.base import Resource


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
