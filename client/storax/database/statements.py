"""What is often asked of a database; ``conn`` is a connection, by default the one named ``default``."""

from typing import Any

from storax.data.exchange import connections, databases
from storax.data.exchange.connections import Connection

__all__ = [
    "Connection", "copy_table", "drop_table", "execute", "get", "get_colnames", "list_connections", "list_tables",
]  # fmt: skip


def list_connections() -> list[str]:
    """Names of the open connections, oldest first."""
    return connections.names()


def list_tables(conn: Any = None) -> list[str]:
    """Names of the tables, sorted."""
    return databases.table_names(conn)


def get_colnames(name: str, conn: Any = None) -> list[str]:
    """Names of the columns of a table, in their order."""
    return databases.column_names(name, conn)


def execute(query: str, conn: Any = None) -> None:
    """Run a statement, and commit it."""
    databases.execute(query, conn)


def get(query: str, conn: Any = None) -> Any:
    """The rows of a query, as a pandas DataFrame; needs pandas."""
    return databases.query(query, conn).to_pandas()


def drop_table(name: str, conn: Any = None) -> None:
    """Drop a table."""
    databases.drop(name, conn)


def copy_table(source_conn: Any, target_conn: Any, source_table: str, target_table: str | None = None) -> None:
    """Copy all rows of a table into a new table of another database, which has the same name by default."""
    databases.write(target_table or source_table, databases.table(source_table, source_conn), target_conn)
