"""Predictors, selection, scores, and that a pipeline is the same after it was saved and loaded."""

import contextlib
import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
import skops.io
from sklearn.base import is_classifier, is_regressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import all_estimators

from learning.worlds import SHOP_ROLES, fit, join, shop, spec
from storax_engine import learning
from storax_engine.learning import BadData, BadPlan
from storax_engine.learning.plan import Part, read
from storax_engine.learning.predictors import registry as predictors

ORDERS = join("orders", "id", ("at", "ts"))


def learnable(seed=1, *, classes=False):
    """A shop whose target is the number of orders so far (or whether it is high), and noise."""
    tables = shop(seed, n=1500, orders=8000)
    trained = fit(spec([ORDERS], SHOP_ROLES, predictor=None, learner={"aggregation": ["COUNT"]}), tables)
    truth = trained.transform(tables)["orders__count"].to_numpy() + np.random.default_rng(seed).normal(size=1500) / 3
    values = (truth > np.median(truth)).astype(float) if classes else truth
    tables["population"] = tables["population"].set_column(3, "spent", pa.array(values))
    return (
        tables,
        {**tables, "population": tables["population"].slice(1000)},
        {
            **tables,
            "population": tables["population"].slice(0, 1000),
        },
    )


REGRESSORS = [
    {"kind": "LinearRegression"},
    {"kind": "XGBoostRegressor", "n_estimators": 30},
    {"kind": "LightGBMRegressor", "n_estimators": 30},
    {"kind": "SklearnEstimator", "path": "sklearn.ensemble.ExtraTreesRegressor", "parameters": {"n_estimators": 10}},
]
CLASSIFIERS = [
    {"kind": "LogisticRegression"},
    {"kind": "XGBoostClassifier", "n_estimators": 30},
    {"kind": "LightGBMClassifier", "n_estimators": 30},
    {"kind": "SklearnEstimator", "path": "sklearn.naive_bayes.GaussianNB"},
    {"kind": "SklearnEstimator", "path": "sklearn.discriminant_analysis.LinearDiscriminantAnalysis"},
]


@pytest.mark.parametrize("predictor", REGRESSORS, ids=lambda p: p["kind"])
def test_a_number_is_learned_and_the_same_bit_for_bit_when_loaded(predictor, tmp_path):
    _, test, train = learnable()
    trained = fit({**spec([ORDERS], SHOP_ROLES), "predictors": [predictor]}, train)
    scores = trained.score(test)
    assert set(scores) == {"mae", "rmse", "rsquared"}
    assert scores["rsquared"] > 0.7
    trained.save(tmp_path / "p")
    loaded = learning.load(tmp_path / "p")
    assert (loaded.predict(test) == trained.predict(test)).all()
    assert loaded.features() == trained.features()
    assert loaded.to_sql() == trained.to_sql()


@pytest.mark.parametrize("predictor", CLASSIFIERS, ids=lambda p: p["kind"])
def test_a_class_is_learned_and_the_same_bit_for_bit_when_loaded(predictor, tmp_path):
    _, test, train = learnable(classes=True)
    trained = fit({**spec([ORDERS], SHOP_ROLES), "predictors": [predictor]}, train)
    scores = trained.score(test)
    assert set(scores) == {"accuracy", "auc", "cross_entropy"}
    assert scores["auc"] > 0.8
    assert trained.plots(test)
    assert 0 <= trained.predict(test).min() <= trained.predict(test).max() <= 1
    trained.save(tmp_path / "p")
    assert (learning.load(tmp_path / "p").predict(test) == trained.predict(test)).all()
    curves = trained.plots(test)["spent"]
    assert curves["roc"]["tpr"][-1] == 1.0
    assert curves["lift"]["lift"][-1] == pytest.approx(1.0)


def _estimators():
    """All of scikit-learn's that can be made without arguments, and whether it says that they classify."""
    for name, kind in all_estimators():
        with contextlib.suppress(TypeError, AttributeError, FutureWarning):  # needs arguments, or is on its way out
            estimator = kind()
            if is_classifier(estimator) or is_regressor(estimator):
                yield f"{kind.__module__}.{name}", is_classifier(estimator)


def test_what_an_estimator_learns_is_what_scikit_learn_says_of_it():
    tasks = {path: read(_by({"path": path})).task for path, _ in _estimators()}
    assert tasks == {path: "classification" if yes else "regression" for path, yes in _estimators()}
    assert len(tasks) > 70
    assert read(_by({"path": "sklearn.linear_model.LogisticRegressionCV"})).task == "classification"


def test_a_class_that_is_neither_0_nor_1_is_refused_for_an_estimator_of_any_name():
    tables, *_ = learnable()
    with pytest.raises(BadData, match="a class is 0 or 1"):
        fit(_by({"path": "sklearn.naive_bayes.GaussianNB"}), tables)


