"""The memory of the engine: who holds what, and that it comes back."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import storax
from fakes.star_schema import pipeline, star
from storax import errors
from storax.data import DataFrame, StarSchema, split
from storax.predictors import LinearRegression, XGBoostRegressor

MB = 1_000_000
ROWS = 300_000


def resident(home):
    """The engine's memory, by the kernel."""
    return int(Path(f"/proc/{home.pid}/statm").read_text().split()[1]) * 4096


def large():
    draw = np.random.default_rng(1)
    people = pd.DataFrame({"k": np.arange(20_000), "t": 1.0, "y": draw.normal(size=20_000)})
    orders = pd.DataFrame({"k": draw.integers(0, 20_000, ROWS), "t": draw.random(ROWS)})
    for i in range(8):
        orders[f"v{i}"] = draw.normal(size=ROWS)
    keys = {"join_key": ["k"], "time_stamp": ["t"]}
    population = DataFrame.from_pandas(people, "people", roles={**keys, "target": ["y"]})
    values = [f"v{i}" for i in range(8)]
    right = DataFrame.from_pandas(orders, "orders", roles={**keys, "numerical": values})
    schema = StarSchema(population, "people", split=split.random(train=0.7, test=0.3))
    schema.join(right, on="k", time_stamps="t")
    return schema


def failing(schema):
    with pytest.raises(errors.InvalidInput):
        pipeline(schema, predictors=[XGBoostRegressor(max_depth=-5)]).fit(schema.train)


@pytest.mark.slow("memory shows on large tables alone")
def test_memory_comes_back_after_fits_deletions_unloading_and_suspension(own_home):
    storax.engine.set_project("p")
    small = star()
    pipeline(small, predictors=[LinearRegression(), XGBoostRegressor(n_estimators=5)]).fit(small.train).score(
        small.test
    )
    ends = []
    for end in ("delete", "unload", "suspend"):
        storax.engine.set_project("p")
        schema = large()
        fits = [
            pipeline(schema, predictors=[part]).fit(schema.train) for part in (LinearRegression(), LinearRegression())
        ]
        fits[0].predict(schema.test)
        failing(schema)
        held = storax.engine.memory()
        assert held["data_frames"]["p"]["orders"] > ROWS * 10 * 8 * 0.9
        assert held["shared"]["sorted tables"] > ROWS * 8 * 8
        assert held["process"] > held["data_frames"]["p"]["orders"]
        if end == "delete":
            storax.project.data_frames.delete()
            for fit in storax.project.pipelines:
                fit.delete()
        elif end == "unload":
            storax.project.data_frames.unload()
        else:
            storax.engine.suspend_project("p")
        ends.append(resident(own_home))
        assert storax.engine.memory()["shared"] == {}
    print([round(end / MB) for end in ends])
    assert max(ends[1:]) < 1.1 * ends[0], ends


@pytest.mark.slow("memory shows on large tables alone")
def test_more_fits_on_the_same_data_take_no_more_memory(own_home):
    storax.engine.set_project("p")
    schema = large()
    sizes = []
    for number in range(3):
        pipeline(schema, predictors=[LinearRegression()], tags=[str(number)]).fit(schema.train).score(schema.test)
        sizes.append(resident(own_home))
    print([round(size / MB) for size in sizes])
    assert sizes[-1] < sizes[0] + ROWS * 8 * 8, "another sorted table would take as much"


def test_a_frame_that_was_changed_is_learned_from_as_it_is(project):
    schema = star()
    fit = pipeline(schema).fit(schema.train)
    before = fit.predict(schema.test)
    assert np.array_equal(pipeline(schema).fit(schema.train).predict(schema.test), before)
    orders = DataFrame("orders").refresh()
    orders.add(orders["v"] * 3 + 1, "v", role="numerical")
    changed = pipeline(schema).fit(schema.train)
    assert not np.array_equal(changed.features.correlations(), fit.features.correlations())
    DataFrame("people").add(0.5, "x", role="numerical")
    assert storax.engine.memory()["data_frames"][project].keys() == {"orders", "people"}
    last = pipeline(schema).fit(schema.train)
    assert not np.array_equal(last.features.correlations(), changed.features.correlations())


def test_models_that_were_not_used_for_long_leave_the_memory_and_predict_the_same(project):
    schema = star()
    first = pipeline(schema, name="first").fit(schema.train)
    before = first.predict(schema.test)
    for number in range(8):
        pipeline(schema, name=f"more{number}").fit(schema.train)
    held = storax.engine.memory()["pipelines"][project]
    assert (len(held), "first, edition 1" in held) == (8, False)
    assert np.array_equal(first.predict(schema.test), before)
    assert "first, edition 1" in storax.engine.memory()["pipelines"][project]
    first.delete()
    assert "first, edition 1" not in storax.engine.memory()["pipelines"][project]
