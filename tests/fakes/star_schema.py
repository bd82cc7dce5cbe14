"""A small star schema whose target is known, and a pipeline over it."""

import numpy as np
import pandas as pd

import storax
from storax.data import DataFrame, StarSchema
from storax.feature_learning import FastProp
from storax.pipeline import Pipeline
from storax.predictors import LinearRegression

ROLES = {"join_key": ["k"], "time_stamp": ["t"], "numerical": ["x"]}


def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    draw = np.random.default_rng(7)
    begin = pd.Timestamp("2020-01-01")
    left = pd.DataFrame({"k": np.arange(300) % 60, "t": begin + pd.to_timedelta(draw.uniform(5, 30, 300), "D")})
    left["x"] = draw.normal(size=300)
    right = pd.DataFrame(
        {"k": draw.integers(0, 60, 3000), "t": begin + pd.to_timedelta(draw.uniform(0, 30, 3000), "D")}
    )
    right["v"] = draw.normal(size=3000)
    seen = left.reset_index().merge(right, on="k", suffixes=("", "_r")).query("t_r <= t")
    left["y"] = left["x"] + seen.groupby("index")["v"].sum().reindex(range(300)).fillna(0)
    left["c"] = (left["y"] > 0).astype(float)
    return left, right


def star() -> StarSchema:
    """The tables as data frames of the project that is set: 210 people to learn from, 90 to test with."""
    left, right = tables()
    population = DataFrame.from_pandas(left, "people", roles={**ROLES, "target": ["y"]})
    orders = DataFrame.from_pandas(right, "orders", roles={"join_key": ["k"], "time_stamp": ["t"], "numerical": ["v"]})
    schema = StarSchema(population=population, alias="people", split=storax.data.split.random(train=0.7, test=0.3))
    schema.join(orders, on="k", time_stamps="t")
    return schema


def pipeline(schema, **more) -> Pipeline:
    parts = {"feature_learners": [FastProp(num_features=20)], "predictors": [LinearRegression()], **more}
    return Pipeline(data_model=schema.data_model, **parts)
