"""Connect to a database, and keep the connection under a name."""

import sqlite3
from pathlib import Path
from typing import Any

from storax.data.exchange import databases, tables
from storax.data.exchange.connections import DEFAULT, Connection, opened


def connect_sqlite3(name: str | Path = ":memory:", *, conn_id: str = DEFAULT) -> Connection:
    """Open a file of SQLite, which is made where it is missing; ``":memory:"`` (default) is in memory."""
    return opened(conn_id, sqlite3.connect(name, check_same_thread=False))


def connect_duckdb(name: str | Path = ":memory:", *, conn_id: str = DEFAULT) -> Connection:
    """Open a file of DuckDB, which is made where it is missing; ``":memory:"`` (default) is in memory."""
    return opened(conn_id, tables.library("duckdb").connect(str(name)))


def connect_postgres(
    dbname: str,
    user: str | None = None,
    password: str | None = None,
    host: str | None = None,
    hostaddr: str | None = None,
    port: int = 5432,
    *,
    conn_id: str = DEFAULT,
) -> Connection:
    """Connect to PostgreSQL, by SQLAlchemy and psycopg.

    Args:
        dbname: Of the database.
        user, password: Of the login.
        host: Name of the machine, or folder of the socket; None: this machine's socket.
        hostaddr: Address of the machine, in place of ``host``.
        port: Default 5432.
        conn_id: Name of the connection. Default ``"default"``.

    Raises:
        InvalidInput: the driver is not installed.
        StoraxError: the database's own words, as for a wrong password.
    """
    login = {"username": user, "password": password, "host": hostaddr or host, "port": port, "database": dbname}
    return opened(conn_id, databases.engine_for("postgresql+psycopg", **login))


connect_greenplum = connect_postgres


def connect_mysql(
    dbname: str,
    user: str | None = None,
    password: str | None = None,
    host: str = "localhost",
    port: int = 3306,
    unix_socket: str | None = None,
    *,
    conn_id: str = DEFAULT,
) -> Connection:
    """Connect to MySQL or MariaDB, by SQLAlchemy and PyMySQL.

    Args:
        dbname: Of the database.
        user, password: Of the login.
        host: Name of the machine. Default ``localhost``.
        port: Default 3306.
        unix_socket: Path of the socket, in place of ``host``.
        conn_id: Name of the connection. Default ``"default"``.

    Raises:
        InvalidInput: the driver is not installed.
        StoraxError: the database's own words, as for a wrong password.
    """
    socket: dict[str, Any] = {"query": {"unix_socket": unix_socket}} if unix_socket else {}
    login = {"username": user, "password": password, "host": host, "port": port, "database": dbname}
    return opened(conn_id, databases.engine_for("mysql+pymysql", **login, **socket))


connect_mariadb = connect_mysql
