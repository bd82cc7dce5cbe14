"""Every feature of the benchmark's own tasks is the number that its SQL gives on DuckDB: the third, the flights, is in
``test_learning_flights``. That they are getML's features as well is counted by ``make bench-engine PEERS=1``."""

import importlib.util
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from learning.parity import assert_parity
from learning.worlds import fit


@pytest.fixture(scope="module")
def tasks():
    path = Path(__file__).parents[2] / "benchmarks" / "engine_tasks.py"
    module_spec = importlib.util.spec_from_file_location("engine_tasks", path)
    assert module_spec
    module = importlib.util.module_from_spec(module_spec)
    sys.modules["engine_tasks"] = module  # its dataclasses look themselves up there
    module_spec.loader.exec_module(module)
    return module


def without_predictors(spec):
    return {**spec, "predictors": []}


def test_the_synthetic_events_have_the_features_of_their_sql(tasks):
    tables = tasks.numerical(150, 15_000)
    tables["population"] = tables["population"].drop(["split"])
    trained = fit(without_predictors(tasks.NUMERICAL), tables)
    assert_parity(trained, tables, least=36)


@pytest.mark.slow("features of a real table, and their SQL")
def test_the_last_week_of_weather_has_the_features_of_their_sql(tasks):
    tables = dict(tasks.weather())
    train = tasks.subset(tables["population"], "train")
    tables["population"] = train.take(pa.array(range(0, len(train), len(train) // 250)))
    trained = fit(without_predictors(tasks.SERIES), tables)
    assert_parity(trained, tables, least=82)
