"""Rows of databases, by any DB-API 2 connection, SQLAlchemy engine or connection, ADBC connection, or address."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import import_module
from typing import Any

from storax.data import tables
from storax.errors import InvalidInput, StoraxError

_ROWS = 50_000
_KINDS = {"double": "DOUBLE PRECISION", "int64": "BIGINT", "bool": "BOOLEAN", "timestamp[us]": "TIMESTAMP"}
_MARKS = {"qmark": "?", "numeric": ":{}", "format": "%s", "pyformat": "%s", "named": ":{}"}


def query(sql: str, conn: Any) -> Any:
    """The rows of a query as a pyarrow Table.

    Raises:
        InvalidInput: ``conn`` is no connection, or the statement answers no rows.
        StoraxError: the database's own words.
    """
    with _connected(conn) as raw, closing(raw.cursor()) as cursor:
        _run(cursor, sql)
        if type(cursor).__module__.startswith("adbc"):
            return cursor.fetch_arrow_table()
        if cursor.description is None:
            raise InvalidInput("The statement answers no rows.", hint="Use a SELECT.")
        return _collected(cursor)


def table(name: str, conn: Any) -> Any:
    """All rows of a table as a pyarrow Table."""
    return query(f"SELECT * FROM {_quoted(name)}", conn)  # noqa: S608


def write(name: str, found: Any, conn: Any) -> None:
    """Make a table in a database, out of a pyarrow Table.

    Raises:
        StoraxError: the database's own words, as for a table that exists.
    """
    columns = ", ".join(f"{_quoted(f.name)} {_KINDS.get(str(f.type), 'TEXT')}" for f in found.schema)
    with _connected(conn) as raw, closing(raw.cursor()) as cursor:
        mark = _MARKS[_style(raw)]
        places = ", ".join(mark.format(number + 1) for number in range(found.num_columns))
        _run(cursor, f"CREATE TABLE {_quoted(name)} ({columns})")
        for batch in found.to_batches(max_chunksize=_ROWS):
            rows = list(zip(*batch.to_pydict().values(), strict=True))
            cursor.executemany(f"INSERT INTO {_quoted(name)} VALUES ({places})", rows)  # noqa: S608
        raw.commit()


def _collected(cursor: Any) -> Any:
    names = [words[0] for words in cursor.description]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidInput(f"The query answers several columns named {twice!r}.", hint="Name them by AS.")
    columns: list[list[Any]] = [[] for _ in names]
    while rows := cursor.fetchmany(_ROWS):
        for values, column in zip(zip(*rows, strict=True), columns, strict=True):
            column.extend(values)
    return tables.from_dict(dict(zip(names, columns, strict=True)))


@contextmanager
def _connected(conn: Any) -> Iterator[Any]:
    """A DB-API connection; one that is made here is closed here."""
    if isinstance(conn, str):
        with closing(_library().create_engine(conn).raw_connection()) as raw:
            yield raw
    elif hasattr(conn, "raw_connection"):
        with closing(conn.raw_connection()) as raw:
            yield raw
    elif hasattr(conn, "exec_driver_sql"):
        yield conn.connection
    elif hasattr(conn, "cursor"):
        yield conn
    else:
        raise InvalidInput(
            f"A {type(conn).__name__} is no connection to a database.",
            hint="Pass a DB-API connection, a SQLAlchemy engine, or an address such as sqlite:///file.db.",
        )


def _library() -> Any:
    try:
        return import_module("sqlalchemy")
    except ImportError:
        raise StoraxError(
            "An address of a database needs SQLAlchemy.", hint="Install it: pip install sqlalchemy"
        ) from None


def _style(raw: Any) -> str:
    real = getattr(raw, "dbapi_connection", raw)
    return str(getattr(import_module(type(real).__module__.partition(".")[0]), "paramstyle", "qmark"))


def _run(cursor: Any, sql: str) -> None:
    try:
        cursor.execute(sql)
    except Exception as error:  # every driver has a tree of its own
        raise StoraxError(f"The database refused: {error}", hint=f"The statement was: {sql[:200]}") from error


def _quoted(name: str) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))
