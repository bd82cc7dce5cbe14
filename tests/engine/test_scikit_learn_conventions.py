"""Pipelines and their parts follow the conventions of scikit-learn: parameters by name, clones, a transformer."""

import numpy as np
import pytest
import sklearn.base
import sklearn.pipeline
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from fakes.star_schema import pipeline, star
from storax import errors
from storax.feature_learning import FastProp
from storax.pipeline import Pipeline
from storax.predictors import LinearRegression, SklearnEstimator, XGBoostRegressor
from storax.preprocessors import Seasonal


def test_parts_have_parameters_and_are_replaced_instead_of_changed():
    part = XGBoostRegressor(max_depth=4)
    other = part.set_params(max_depth=7, n_jobs=2)
    assert (part.max_depth, other.max_depth, other.n_jobs) == (4, 7, 2)
    assert other.get_params() == {**part.get_params(), "max_depth": 7, "n_jobs": 2}
    assert sklearn.base.clone(part) == part
    for one in (FastProp(), Seasonal(), SklearnEstimator("sklearn.linear_model.Lasso", {"alpha": 2})):
        assert type(one)(**one.get_params()) == one.set_params() == one
    with pytest.raises(errors.InvalidInput, match="A XGBoostRegressor has no parameter 'max_dept'") as raised:
        part.set_params(max_dept=1)
    assert "max_depth" in raised.value.hint


def test_a_pipeline_has_the_parameters_of_its_parts_by_number():
    pipe = Pipeline(feature_learners=FastProp, predictors=[LinearRegression(), XGBoostRegressor()], name="p")
    params = pipe.get_params()
    assert params["predictors__1__max_depth"] == 3
    assert params["feature_learners__0__num_features"] == 200
    assert Pipeline(**pipe.get_params(deep=False)).get_params() == params
    same = pipe.set_params(predictors__1__max_depth=5, feature_learners__num_features=7, share_selected_features=0.1)
    assert same is pipe
    assert (pipe.predictors[1].max_depth, pipe.feature_learners[0].num_features) == (5, 7)
    pipe.set_params(predictors__0=LinearRegression(reg_lambda=9.0), tags=["a"], name="q")
    assert (pipe.predictors[0].reg_lambda, pipe.share_selected_features, pipe.name) == (9.0, 0.1, "q")
    pipe.set_params(predictors=[XGBoostRegressor()], predictors__max_depth=2)
    assert [part.max_depth for part in pipe.predictors] == [2]


def test_a_part_is_set_before_its_parameters_in_whatever_order_they_are_named():
    places = range(8)
    inside = {f"predictors__{place}__max_depth": place for place in places}
    parts = {f"predictors__{place}": XGBoostRegressor() for place in places}
    for params in ({**inside, **parts}, {**parts, **inside}):
        pipe = Pipeline(predictors=[LinearRegression()] * len(places)).set_params(**params)
        assert [part.max_depth for part in pipe.predictors] == list(places)
    pipe.set_params(predictors__n_jobs=2, predictors__0=XGBoostRegressor(max_depth=9))
    assert (pipe.predictors[0].n_jobs, pipe.predictors[0].max_depth) == (2, 9)


def test_a_single_tag_stays_one():
    assert Pipeline().set_params(tags="tuned").tags == ["tuned"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("predictor", "A pipeline has no parameter 'predictor'"),
        ("predictor__max_depth", "A pipeline has no parameter 'predictor__max_depth'"),
        ("predictors__1", "The pipeline has 1 predictors, and none with the number 1"),
        ("predictors__0__depth", "A LinearRegression has no parameter 'depth'"),
        ("predictors__0x", "none with the number 0x"),
    ],
)
def test_a_parameter_that_is_none_is_refused_and_nothing_is_changed(name, said):
    pipe = Pipeline(predictors=[LinearRegression()])
    before = pipe.get_params()
    with pytest.raises(errors.InvalidInput, match=said):
        pipe.set_params(**{"share_selected_features": 0.2, name: 1})
    assert pipe.get_params() == before


def test_a_clone_has_learned_nothing_and_learns_the_same(project):
    schema = star()
    pipe = pipeline(schema, name="star").fit(schema.train)
    twin = sklearn.base.clone(pipe)
    assert (twin.fitted, twin.name, twin.get_params()) == (False, "star", pipe.get_params())
    np.testing.assert_array_equal(twin.fit(schema.train).predict(schema.test), pipe.predict(schema.test))
    assert (pipe.edition, twin.edition) == (1, 2)
    changed = pipe.set_params(predictors__reg_lambda=5.0)
    np.testing.assert_array_equal(changed.predict(schema.test), twin.predict(schema.test))
    assert pipe.fit(schema.train).predictors[0].reg_lambda == 5.0
    assert (pipe.name, pipe.edition) == ("star", 3)
    pipe.set_params(name="other").refresh()
    assert (pipe.fit(schema.train).name, pipe.edition) == ("star", 4), "refresh() forgets what was changed"
    assert (pipe.set_params(name="other").name, pipe.fit(schema.train).name, pipe.edition) == ("star", "other", 1)


def test_features_are_a_step_of_a_pipeline_of_scikit_learn(project):
    schema = star()
    transformer = pipeline(schema, predictors=[]).as_transformer()
    steps = [("features", transformer), ("impute", SimpleImputer()), ("scale", StandardScaler()), ("model", Ridge())]
    model = sklearn.pipeline.Pipeline(steps)
    y, rows = np.ravel(schema.train.to_pandas()[["y"]]), schema.test.to_pandas()
    model.set_params(features__pipeline__feature_learners__0__num_features=10)
    model.fit(schema.train, y)
    predictions = model.predict(schema.test)
    assert np.corrcoef(predictions, rows["y"])[0, 1] > 0.9
    np.testing.assert_allclose(model.predict(rows[["k", "t", "x"]]), predictions)
    names = model[:1].get_feature_names_out()
    assert list(names) == transformer.pipeline_.features.names
    twin = sklearn.base.clone(model)
    assert not hasattr(twin.named_steps["features"], "pipeline_")
    with pytest.raises(errors.InvalidInput, match="not been fitted"):
        twin.named_steps["features"].transform(rows)
    with pytest.raises(errors.InvalidInput, match="is no data"):
        twin.fit(rows, rows["y"])
