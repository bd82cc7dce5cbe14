"""Bad descriptions and bad data: one error that names the thing; what can be learned from all the same is a warning."""

import numpy as np
import pyarrow as pa
import pytest

from learning.worlds import SHOP_ROLES, fit, join, shop, spec
from storax.data.roles import all_roles
from storax_engine import learning
from storax_engine.learning import BadData, BadPlan, Cancelled, plan

ORDERS = join("orders", "id", ("at", "ts"))


def changed(name, column, values):
    tables = shop(1)
    table = tables[name]
    tables[name] = table.set_column(table.column_names.index(column), column, values)
    return tables


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ({"data_model": None}, "lacks 'data_model'"),
        ({"feature_learners": [{"kind": "Multirel"}]}, "'Multirel' is not offered"),
        ({"feature_learners": [{"kind": "FastProp", "aggregation": ["MEAN"]}]}, "aggregation 'MEAN' is unknown"),
        ({"feature_learners": [{"kind": "FastProp", "num_features": 0}]}, "num_features is 0"),
        ({"feature_learners": [{"kind": "FastProp", "empty": "mean"}]}, "empty is 'mean'"),
        ({"feature_learners": [{"kind": "FastProp", "num_features": "many"}]}, "num_features is 'many'"),
        ({"feature_learners": [{"kind": "FastProp", "n_most_frequent": 1.5}]}, "n_most_frequent is 1.5"),
        ({"feature_learners": [{"kind": "FastProp", "delta_t": float("nan")}]}, "delta_t is nan"),
        ({"feature_learners": [{"kind": "FastProp", "windows": 5}]}, "windows is 5: give a list"),
        ({"feature_learners": [{"kind": "FastProp", "windows": ["1d"]}]}, "windows is '1d'"),
        ({"feature_learners": [{"kind": "FastProp", "aggregation": "AVG"}]}, "aggregation is 'AVG': give a list"),
        ({"share_selected_features": "half"}, "share_selected_features is 'half'"),
        (
            {"predictors": [{"kind": "XGBoostRegressor", "learning_rate": "x"}]},
            "XGBoostRegressor cannot .*learning_rate",
        ),
        ({"predictors": [{"kind": "XGBoostRegressor", "max_depth": -5}]}, "XGBoostRegressor cannot .*max_depth"),
        (
            {"predictors": [{"kind": "LightGBMRegressor", "learning_rate": -1}]},
            "LightGBMRegressor cannot .*learning_rate",
        ),
        ({"predictors": [{"kind": "LightGBMRegressor", "n_estimators": "x"}]}, "LightGBMRegressor: "),
        ({"predictors": [{"kind": "LinearRegression", "reg_lambda": -1}]}, "LinearRegression cannot "),
        ({"predictors": [{"kind": "LinearRegression", "reg_lambda": "x"}]}, "LinearRegression"),
        (
            {
                "predictors": [
                    {"kind": "SklearnEstimator", "path": "sklearn.linear_model.Lasso", "parameters": {"alpha": "x"}}
                ]
            },
            "alpha",
        ),
        ({"predictors": [{"kind": "Oracle"}]}, "predictor 'Oracle' is unknown"),
        ({"predictors": [{"kind": "SklearnEstimator", "path": "os.system"}]}, "only those of scikit-learn"),
        ({"predictors": [{"kind": "SklearnEstimator", "path": "sklearn.linear_model.Nothing"}]}, "cannot be made"),
        ({"predictors": [{"kind": "SklearnEstimator", "path": "sklearn.preprocessing.StandardScaler"}]}, "neither"),
        ({"preprocessors": [{"kind": "Magic"}]}, "preprocessor 'Magic' is unknown"),
        ({"preprocessors": [{"kind": "Substring"}]}, "Substring: "),
        ({"loss_function": "HingeLoss"}, "loss function 'HingeLoss' is unknown"),
        ({"share_selected_features": 2}, "between 0 and 1"),
        ({"roles": {"population": {"numeric": ["age"]}}}, "role 'numeric' is unknown"),
    ],
)
def test_a_bad_description_is_refused_by_name(override, text):
    with pytest.raises(BadPlan, match=text):
        fit({**spec([ORDERS], SHOP_ROLES), **override}, shop(1))


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ({"time_stamps": None, "horizon": 5}, "need time_stamps"),
        ({"horizon": -1}, "horizon is -1"),
        ({"memory": float("inf")}, "memory is inf"),
        ({"relationship": "few_to_few"}, "'few_to_few' is unknown"),
        ({"right": {"name": "population"}}, "two placeholders are called 'population'"),
    ],
)
def test_a_bad_join_is_refused_by_name(override, text):
    with pytest.raises(BadPlan, match=text):
        fit(spec([{**ORDERS, **override}], SHOP_ROLES), shop(1))


@pytest.mark.parametrize(
    ("tables", "text"),
    [
        ({**shop(1), "population": shop(1)["population"].slice(0, 0)}, "'population' has no rows"),
        ({"orders": shop(1)["orders"]}, "'population' was given; given: orders"),
        ({"population": shop(1)["population"]}, "no table for the placeholder 'orders'"),
        ({**shop(1), "population": shop(1)["population"].drop(["spent"])}, "lacks its target 'spent'"),
        ({**shop(1), "orders": shop(1)["orders"].drop(["price"])}, "'orders' has no column 'price'"),
        ({**shop(1), "orders": shop(1)["orders"].drop(["id"])}, "'orders' has no column 'id'"),
        (changed("population", "spent", pa.array([float("nan")] + [0.0] * 299)), "'spent'.* infinite in 1 of 300"),
        (changed("population", "spent", pa.array([float("inf")] * 300)), "infinite in 300 of 300"),
        (changed("population", "spent", pa.array(["a"] * 300)), "'spent'.* not numbers"),
        (changed("population", "at", pa.array(["noon"] * 300)), "'at' of table 'population'.* time_stamp"),
        (changed("population", "age", pa.array(["old"] * 300)), "'age' of table 'population' holds string"),
        (changed("population", "id", pa.array([0.5] * 300)), "join key 'id'.* fractions"),
    ],
)
def test_bad_data_is_refused_by_name(tables, text):
    with pytest.raises(BadData, match=text):
        fit(spec([ORDERS], SHOP_ROLES), tables)
    with pytest.raises(BadData):
        learning.check(spec([ORDERS], SHOP_ROLES), tables)


