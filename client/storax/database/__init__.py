"""Connections to databases, for ``from_db``, ``from_query`` and ``to_db``, and what is often asked of a database.

::

    storax.database.connect_sqlite3("shop.db")
    storax.database.list_tables()
    storax.data.DataFrame.from_db("orders", "orders")  # over the connection that was made last under its name

A connection has a name, ``conn_id``, by default ``"default"``; it is made at once, so that an error comes here.
Other databases go by a SQLAlchemy engine or an address: ``from_db("orders", conn="mssql+pyodbc://...")``.
"""

from storax.database.connect import (
    connect_duckdb,
    connect_greenplum,
    connect_mariadb,
    connect_mysql,
    connect_postgres,
    connect_sqlite3,
)
from storax.database.statements import (
    Connection,
    copy_table,
    drop_table,
    execute,
    get,
    get_colnames,
    list_connections,
    list_tables,
)

__all__ = [
    "Connection", "connect_duckdb", "connect_greenplum", "connect_mariadb", "connect_mysql", "connect_postgres",
    "connect_sqlite3", "copy_table", "drop_table", "execute", "get", "get_colnames", "list_connections", "list_tables",
]  # fmt: skip
