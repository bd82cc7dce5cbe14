"""Connections to databases that are made once and used by name, or without one: the last is the default."""

from typing import Any

from storax.errors import InvalidInput

DEFAULT = "default"
_open: dict[str, Any] = {}


class Connection:
    """A connection made by ``storax.database.connect_...``; ``Connection("name")`` finds one again.

    Args:
        conn_id: The name that was given to ``connect_...``. Default ``"default"``.

    Raises:
        InvalidInput: none of that name is open.
    """

    def __init__(self, conn_id: str = DEFAULT) -> None:
        if conn_id not in _open:
            known = ", ".join(_open) or "none"
            raise InvalidInput(
                f"There is no connection {conn_id!r}; open are: {known}.",
                hint='Make one: storax.database.connect_sqlite3("file.db"), connect_postgres(...), connect_mysql(...).',
            )
        self.id = conn_id

    @property
    def raw(self) -> Any:
        """The DB-API connection or SQLAlchemy engine behind it."""
        return _open[self.id]

    def __repr__(self) -> str:
        return f"Connection({self.id!r})"


def opened(conn_id: str, raw: Any) -> Connection:
    """Keep a connection under a name; one that had the name is closed."""
    earlier = _open.pop(conn_id, None)
    if earlier is not None:
        (earlier.dispose if hasattr(earlier, "dispose") else earlier.close)()
    _open[conn_id] = raw
    return Connection(conn_id)


def connectable(conn: Any) -> Any:
    """Return what can be connected to behind ``conn``; the default connection for None."""
    return (conn or Connection()).raw if conn is None or isinstance(conn, Connection) else conn


def names() -> list[str]:
    """Names of the open connections, oldest first."""
    return list(_open)
