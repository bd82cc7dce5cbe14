"""What fits share, and that nothing outlives who needs it: in a process whose collector is off."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from learning.worlds import SHOP_ROLES, join, shop, spec
from storax_engine import learning
from storax_engine.learning.features.evaluate import Evaluator
from storax_engine.learning.tables.cache import Cache
from storax_engine.learning.tables.index import Index

JOINS = [join("orders", "id", ("at", "ts"))]
WITHOUT_COLLECTOR = """
import gc
import sys
gc.disable()
from learning.worlds import SHOP_ROLES, join, shop, spec
from storax_engine import learning
from storax_engine.learning.features.evaluate import Evaluator
from storax_engine.learning.tables.cache import Cache
from storax_engine.learning.tables.frame import Frame
from storax_engine.learning.tables.index import Index
from storax_engine.learning.trained import Trained

def once(shared, steps, folder):
    joins = [join("orders", "id", ("at", "ts"))]
    description = spec(joins, SHOP_ROLES, preprocessors=steps, predictor="LinearRegression")
    tables = shop(1)
    trained = learning.fit(description, tables, cache=shared)
    trained.score(tables)
    trained.save(folder)
    learning.load(folder, shared).predict(tables)
    broken = dict(tables, orders=tables["orders"].drop_columns(["price"]))
    try:
        learning.fit(description, broken, cache=shared)
    except learning.BadData:
        pass
    else:
        raise SystemExit("a missing column was not noticed")

for kept in (False, True):
    shared = Cache() if kept else None
    for steps in ([], [{"kind": "Seasonal"}]):
        once(shared, steps, sys.argv[1])
        left = [o for o in gc.get_objects() if isinstance(o, (Frame, Index, Evaluator, Trained, Cache)) and o is not shared]
        assert not left, (shared, steps, [type(o).__name__ for o in left])
        assert shared is None or not shared.nbytes(), shared.nbytes()
"""


def test_nothing_of_a_fit_outlives_its_tables_and_its_model(tmp_path):
    command = [sys.executable, "-c", WITHOUT_COLLECTOR, str(tmp_path / "model")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert done.returncode == 0, done.stderr


def kinds_of(*kinds):
    return [{"kind": kind} for kind in kinds]


@pytest.fixture
def work(monkeypatch):
    """Counts sorted tables and passes over rows."""
    counted = {"sorted": 0, "passes": 0}
    begin, run = Index.__init__, Evaluator.run

    def counting_begin(self, *arguments):
        counted["sorted"] += 1
        begin(self, *arguments)

    def counting_run(self, *arguments):
        counted["passes"] += 1
        run(self, *arguments)

    monkeypatch.setattr(Index, "__init__", counting_begin)
    monkeypatch.setattr(Evaluator, "run", counting_run)
    return counted


def described(predictor="LinearRegression", **more):
    return spec(JOINS, SHOP_ROLES, predictor=predictor, **more)


@pytest.mark.parametrize("preprocessors", [(), ("Seasonal",)])
def test_a_second_fit_on_the_same_data_computes_no_feature_again(work, tmp_path, preprocessors):
    tables, cache, steps = shop(1), Cache(), kinds_of(*preprocessors)
    first = learning.fit(described(preprocessors=steps), tables, cache=cache)
    before = dict(work)
    second = learning.fit(described("XGBoostRegressor", preprocessors=steps), tables, cache=cache)
    assert work == before
    alone = learning.fit(described("XGBoostRegressor", preprocessors=steps), shop(1))
    assert np.array_equal(second.predict(tables), alone.predict(tables))
    assert second.features() == alone.features()
    second.save(tmp_path / "second")
    assert np.array_equal(learning.load(tmp_path / "second").predict(tables), alone.predict(tables))
    assert first.state.features == second.state.features
    assert cache.nbytes()["features"] > 0 < cache.nbytes()["sorted tables"]


def test_what_differs_is_learned_anew(work):
    tables, cache = shop(1), Cache()
    fits = [
        (described(), tables),
        (described(learner={"aggregation": ["AVG"]}), tables),
        (described(preprocessors=kinds_of("Seasonal")), tables),
        (described(), dict(tables, population=shop(2)["population"])),
        (described(), dict(tables, orders=shop(2)["orders"])),
    ]
    for description, data in fits:
        before = work["passes"]
        shared = learning.fit(description, data, cache=cache)
        assert work["passes"] > before
        alone = learning.fit(
            description, {name: pa.table(table.columns, table.schema.names) for name, table in data.items()}
        )
        assert np.array_equal(shared.predict(data), alone.predict(data))
        assert shared.features() == alone.features()


def test_tables_that_were_made_anew_are_known_by_what_they_were_made_from(work):
    tables, cache = shop(1), Cache()
    base = tables["population"]

    def fit(begin):
        part = dict(tables, population=base.slice(begin, 200))
        return learning.fit(described(), part, cache=cache, origins={"population": (base, f"from {begin}")})

    first, before = fit(0), dict(work)
    again = fit(0)
    assert work == before
    assert np.array_equal(first.predict(tables), again.predict(tables))
    other, sorted_once = fit(50), work["sorted"]
    assert work["passes"] > before["passes"]
    assert sorted_once == before["sorted"], "the same orders are sorted once"
    assert not np.array_equal(first.predict(tables), other.predict(tables))


def test_the_cache_holds_no_more_than_its_limit_and_drops_what_was_not_used_for_longest():
    cache, owner = Cache(limit=250), pa.table({"a": [1]})
    keep = [cache.get("x", name, [owner], lambda: np.zeros(100, np.int8)) for name in "ab"]
    assert cache.get("x", "a", [owner], lambda: np.ones(100, np.int8)) is keep[0]
    cache.get("x", "c", [owner], lambda: np.zeros(100, np.int8))
    assert cache.nbytes() == {"x": 200}
    assert cache.get("x", "a", [owner], lambda: np.ones(100, np.int8)) is keep[0]
    assert cache.get("x", "b", [owner], lambda: np.ones(100, np.int8)).any(), "b had to go"
    huge = cache.get("x", "huge", [owner], lambda: np.zeros(1000, np.int8))
    assert huge.size == 1000
    assert cache.nbytes() == {}
    twin = pa.table({"a": [1]})
    cache.get("x", "a", [owner], lambda: np.zeros(10, np.int8))
    assert cache.get("x", "a", [twin], lambda: np.ones(10, np.int8)).all(), "an equal table is another one"
    del owner, twin
    assert cache.nbytes() == {}
