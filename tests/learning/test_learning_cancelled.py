"""Cancelling inside a step: also one column of one window, or one predictor, is left before its end."""

import sys
import threading

import numpy as np
import pyarrow as pa
import pytest

from learning.worlds import join, spec
from storax_engine import learning
from storax_engine.learning.aggregations import declaration
from storax_engine.learning.features import evaluate
from storax_engine.learning.predictors import sk
from storax_engine.learning.tables import index

ROLES = {
    "population": {"join_key": ["k"], "time_stamp": ["t"], "target": ["y"]},
    "events": {"join_key": ["k"], "time_stamp": ["t"], "numerical": ["v"], "categorical": ["c"]},
}


def one_key(points, rows):
    """Tables whose only key has all rows."""
    draw = np.random.default_rng(5)

    def times(n):
        return pa.array(1_600_000_000 + draw.integers(0, 10**7, n), pa.int64()).cast(pa.timestamp("s"))

    kinds = draw.choice(["tea", "milk"], rows)
    events = {"k": np.zeros(rows, int), "t": times(rows), "v": draw.normal(size=rows), "c": kinds}
    people = {"k": np.zeros(points, int), "t": times(points), "y": draw.normal(size=points)}
    return {"population": pa.table(people), "events": pa.table(events)}


class CancelledAt:
    """Counts its calls; true from the call ``limit`` on."""

    def __init__(self, limit=None):
        self.times, self.limit = 0, limit

    def __call__(self):
        self.times += 1
        return self.limit is not None and self.times >= self.limit


def count_of(learner, tables):
    described = spec([join("events", "k", ["t", "t"])], ROLES, predictor=None, learner=learner)
    count = CancelledAt()
    trained = learning.fit(described, tables, cancelled=count)
    return described, trained, count.times


LEARNERS = {
    "moments": {"aggregation": ["AVG"]},
    "shapes": {"aggregation": ["SKEW"]},
    "fading": {"aggregation": ["EWMA_1H"]},
    "fading trend": {"aggregation": ["EWMA_TREND_1H"]},
    "conditions": {"aggregation": ["COUNT", "SUM"], "n_most_frequent": 2},
}


@pytest.mark.parametrize("learner", LEARNERS.values(), ids=LEARNERS)
def test_a_kernel_runs_in_parts_that_give_the_same_and_between_them_it_is_cancelled(learner, monkeypatch):
    tables = one_key(200, 500)
    described, trained, whole = count_of(learner, tables)
    for module in (declaration, evaluate):
        monkeypatch.setattr(module, "ROWS_AT_ONCE", 1000)
    _, in_parts, many = count_of(learner, tables)
    assert many > whole + 10
    assert in_parts.transform(tables).equals(trained.transform(tables))
    for limit in np.linspace(1, many, 7).astype(int):
        with pytest.raises(learning.Cancelled):
            learning.fit(described, tables, cancelled=CancelledAt(limit))
    with pytest.raises(learning.Cancelled):
        trained.transform(tables, cancelled=CancelledAt(10))


def test_rows_with_an_upper_time_stamp_are_listed_in_parts_that_give_the_same(monkeypatch):
    tables = one_key(200, 500)
    ends = pa.array(1_600_000_000 + np.random.default_rng(6).integers(0, 2 * 10**7, 500), pa.int64())
    tables["events"] = tables["events"].append_column("until", ends.cast(pa.timestamp("s")))
    learner = {"aggregation": ["AVG", "MEDIAN", "COUNT", "EWMA_1H"], "n_most_frequent": 1, "windows": [10**6]}
    events = join("events", "k", ["t", "t"], upper_time_stamp="until")
    described = spec([events], ROLES, predictor=None, learner=learner)
    whole = learning.fit(described, tables).transform(tables)
    warned = learning.check(described, tables)
    monkeypatch.setattr(index, "ROWS_AT_ONCE", 300)
    once = CancelledAt()
    assert learning.fit(described, tables).transform(tables, cancelled=once).equals(whole)
    assert whole.num_columns > 6
    assert once.times > 100
    assert learning.check(described, tables) == warned


def test_an_estimator_that_would_learn_for_hours_is_cancelled():
    described = spec([join("events", "k", ["t", "t"])], ROLES, predictor=None, learner={"aggregation": ["AVG"]})
    endless = {"path": "sklearn.ensemble.GradientBoostingRegressor", "n_estimators": 10**7}
    described["predictors"] = [{"kind": "SklearnEstimator", **endless}]
    with pytest.raises(learning.Cancelled):
        learning.fit(described, one_key(50, 50), cancelled=CancelledAt(5000))


def test_a_cancelled_estimator_leaves_no_lock_behind():
    """Such as that of a module which it imports, for which all threads would wait."""

    class Guard:
        lock = threading.Lock()

        def __enter__(self):
            self.lock.acquire()

        def __exit__(self, *_):
            self.release()

        def release(self):
            self.lock.release()

    def learn():
        for _ in range(5):
            with Guard():
                pass
            (lambda: None)()

    for limit in range(1, 12):
        with pytest.raises(learning.Cancelled), sk._stopped_once(CancelledAt(limit)):
            learn()
        assert not Guard.lock.locked(), limit
        assert sys.getprofile() is None
