"""Data frames out of databases and into them: SQLite, DuckDB, the test stack's Postgres, a real MariaDB."""

import datetime
import sqlite3
import sys
from contextlib import closing
from types import ModuleType

import adbc_driver_sqlite.dbapi
import duckdb
import psycopg
import pymysql.connections
import pytest
import sqlalchemy

from needs import needs
from storax import errors
from storax.data import DataFrame
from storax.data.exchange import databases
from storax.data.exchange.dialects import dialect_of

STRANGE = 'order items, 100% "odd" `ones` [all]'
ROWS = {
    "n": [1, 2**53, None],
    "x": [1.5, None, -2.25],
    "select": ["a", "ü 'quoted'", None],
    "a.b": ["2038-01-20T03:14:08.123456", None, "1960-02-29T12:00:00"],
    "yes": [True, None, False],
}


@pytest.fixture(
    params=[
        *("sqlite", "adbc", "duckdb", "postgres", "postgres by sqlalchemy"),
        *(pytest.param(one, marks=needs("mariadb")) for one in ("mariadb", "mariadb by sqlalchemy")),
    ]
)
def conn(request, tmp_path):
    match request.param.partition(" "):
        case "sqlite", *_:
            connection = sqlite3.connect(tmp_path / "db")
        case "adbc", *_:
            connection = adbc_driver_sqlite.dbapi.connect(str(tmp_path / "db"))
        case "duckdb", *_:
            connection = duckdb.connect(str(tmp_path / "db"))
        case "postgres", _, by:
            url = request.getfixturevalue("empty_database_url")
            connection = psycopg.connect(url) if not by else _engine(url.replace("postgresql:", "postgresql+psycopg:"))
        case "mariadb", _, by:
            server = request.getfixturevalue("mariadb")
            address = f"mysql+pymysql://{server.user}@/{server.database}?unix_socket={server.socket}"
            connection = server.connect() if not by else _engine(address)
    yield connection
    if hasattr(connection, "dispose"):
        connection.dispose()
    else:
        connection.close()


def _engine(url):
    return sqlalchemy.create_engine(url)


def ask(conn, *statements):
    """Statements by other means than ours."""
    with closing(conn.raw_connection() if hasattr(conn, "raw_connection") else conn.cursor()) as handle:
        cursor = handle.cursor() if hasattr(conn, "raw_connection") else handle
        for statement in statements:
            cursor.execute(statement)
        answer = cursor.fetchall() if cursor.description else None
        (handle if hasattr(conn, "raw_connection") else conn).commit()
        return answer


def test_a_table_with_any_name_goes_into_a_database_and_comes_back(project, conn):
    df = DataFrame.from_dict({**ROWS, "a.b": [t and datetime.datetime.fromisoformat(t) for t in ROWS["a.b"]]}, "d")
    df.to_db(STRANGE, conn)
    back = DataFrame.from_db(STRANGE, "back", conn=conn)
    assert back.colnames == df.colnames
    columns = back.to_arrow().to_pydict()
    assert [None if v is None else bool(v) for v in columns.pop("yes")] == ROWS["yes"]
    stamps = [None if v is None else datetime.datetime.fromisoformat(str(v)) for v in columns.pop("a.b")]
    assert stamps == df.to_arrow()["a.b"].to_pylist()
    assert columns == {name: ROWS[name] for name in columns}
    with pytest.raises(errors.StoraxError, match="The database refused"):
        df.to_db(STRANGE, conn)
    _drop(conn, STRANGE)


def test_a_query_in_the_words_of_the_database_is_read(project, conn):
    ask(conn, "CREATE TABLE prices (a INTEGER, p DECIMAL(9, 2))", "INSERT INTO prices VALUES (1, 2.50), (2, NULL)")
    df = DataFrame.from_query("SELECT a * 2 AS c, p FROM prices ORDER BY a", "q", conn=conn)
    assert df.to_dict() == {"c": [2, 4], "p": [2.5, None]}
    assert DataFrame("q").read_db("prices", conn=conn, append=False).nrows() == 2
    with pytest.raises(errors.StoraxError, match=r"(?i)no_such"):
        DataFrame.from_db("no_such", conn=conn)
    _over(conn)
    ask(conn, "DROP TABLE prices")