def test_a_class_target_must_have_both_classes_and_no_others():
    description = spec([ORDERS], SHOP_ROLES, predictor="XGBoostClassifier")
    for values, text in ((np.zeros(300), "one class only"), (np.arange(300.0) % 3, "a class is 0 or 1")):
        with pytest.raises(BadData, match=text):
            fit(description, changed("population", "spent", pa.array(values)))


def test_a_many_to_one_join_that_finds_more_is_refused():
    with pytest.raises(BadData, match=r"many_to_one, but .* match more than one row"):
        fit(spec([join("orders", "id", relationship="many_to_one")], SHOP_ROLES), shop(1))


def test_a_saved_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(BadData, match="holds no trained pipeline"):
        learning.load(tmp_path)


def test_a_fit_stops_when_it_is_cancelled_and_tells_how_far_it_was():
    reports = []
    with pytest.raises(Cancelled):
        learning.fit(
            spec([ORDERS], SHOP_ROLES),
            shop(1),
            progress=lambda share, text: reports.append((share, text)),
            cancelled=lambda: len(reports) > 2,
        )
    assert [text for _, text in reports][:2] == ["reading", "features"]
    done = []
    learning.fit(spec([ORDERS], SHOP_ROLES), shop(1), progress=lambda share, _: done.append(share))
    assert done == sorted(done)
    assert done[-1] == 1.0


def test_check_tells_what_looks_wrong_and_says_nothing_of_good_data():
    tables = {**shop(1), "extra": shop(1)["orders"]}
    orders = tables["orders"]
    tables["orders"] = orders.set_column(2, "price", pa.nulls(orders.num_rows, pa.float64())).set_column(
        0, "id", pa.array(np.arange(orders.num_rows) + 290)
    )
    findings = "\n".join(learning.check(spec([ORDERS], SHOP_ROLES), tables))
    for text in ("'extra' is in no join", "'price' of 'orders' is null in 100%", "'orders' finds rows for", "only"):
        assert text in findings
    assert learning.check(spec([join("orders", "id")], SHOP_ROLES), shop(1)) == []


@pytest.mark.parametrize("keys", [np.arange(300) + 10**6, ["a"] * 300])
def test_check_says_where_no_key_matches(keys):
    tables = changed("population", "id", pa.array(keys))
    assert any("finds nothing" in text for text in learning.check(spec([ORDERS], SHOP_ROLES), tables))


@pytest.mark.parametrize(
    ("change", "joined", "said"),
    [
        (("population", "id", np.arange(300) + 10**6), ORDERS, ["finds nothing: no key of one side"]),
        (("orders", "id", pa.nulls(4000, pa.int64())), ORDERS, ["finds nothing: no key of one side"]),
        (("population", "id", ["a"] * 300), ORDERS, ["'id', which is text, with 'id', which is a number", "nothing"]),
        (("population", "id", [str(i) for i in range(300)]), ORDERS, ["only keys that are written alike match"]),
        (("population", "at", pa.array([0] * 300, pa.timestamp("s"))), ORDERS, ["no row is seen in time"]),
        (
            ("population", "id", np.arange(300) + 10**6),
            join("orders", "id", ("at", "ts"), relationship="many_to_one"),
            ["finds nothing: no key of one side"],
        ),
        (("population", "id", np.arange(300.0)), ORDERS, []),
    ],
)
def test_a_fit_says_which_join_finds_nothing_or_compares_what_differs(tmp_path, change, joined, said):
    """Also in buckets, and after it was saved."""
    name, column, values = change
    tables, description = changed(name, column, pa.array(values)), spec([joined], SHOP_ROLES, predictor=None)
    trained = fit(description, tables)
    assert len(trained.warnings) == len(said), trained.warnings
    for warning, text in zip(trained.warnings, said, strict=True):
        assert warning.startswith("the join of 'population' and 'orders' ")
        assert text in warning
    assert set(trained.warnings) <= set(learning.check(description, tables))
    trained.save(tmp_path / "saved")
    assert learning.load(tmp_path / "saved").warnings == trained.warnings
    learning.buckets.prepare_fit(description, tables, tmp_path / "buckets", buckets=2)
    for i in range(2):
        learning.buckets.compute(tmp_path / "buckets", i)
    assert learning.buckets.fit(tmp_path / "buckets").warnings == trained.warnings


def test_a_join_below_a_joined_table_that_finds_nothing_is_named():
    tables = shop(1)
    tables["shops"] = pa.table({"piece": np.arange(9) + 10**6, "n": np.arange(9.0)})
    below = join("orders", "id", ("at", "ts"), joins=[join("shops", ("pieces", "piece"))])
    description = spec([below], {**SHOP_ROLES, "shops": {"numerical": ["n"]}})
    assert [warning.partition(":")[0] for warning in fit(description, tables).warnings] == [
        "the join of 'orders' and 'shops' finds nothing"
    ]


def test_feature_learning_knows_the_roles_of_data_frames():
    assert set(plan.ROLES) == {*all_roles, "unused"}
