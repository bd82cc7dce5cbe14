"""The statements that to_sql prints for Postgres, run on the Postgres of the test stack: the kernels' numbers."""

import asyncio

import asyncpg
import pyarrow as pa
import pytest

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

TYPES = {pa.int64(): "bigint", pa.float64(): "double precision", pa.string(): "text", pa.bool_(): "boolean"}


class Postgres:
    """Runs statements on one connection."""

    def __init__(self, url):
        self._loop = asyncio.new_event_loop()
        self._conn = self._wait(asyncpg.connect(url, statement_cache_size=0))

    def load(self, tables):
        """The tables, and no others."""
        for name, table in tables.items():
            columns = ", ".join(f'"{f.name}" {TYPES.get(f.type, "timestamp")}' for f in table.schema)
            self._wait(self._conn.execute(f'DROP TABLE IF EXISTS "{name}"; CREATE TABLE "{name}" ({columns})'))
            rows = [tuple(row.values()) for row in table.to_pylist()]
            self._wait(self._conn.copy_records_to_table(name, records=rows))

    def run(self, statement):
        """What a statement gives. A statement that never ends is an error after 60 s."""
        prepared = self._wait(self._conn.prepare(statement))
        rows = self._wait(prepared.fetch(timeout=60))
        names = [a.name for a in prepared.get_attributes()]
        return pa.table([pa.array([row[i] for row in rows]) for i in range(len(names))], names=names)

    def close(self):
        self._wait(self._conn.close())
        self._loop.close()

    def _wait(self, what):
        return self._loop.run_until_complete(what)


@pytest.fixture(scope="module")
def postgres(empty_database_url):
    database = Postgres(empty_database_url)
    yield database
    database.close()


def assert_same_on(postgres, trained, tables, least):
    postgres.load(tables)
    assert_parity(trained, tables, least=least, dialect="postgresql", run=postgres.run)


EVERYTHING = [
    "EWMA_1D",
    "EWMA_1S",
    "EWMA_TREND_1S",
    "EWMA_TREND_1M",  # rows of the shop lie whole hours apart, and the weights of some are tiny
    "EWMA_TREND_1D",
    "SKEW",
    "KURTOSIS",
    "NUM_MAX",
    "TIME_SINCE_LAST_MAXIMUM",
    "Q10",
    "Q95",
    "COUNT_ABOVE_MEAN",
]


def test_a_shop_on_postgres(postgres):
    from storax_engine.learning.aggregations.catalogue import DEFAULT

    roles = {**SHOP_ROLES, "orders": {"numerical": ["price"], "categorical": ["kind"], "time_stamp": ["ts", "paid"]}}
    orders = join("orders", "id", ("at", "ts"), horizon=3 * HOUR, memory=20 * DAY, upper_time_stamp="paid")
    learner = {"aggregation": [*DEFAULT, *EVERYTHING], "windows": [2 * DAY], "n_most_frequent": 1}
    tables = shop(21)
    assert_same_on(postgres, fit(spec([orders], roles, predictor=None, learner=learner), tables), tables, 40)


def test_comparisons_of_columns_of_equal_unit_on_postgres(postgres):
    tables, orders = market(23), join("orders", "id", ("at", "ts"), horizon=3 * HOUR)
    learner = {"aggregation": ["AVG", "SUM", "MEDIAN", "MODE", "LAST", "STDDEV", "TREND", "VARIATION_COEFFICIENT"]}
    trained = fit(spec([orders], MARKET_ROLES, predictor=None, learner=learner, units=MARKET_UNITS), tables)
    trained.state.features = [feature for feature in trained.state.features if feature.compared]
    assert_same_on(postgres, trained, tables, 25)


def test_conditions_on_postgres(postgres):
    trained, tables = under_conditions(shop(24))
    assert_same_on(postgres, trained, tables, 14)


def test_a_snowflake_with_preprocessors_on_postgres(postgres):
    tables, joins, roles = towns(22)
    regular = pa.array([None if i % 7 == 0 else i % 3 == 0 for i in range(250)])
    tables["population"] = tables["population"].append_column("regular", regular)
    roles["population"]["numerical"] = ["area", "regular"]
    steps = [
        {"kind": "Imputation", "add_dummies": True},
        {"kind": "CategoryTrimmer", "min_freq": 20},
        {"kind": "Seasonal"},
        {"kind": "Substring", "begin": 0, "length": 2},
        {"kind": "EmailDomain"},
        {"kind": "TextFieldSplitter", "vocab_size": 3},
        {"kind": "Mapping", "min_freq": 3},
    ]
    learner = {"aggregation": ["AVG", "COUNT", "LAST", "COUNT_DISTINCT"]}
    trained = fit(spec(joins, roles, predictor=None, preprocessors=steps, learner=learner), tables)
    assert_same_on(postgres, trained, tables, 20)
