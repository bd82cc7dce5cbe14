"""The SQL of features in every dialect: parsed in all, and run for real on SQLite and MariaDB: the kernels' numbers."""

import datetime
import sqlite3
from contextlib import closing
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import sqlglot

from learning.parity import assert_parity
from learning.worlds import (
    DAY,
    HOUR,
    MARKET_ROLES,
    MARKET_UNITS,
    SHOP_ROLES,
    fit,
    join,
    market,
    shop,
    spec,
    towns,
    under_conditions,
)  # fmt: skip
from needs import needs
from storax.data.exchange.dialects import dialect_of
from storax_engine.learning import BadPlan
from storax_engine.learning.aggregations.catalogue import CATALOGUE
from storax_engine.learning.sql.write import DIALECTS
from storax_engine.learning.trained import Trained

ALIKE = {"Q1", "Q5", "Q25", "Q75", "Q90", "Q99"}  # written as Q10 and Q95 are
EVERYTHING = [*(name for name in CATALOGUE if name not in ALIKE), "EWMA_1D", "EWMA_TREND_1D"]
PARSERS = {"mssql": "tsql"}
STEPS = [
    {"kind": "Imputation", "add_dummies": True},
    {"kind": "CategoryTrimmer", "min_freq": 20},
    {"kind": "Substring", "begin": 0, "length": 2},
    {"kind": "Mapping", "min_freq": 3},
]


@pytest.fixture(scope="module")
def everything():
    """Each aggregation there is, over a number and a category."""
    roles = {**SHOP_ROLES, "orders": {"numerical": ["price"], "categorical": ["kind"], "time_stamp": ["ts"]}}
    orders = join("orders", "id", ("at", "ts"), horizon=3 * HOUR, memory=20 * DAY)
    tables = shop(31, n=150, orders=1000)
    # Quarters have exact sums, so a value that is the average is so whatever the order of adding up.
    price = pc.divide(pc.round(pc.multiply(tables["orders"]["price"], 4.0)), 4.0)
    tables["orders"] = tables["orders"].set_column(2, "price", price)
    return fit(spec([orders], roles, predictor=None, learner={"aggregation": EVERYTHING}), tables), tables


@pytest.fixture(scope="module")
def prepared():
    """A snowflake with preprocessors, those aside that need regular expressions."""
    tables, joins, roles = towns(32, n=60, sales=300, lines=500)
    learner = {"aggregation": ["AVG", "COUNT_DISTINCT"]}
    return fit(spec(joins, roles, predictor=None, preprocessors=STEPS, learner=learner), tables), tables


@pytest.fixture(scope="module")
def compared():
    """Columns of equal unit compared: numbers, time stamps and categories."""
    tables, orders = market(34, n=100, orders=700), join("orders", "id", ("at", "ts"), horizon=3 * HOUR)
    learner = {"aggregation": ["AVG", "MEDIAN", "LAST", "STDDEV"]}
    trained = fit(spec([orders], MARKET_ROLES, predictor=None, learner=learner, units=MARKET_UNITS), tables)
    trained.state.features = [feature for feature in trained.state.features if feature.compared]
    return trained, tables


@pytest.fixture(scope="module")
def conditional():
    """Aggregations over rows that meet conditions."""
    return under_conditions(shop(35, n=100, orders=700))


# Writing and parsing all of them takes a minute: each dialect gets a third, each feature several dialects, but with
# `make test-spark` all.
SHARES = 3


@pytest.mark.parametrize(("number", "dialect"), list(enumerate(sorted(set(DIALECTS.values())))))
@pytest.mark.parametrize("shares", [SHARES, pytest.param(1, marks=needs("spark"))])
def test_every_feature_is_written_in_a_dialect_that_its_parser_reads(number, dialect, shares, everything):
    trained, _ = everything
    features = trained.state.features[number % SHARES :: SHARES]
    part = Trained(trained.plan, trained.preparation, replace(trained.state, features=features))
    statements = part.to_sql(dialect)
    assert set(statements) == {f.name for f in features}
    for text in statements.values():
        sqlglot.parse_one(text, dialect=PARSERS.get(dialect, dialect))


@pytest.mark.parametrize("dialect", sorted(set(DIALECTS.values())))
@pytest.mark.parametrize("fixture", ["compared", "conditional"])
def test_comparisons_and_conditions_are_written_in_a_dialect_that_its_parser_reads(dialect, fixture, request):
    trained, _ = request.getfixturevalue(fixture)
    statements = trained.to_sql(dialect)
    assert len(statements) >= 12
    for text in statements.values():
        sqlglot.parse_one(text, dialect=PARSERS.get(dialect, dialect))


KINDS = {pa.int64(): "bigint", pa.float64(): "double precision"}


class Database:
    """Tables of a data set in a database, and what a statement gives there."""

    def __init__(self, conn, text, stamp, tables):
        self._conn, dialect = conn, dialect_of(conn)
        with closing(conn.cursor()) as cursor:
            for name, table in tables.items():
                kinds = [KINDS.get(f.type, text if pa.types.is_string(f.type) else stamp) for f in table.schema]
                columns = ", ".join(f"{dialect.column(f.name)} {k}" for f, k in zip(table.schema, kinds, strict=True))
                cursor.execute(f"DROP TABLE IF EXISTS {dialect.quoted(name)}")
                cursor.execute(f"CREATE TABLE {dialect.quoted(name)} ({columns})")
                rows = [tuple(map(_plain, row.values())) for row in table.to_pylist()]
                cursor.executemany(dialect.insert(name, table.num_columns), rows)

    def run(self, statement):
        with closing(self._conn.cursor()) as cursor:
            cursor.execute(statement)
            names = [column[0] for column in cursor.description]
            rows = cursor.fetchall()
        return pa.table([pa.array([row[i] for row in rows]) for i in range(len(names))], names=names)


def _plain(value):
    return value.isoformat(" ") if isinstance(value, datetime.datetime) else value


@pytest.mark.parametrize("fixture", ["everything", "prepared", "compared", "conditional"])
def test_on_sqlite_features_are_the_same_numbers(fixture, request):
    trained, tables = request.getfixturevalue(fixture)
    with closing(sqlite3.connect(":memory:")) as conn:
        database = Database(conn, "text", "text", tables)
        assert_parity(trained, tables, least=12, dialect="sqlite", run=database.run)


@pytest.mark.parametrize("fixture", ["everything", "prepared", "compared", "conditional"])
def test_on_mariadb_features_are_the_same_numbers_in_any_time_zone(fixture, request, mariadb):
    trained, tables = request.getfixturevalue(fixture)
    with mariadb.connect() as conn:
        conn.cursor().execute("SET time_zone = '-07:00'")
        database = Database(conn, "varchar(80) collate utf8mb4_bin", "datetime(6)", tables)
        assert_parity(trained, tables, least=12, dialect="mysql", run=database.run)


def test_what_a_dialect_lacks_is_refused_by_the_feature_s_name():
    tables, joins, roles = towns(33, n=60, sales=200, lines=300)
    steps = [{"kind": "TextFieldSplitter", "vocab_size": 2}]
    trained = fit(spec(joins, roles, predictor=None, preprocessors=steps, learner={"aggregation": ["COUNT"]}), tables)
    for dialect in ("mssql", "mysql", "sqlite"):
        with pytest.raises(BadPlan, match=rf"(?i)feature 'note__has_.*for {dialect}: .*regex"):
            trained.to_sql(dialect)
