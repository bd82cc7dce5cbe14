"""ConditionBoost through the client: what it learns is shown, kept and loaded as the features of FastProp are."""

import numpy as np
import pytest

import storax
from benchmarks.condition_boost import threshold
from storax.data import DataFrame, StarSchema
from storax.feature_learning import ConditionBoost, FastProp
from storax.pipeline import Pipeline
from storax.predictors import XGBoostRegressor


@pytest.fixture
def schema(project):
    tables = threshold(1, 800)
    keys = {"join_key": ["id"], "time_stamp": ["at"], "target": ["y"]}
    people = DataFrame.from_arrow(tables["population"], "people", roles=keys)
    kinds = {"join_key": ["id"], "time_stamp": ["ts"], "numerical": ["amount"], "categorical": ["category"]}
    orders = DataFrame.from_arrow(tables["orders"], "orders", roles=kinds)
    schema = StarSchema(population=people, alias="people", split=storax.data.split.random(train=0.7, test=0.3))
    schema.join(orders, on="id", time_stamps=("at", "ts"))
    return schema


def test_learned_conditions_improve_a_pipeline_and_are_kept(schema):
    learners = [FastProp(), ConditionBoost(max_depth=2, random_state=3)]
    plain, both = (
        Pipeline(schema.data_model, feature_learners=by, predictors=[XGBoostRegressor()], name=name)
        for name, by in (("plain", learners[:1]), ("both", learners))
    )
    for pipe in (plain, both):
        pipe.fit(schema.train)
    assert both.score(schema.test)["rsquared"] > plain.score(schema.test)["rsquared"] + 0.2
    best = max(both.features.importances().items(), key=lambda item: item[1])[0]
    assert "where_amount_above_" in best
    assert "category_in_a_or_d" in best
    statement = both.features.to_sql("postgres")[best]
    assert "'a', 'd'" in statement
    assert set(both.columns.names[:2]) == {"amount", "category"}, "conditions are on them"
    again = storax.pipeline.load("both")
    assert again.feature_learners == learners
    assert np.array_equal(again.predict(schema.test), both.predict(schema.test))
