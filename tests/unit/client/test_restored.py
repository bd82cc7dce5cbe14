"""What the engine kept of a pipeline becomes the very objects that a script wrote, and the same JSON once more."""

import json
from datetime import timedelta

import pytest

from storax import feature_learning, loss_functions, predictors, preprocessors
from storax._engine.declaration import Declaration
from storax.data.model import DataModel, Placeholder
from storax.pipeline import Pipeline, deserialize
from storax.pipeline.serialize import spec_of

ARGUMENTS = {"Substring": (0, 3, ("a", "b")), "SklearnEstimator": ("sklearn.svm.SVC", {"C": 2.0})}
CLASSES = [
    getattr(home, name)
    for home in (feature_learning, loss_functions, predictors, preprocessors)
    for name in home.__all__
    if isinstance(getattr(home, name), type) and issubclass(getattr(home, name), Declaration)
]


@pytest.mark.parametrize("kind", CLASSES)
def test_every_declaration_is_itself_again(kind):
    declaration = kind(*ARGUMENTS.get(kind.__name__, ()))
    assert deserialize.part(json.loads(json.dumps(declaration.to_spec()))) == declaration


@pytest.mark.parametrize(
    "declaration",
    [
        feature_learning.FastProp(windows=(3.0,), loss_function=loss_functions.CrossEntropyLoss()),
        feature_learning.FastProp(loss_function=loss_functions.SquareLoss),
        predictors.XGBoostRegressor(max_depth=None, booster="dart"),
    ],
)
def test_what_was_not_said_is_not_said_again(declaration):
    spec = json.loads(json.dumps(declaration.to_spec()))
    assert deserialize.part(spec).to_spec() == spec


@pytest.mark.parametrize("spec", [{"kind": "Later"}, {"kind": "Seasonal", "later": 1}, {"kind": "Substring"}, None])
def test_a_spec_that_no_class_of_this_version_writes_stays_as_it_is(spec):
    assert deserialize.part(spec) == spec


def test_a_data_model_is_the_same_again_with_the_roles_that_were_stated():
    model = DataModel("population")
    model.add(Placeholder("orders", {"numerical": ["v"]}), Placeholder("items", {}), Placeholder("shops"))
    model.population.join(model.orders, on=["k", ("a", "b")], time_stamps="t", memory=timedelta(days=1), horizon=1)
    model.orders.join(model.items, on="o", relationship="many_to_one")
    model.orders.join(model.shops)
    model.population.join(model.shops, on="s", time_stamps=("t", "u"), upper_time_stamp="end")
    pipe = Pipeline(model, preprocessors=[preprocessors.Mapping()], include_categorical=True)
    spec = json.loads(json.dumps(spec_of(pipe)))
    kept = {**spec, "roles": {**spec["roles"], "population": {"target": ["y"]}, "shops": {"numerical": ["n"]}}}
    again = Pipeline(**deserialize.hyperparameters(kept))
    assert spec_of(again) == spec
    assert again.data_model.names == ["population", "orders", "shops", "items"]
    del kept["stated"]
    assert Pipeline(**deserialize.hyperparameters(kept)).data_model.shops.roles.numerical == ("n",)