def _by(estimator):
    return {**spec([ORDERS], SHOP_ROLES), "predictors": [{"kind": "SklearnEstimator", **estimator}]}


def test_predictions_are_the_same_in_another_process(tmp_path):
    _, test, train = learnable()
    trained = fit(spec([ORDERS], SHOP_ROLES), train)
    trained.save(tmp_path / "p")
    for name, table in test.items():
        with pa.ipc.new_file(str(tmp_path / name), table.schema) as sink:
            sink.write_table(table)
    code = f"""
import numpy as np, pyarrow as pa
from storax_engine import learning
tables = {{n: pa.ipc.open_file(r"{tmp_path}/" + n).read_all() for n in ("population", "orders")}}
np.save(r"{tmp_path}/out.npy", learning.load(r"{tmp_path}/p").predict(tables))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (np.load(tmp_path / "out.npy") == trained.predict(test)).all()


def test_several_targets_and_predictors_are_each_learned_and_averaged():
    _, test, train = learnable()
    for tables in (test, train):
        twice = pa.array(tables["population"]["spent"].to_numpy() * -2)
        tables["population"] = tables["population"].append_column("other", twice)
    roles = {**SHOP_ROLES, "population": {**SHOP_ROLES["population"], "target": ["spent", "other"]}}
    both = [{"kind": "LinearRegression"}, {"kind": "XGBoostRegressor"}]
    trained = fit({**spec([ORDERS], roles), "predictors": both}, train)
    single = [fit({**spec([ORDERS], roles), "predictors": [p]}, train).predict(test) for p in both]
    np.testing.assert_allclose(trained.predict(test), sum(single) / 2)
    assert set(trained.score(test)) == {f"{s}.{t}" for s in ("mae", "rmse", "rsquared") for t in ("spent", "other")}
    for rows in (trained.features(), trained.columns(), trained.tables()):
        assert sum(r["importance"] for r in rows if r["target"] == "other") == pytest.approx(1.0)


def test_the_feature_that_made_the_target_is_the_most_important_and_correlated():
    _, _, train = learnable()
    features = fit(spec([ORDERS], SHOP_ROLES), train).features()
    by = max(features, key=lambda f: f["correlation"])
    assert by["name"] == "orders__count"
    assert by["correlation"] > 0.9
    assert fit(spec([ORDERS], SHOP_ROLES), train).tables()[0]["name"] == "orders"


def test_only_so_many_features_are_kept_the_best_by_correlation():
    _, _, train = learnable()
    trained = fit(spec([ORDERS], SHOP_ROLES, learner={"num_features": 5}), train)
    assert len(trained.state.features) == 1 + 5
    assert "orders__count" in {f.name for f in trained.state.features}


def test_a_selector_keeps_its_share():
    _, test, train = learnable()
    description = spec(
        [ORDERS], SHOP_ROLES, feature_selectors=[{"kind": "XGBoostRegressor"}], share_selected_features=0.2
    )
    all_of, some = fit(spec([ORDERS], SHOP_ROLES), train), fit(description, train)
    assert len(some.state.features) == round(0.2 * len(all_of.state.features))
    assert some.score(test)["rsquared"] > 0.7


def test_categories_of_the_population_are_used_where_asked_for():
    n = 900
    table = pa.table({"c": pa.array(["a", "b", None] * (n // 3)), "y": np.array([1.0, 2.0, 3.0] * (n // 3))})
    roles = {"population": {"categorical": ["c"], "target": ["y"]}}
    trained = fit(spec([], roles, include_categorical=True), {"population": table})
    assert trained.score({"population": table})["rmse"] < 0.01
    with pytest.raises(BadData, match="no features"):
        fit(spec([], roles), {"population": table})


def test_a_pipeline_without_predictors_transforms_and_does_not_predict():
    tables, _, _ = learnable()
    trained = fit(spec([ORDERS], SHOP_ROLES, predictor=None), tables)
    assert trained.transform(tables).num_rows == 1500
    with pytest.raises(BadPlan, match="no predictors"):
        trained.predict(tables)


def test_infinite_numbers_are_taken_for_missing_ones():
    _, test, train = learnable()
    ages = train["population"]["age"].to_numpy().copy()
    ages[:5] = np.inf
    train["population"] = train["population"].set_column(2, "age", pa.array(ages))
    assert fit(spec([ORDERS], SHOP_ROLES), train).score(test)["rsquared"] > 0.7


def test_a_right_table_without_rows_gives_counts_of_nothing():
    tables = shop(1)
    tables["orders"] = tables["orders"].slice(0, 0)
    features = fit(spec([ORDERS], SHOP_ROLES, predictor=None), shop(1)).transform(tables)
    assert set(features["orders__count"].to_pylist()) == {0.0}
    assert features["orders__price__avg"].null_count == 300
    fit(spec([ORDERS], SHOP_ROLES), tables)


def test_numbers_beyond_what_a_float_counts_are_rounded_and_not_refused():
    tables = shop(1)
    tables["population"] = tables["population"].set_column(2, "age", pa.array([2**62 + i for i in range(300)]))
    assert fit(spec([ORDERS], SHOP_ROLES), tables).predict(tables).shape == (300, 1)


def test_the_list_of_features_has_their_sql_where_asked_for():
    trained = fit(spec([], SHOP_ROLES), shop(1))
    assert trained.features(dialect="duckdb")[0]["sql"].startswith("SELECT")
    assert "sql" not in trained.features()[0]


def test_no_rows_give_no_predictions():
    _, test, train = learnable()
    empty = {**test, "population": test["population"].slice(0, 0)}
    assert fit(spec([ORDERS], SHOP_ROLES), train).predict(empty).shape == (0, 1)


def some_without_orders():
    """The average of the orders is unknown, 0 or 1; the target is 1, 0 or 0.1."""
    n = 300
    people = {"id": np.arange(3 * n), "y": np.array([1.0, 0.0, 0.1] * n)}
    orders = {"id": np.concatenate([np.arange(1, 3 * n, 3), np.arange(2, 3 * n, 3)]), "price": np.repeat([0.0, 1.0], n)}
    roles = {
        "population": {"join_key": ["id"], "target": ["y"]},
        "orders": {"join_key": ["id"], "numerical": ["price"]},
    }
    return {"population": pa.table(people), "orders": pa.table(orders)}, roles


@pytest.mark.parametrize("kind", ["XGBoostRegressor", "LightGBMRegressor", "LinearRegression"])
def test_predictors_see_zero_where_a_feature_has_nothing_also_when_read_back(kind, tmp_path):
    tables, roles = some_without_orders()
    trained = fit(spec([join("orders", "id")], roles, predictor=kind, learner={"aggregation": ["AVG"]}), tables)
    trained.save(tmp_path / "kept")
    for one in (trained, learning.load(tmp_path / "kept")):
        assert one.transform(tables)["orders__price__avg"].to_pylist()[:3] == [None, 0.0, 1.0]
        nothing, zero, more = one.predict(tables)[:3, 0]
        assert nothing == zero != more


@pytest.mark.parametrize("kind", ["XGBoostRegressor", "LightGBMRegressor"])
def test_trees_learn_where_nothing_belongs_where_asked_also_when_read_back(kind, tmp_path):
    tables, roles = some_without_orders()
    learner = {"aggregation": ["AVG"], "empty": "missing"}
    trained = fit(spec([join("orders", "id")], roles, predictor=kind, learner=learner), tables)
    trained.save(tmp_path / "kept")
    for one in (trained, learning.load(tmp_path / "kept")):
        assert one.score(tables)["rmse"] < 0.01


def test_a_pipeline_that_was_saved_before_features_said_so_sees_missing_values(tmp_path):
    tables, roles = some_without_orders()
    learner = {"aggregation": ["AVG"], "empty": "missing"}
    fit(spec([join("orders", "id")], roles, learner=learner), tables).save(tmp_path)
    kept = json.loads((tmp_path / "learned.json").read_text())
    for feature in kept["features"]:
        del feature["zero"]
    (tmp_path / "learned.json").write_text(json.dumps(kept))
    assert learning.load(tmp_path).score(tables)["rmse"] < 0.01


@pytest.mark.parametrize(("kind", "file"), [("XGBoostRegressor", "model.ubj"), ("LightGBMRegressor", "model.txt")])
def test_a_model_that_found_no_room_is_an_error_and_no_cut_file(tmp_path, kind, file):
    draw = np.random.default_rng(1)
    x = draw.normal(size=(50, 2)).astype(np.float32)
    model = predictors.make(Part(kind, {"n_estimators": 2}))
    model.fit(x, x[:, 0].astype(np.float64), cancelled=lambda: False)
    (tmp_path / file).symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        model.save(tmp_path)


@pytest.mark.parametrize("strange", [np.testing.runstring, subprocess.call])
def test_a_saved_predictor_that_names_a_function_is_not_read(tmp_path, strange):
    """The file may come from elsewhere; a function in it would be called with the next prediction."""
    skops.io.dump(make_pipeline(FunctionTransformer(strange), Ridge()), tmp_path / "model.skops")
    with pytest.raises(BadData, match=strange.__name__):
        predictors.load("LinearRegression", tmp_path)
