"""Early stopping of trees: fewer of them where more do not help, judged by rows that are held out."""

import numpy as np
import pytest

from storax_engine.learning import BadPlan
from storax_engine.learning.plan import Part
from storax_engine.learning.predictors import registry
from storax_engine.learning.predictors.base import held_out

TREES = 400
REGRESSORS = ["XGBoostRegressor", "LightGBMRegressor"]
CLASSIFIERS = ["XGBoostClassifier", "LightGBMClassifier"]


def rows(seed=1, n=600, *, classes):
    """Numbers and a noisy target that depends on the first of them."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(n, 4)).astype(np.float32)
    y = x[:, 0] + draw.normal(size=n)
    return x, (y > 0).astype(float) if classes else y


def learned(kind, x, y, **parameters):
    model = registry.make(Part(kind, {"n_estimators": TREES, "learning_rate": 0.3, **parameters}))
    model.fit(x, y, cancelled=lambda: False)
    return model


def error(kind, model, *, classes):
    x, y = rows(seed=2, n=2000, classes=classes)
    predicted = np.clip(model.predict(x), 1e-9, 1 - 1e-9) if classes else model.predict(x)
    return -np.log(np.where(y > 0, predicted, 1 - predicted)).mean() if classes else np.square(predicted - y).mean()


@pytest.mark.parametrize("kind", REGRESSORS + CLASSIFIERS)
def test_trees_stop_where_more_learn_the_noise_and_are_the_same_when_loaded(kind, tmp_path):
    classes = kind in CLASSIFIERS
    x, y = rows(classes=classes)
    all_trees, some = learned(kind, x, y), learned(kind, x, y, early_stopping_rounds=10)
    assert error(kind, some, classes=classes) < 0.9 * error(kind, all_trees, classes=classes)
    again = learned(kind, x, y, early_stopping_rounds=10)
    np.testing.assert_array_equal(again.predict(x), some.predict(x))
    some.save(tmp_path)
    np.testing.assert_array_equal(registry.load(kind, tmp_path).predict(x), some.predict(x))
    assert some.importances().argmax() == 0


@pytest.mark.parametrize("kind", REGRESSORS)
def test_without_it_all_rows_are_learned_from_as_before(kind):
    x, y = rows(classes=False)
    np.testing.assert_array_equal(
        learned(kind, x, y, early_stopping_rounds=None).predict(x), learned(kind, x, y).predict(x)
    )


def test_too_few_rows_to_hold_some_out_are_all_learned_from():
    assert held_out(np.ones(1), classes=False) is None
    assert held_out(np.array([1.0, *[0.0] * 50]), classes=True) is None, "one part would lack a class"
    chosen = held_out(np.arange(1000.0), classes=False)
    assert 150 < chosen.sum() < 250
    x, y = rows(n=600, classes=True)
    y[:] = 0
    y[0] = 1
    assert np.isfinite(learned("XGBoostClassifier", x, y, early_stopping_rounds=5).predict(x)).all()


@pytest.mark.parametrize("rounds", [0, -1, 2.5, True, "5"])
@pytest.mark.parametrize("kind", ["XGBoostRegressor", "LightGBMClassifier"])
def test_rounds_that_are_none_are_refused_and_named(kind, rounds):
    with pytest.raises(BadPlan, match=f"predictor {kind}: early_stopping_rounds is {rounds!r}: a whole number"):
        registry.make(Part(kind, {"early_stopping_rounds": rounds}))
