"""Rows of databases, by any DB-API 2 connection, SQLAlchemy engine or connection, ADBC connection, or address."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from importlib import import_module
from typing import Any

from storax import _installation as installation
from storax._runtime.progress import Bar, counted
from storax.data.exchange import tables
from storax.data.exchange.connections import connectable
from storax.data.exchange.dialects import Dialect, dialect_of
from storax.errors import InvalidInput, StoraxError

_ROWS = 10_000
_TABLES = (
    "SELECT table_name FROM information_schema.tables WHERE table_schema NOT IN ('information_schema', 'pg_catalog')"
)


def query(sql: str, conn: Any) -> Any:
    """The rows of a query as a pyarrow Table.

    Raises:
        InvalidInput: ``conn`` is no connection, or the statement answers no rows.
        StoraxError: the database's own words.
    """
    with _connected(conn) as (raw, _):
        return _answer(raw, sql)


def table(name: str, conn: Any) -> Any:
    """All rows of a table as a pyarrow Table. The name is as the database has it, quoted as that database quotes."""
    with _connected(conn) as (raw, dialect):
        return _answer(raw, f"SELECT * FROM {dialect.quoted(name)}")  # noqa: S608


def write(name: str, table: Any, conn: Any) -> None:
    """Make a table in a database, out of a pyarrow Table.

    Raises:
        StoraxError: the database's own words, as for a table that exists.
    """
    with _connected(conn) as (raw, dialect), closing(raw.cursor()) as cursor:
        if _adbc(cursor):
            schema, _, plain = name.rpartition(".")
            _run(partial(cursor.adbc_ingest, mode="create", db_schema_name=schema or None), plain, table)
            raw.commit()
            return
        columns = ", ".join(f"{dialect.column(f.name)} {dialect.kind(str(f.type))}" for f in table.schema)
        _run(cursor.execute, f"CREATE TABLE {dialect.quoted(name)} ({columns})")
        insert = dialect.insert(name, table.num_columns)
        with counted(f"Writing {name}", table.num_rows) as bar:
            for batch in table.to_batches(max_chunksize=_ROWS):
                _run(cursor.executemany, insert, list(zip(*batch.to_pydict().values(), strict=True)))
                bar.update(batch.num_rows)
        raw.commit()


def execute(sql: str, conn: Any) -> None:
    """Run a statement and commit it."""
    with _connected(conn) as (raw, _), closing(raw.cursor()) as cursor:
        _run(cursor.execute, sql, shown=f"{sql.split(maxsplit=1)[0]} ..." if sql.strip() else "empty")
        raw.commit()


def drop(name: str, conn: Any) -> None:
    """Drop a table; the name is as the database has it."""
    with _connected(conn) as (_, dialect):
        statement = f"DROP TABLE {dialect.quoted(name)}"
    execute(statement, conn)


def column_names(name: str, conn: Any) -> list[str]:
    """Names of the columns of a table, in their order."""
    with _connected(conn) as (raw, dialect), closing(raw.cursor()) as cursor:
        _run(cursor.execute, f"SELECT * FROM {dialect.quoted(name)} WHERE 1 = 0")  # noqa: S608
        return [str(column[0]) for column in cursor.description]


def table_names(conn: Any) -> list[str]:
    """Names of the tables, sorted, by SQLAlchemy's inspector or the database's own catalogue."""
    raw = connectable(conn)
    if isinstance(raw, str):
        with _opened(raw) as engine:
            return table_names(engine)
    if hasattr(raw, "raw_connection") or hasattr(raw, "exec_driver_sql"):
        return sorted(_library().inspect(raw).get_table_names())
    of_sqlite = type(raw).__module__.startswith("sqlite3")
    catalogue = "SELECT name FROM sqlite_master WHERE type = 'table'" if of_sqlite else _TABLES
    return sorted(query(catalogue, raw).column(0).to_pylist())


def engine_for(drivername: str, **parts: Any) -> Any:
    """Make a SQLAlchemy engine whose first connection has been made.

    Raises:
        InvalidInput: the driver is not installed.
        StoraxError: the database's own words, as for a wrong password.
    """
    library = _library()
    address = library.URL.create(drivername, **{key: value for key, value in parts.items() if value is not None})
    try:
        engine = library.create_engine(address)
    except ModuleNotFoundError as error:
        raise InvalidInput(
            f"The driver {error.name!r} is not installed.",
            hint=f"Install it: {installation.add_library(str(error.name))}",
        ) from error
    _run(engine.connect).close()
    return engine


def _answer(raw: Any, sql: str) -> Any:
    with closing(raw.cursor()) as cursor:
        _run(cursor.execute, sql)
        with counted("Reading rows", None) as bar:
            if _adbc(cursor):
                return _batches(cursor, bar)
            if cursor.description is None:
                raise InvalidInput("The statement answers no rows.", hint="Use a SELECT.")
            return _collected(cursor, bar)


def _adbc(cursor: Any) -> bool:
    return type(cursor).__module__.startswith("adbc")


def _batches(cursor: Any, bar: Bar) -> Any:
    """By column, as ADBC has them."""
    reader, batches = cursor.fetch_record_batch(), []
    for batch in reader:
        batches.append(batch)
        bar.update(batch.num_rows)
    return tables.arrow().Table.from_batches(batches, reader.schema)


def _collected(cursor: Any, bar: Bar) -> Any:
    names = [column_description[0] for column_description in cursor.description]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidInput(f"The query answers several columns named {twice!r}.", hint="Name them by AS.")
    columns: list[list[Any]] = [[] for _ in names]
    while rows := cursor.fetchmany(_ROWS):
        if isinstance(rows[0], Mapping):  # a cursor that was asked for rows as dictionaries
            rows = [row.values() for row in rows]
        for values, column in zip(zip(*rows, strict=True), columns, strict=True):
            column.extend(values)
        bar.update(len(rows))
    return tables.from_dict(dict(zip(names, columns, strict=True)))


@contextmanager
def _connected(conn: Any) -> Iterator[tuple[Any, Dialect]]:
    """A DB-API connection and its dialect; one that is made here is closed here."""
    conn = connectable(conn)
    if isinstance(conn, str):
        with _opened(conn) as engine, _connected(engine) as connection:
            yield connection
    elif hasattr(conn, "raw_connection"):
        with closing(_run(conn.raw_connection)) as raw:
            yield raw, dialect_of(raw, conn.dialect)
    elif hasattr(conn, "exec_driver_sql"):
        yield conn.connection, dialect_of(conn.connection, conn.dialect)
    elif hasattr(conn, "cursor"):
        yield conn, dialect_of(conn)
    else:
        raise InvalidInput(
            f"A {type(conn).__name__} is no connection to a database.",
            hint="Pass a DB-API connection, a SQLAlchemy engine, or an address such as sqlite:///file.db.",
        )


@contextmanager
def _opened(address: str) -> Iterator[Any]:
    library = _library()
    try:
        engine = library.create_engine(address)
    except Exception as error:  # what is wrong with the address, or which driver is not installed
        raise InvalidInput(
            f"This address of a database cannot be used: {error}.", hint="An example: postgresql+psycopg://user@host/db"
        ) from error
    try:
        yield engine
    finally:
        engine.dispose()


def _library() -> Any:
    try:
        return import_module("sqlalchemy")
    except ImportError:
        raise StoraxError(
            "An address of a database needs SQLAlchemy.", hint=f"Install it: {installation.add_library('sqlalchemy')}"
        ) from None


def _run(act: Callable[..., Any], *arguments: Any, shown: str = "") -> Any:
    """Call a driver; ``shown`` stands in the error for a statement that may hold a password."""
    try:
        return act(*arguments)
    except Exception as error:  # every driver has a tree of its own
        hint = f"The statement was: {shown or arguments[0][:200]}" if arguments else ""
        raise StoraxError(f"The database refused: {error}", hint=hint) from error