def _over(conn):
    """End a transaction that failed; DuckDB knows none that nobody began."""
    if hasattr(conn, "rollback") and not isinstance(conn, duckdb.DuckDBPyConnection):
        conn.rollback()


def _drop(conn, name):
    _over(conn)
    raw = conn.raw_connection() if hasattr(conn, "raw_connection") else conn
    ask(conn, f"DROP TABLE {dialect_of(raw, getattr(conn, 'dialect', None)).quoted(name)}")
    if raw is not conn:
        raw.close()


def test_rows_that_come_as_dictionaries_are_rows(project, mariadb):
    with mariadb.connect() as conn:
        conn.cursorclass = pymysql.cursors.DictCursor
        df = DataFrame.from_query("SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y'", "q", conn=conn)
    assert df.to_dict() == {"a": [1, 2], "b": ["x", "y"]}


def test_an_address_that_cannot_be_used_is_an_error_of_ours(project):
    with pytest.raises(errors.InvalidInput, match="cannot be used"):
        DataFrame.from_db("t", conn="nosuch://database")
    with pytest.raises(errors.StoraxError, match="The database refused"):
        DataFrame.from_db("t", conn="sqlite:////no/such/folder/db")


@pytest.mark.parametrize(
    ("module", "style", "quoted", "row"),
    [
        ("MySQLdb.connections", "format", "`s`.`a``b`", "%s, %s"),
        ("pymssql._pymssql", "pyformat", "[s].[a`b]", "%s, %s"),
        ("oracledb.connection", "named", '"s"."a`b"', ":1, :2"),
        ("unheard_of.connection", "of its own", '"s"."a`b"', "?, ?"),
    ],
)
def test_a_name_is_quoted_as_the_driver_s_database_quotes(monkeypatch, module, style, quoted, row):
    """Neither these drivers nor their servers are here: stand-ins with the drivers' names show the statement alone."""
    driver = module.partition(".")[0]
    for name in (driver, module):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules[driver].paramstyle = style
    conn = type("Connection", (), {"__module__": module})()
    assert dialect_of(conn).quoted("s.a`b") == quoted
    assert dialect_of(conn).insert("t%", 2).endswith(f"VALUES ({row})")


@pytest.mark.parametrize(
    ("connection", "quoted"), [(psycopg.Connection, '"s"."a`b"'), (pymysql.connections.Connection, "`s`.`a``b`")]
)
def test_a_name_is_quoted_as_an_installed_driver_s_database_quotes(connection, quoted):
    """The driver's own class, without a server."""
    conn = object.__new__(connection)
    conn._closed = True  # what its destructor asks
    assert dialect_of(conn).quoted("s.a`b") == quoted
    assert dialect_of(conn).insert("t%", 2).endswith("VALUES (%s, %s)")


def test_sqlalchemy_tells_the_dialect_and_the_marks():
    engine = sqlalchemy.create_engine("mysql+pymysql://me@localhost/x")
    assert dialect_of(object(), engine.dialect).insert("a%b", 1) == "INSERT INTO `a%%b` VALUES (%s)"
    assert dialect_of(object(), sqlalchemy.create_engine("sqlite://").dialect).quoted('a"b') == '"a""b"'


def test_an_error_of_a_statement_that_is_executed_shows_its_first_word_alone(tmp_path):
    with closing(sqlite3.connect(tmp_path / "db")) as connection:
        for statement in ("CREATE USER me PASSWORD 'secret'", "ALTER\nUSER me PASSWORD 'secret'"):
            with pytest.raises(errors.StoraxError) as caught:
                databases.execute(statement, connection)
            assert caught.value.hint == f"The statement was: {statement.split()[0]} ..."
            assert "secret" not in str(caught.value)
        with pytest.raises(errors.StoraxError, match="SELECT x FROM nowhere"):
            databases.query("SELECT x FROM nowhere", connection)
