"""Subsets of a container: every handle of one shows its rows, and no others."""

import numpy as np
import pandas as pd
import pytest

import storax
from fakes.star_schema import pipeline, star
from storax import errors
from storax.data import Container, DataFrame, TimeSeries, make_target_columns, split
from storax.pipeline import Pipeline

N = 200


@pytest.fixture
def people(project):
    frame = pd.DataFrame({"id": np.arange(N), "t": np.arange(N, dtype=float), "x": np.arange(N) % 7.0})
    frame["part"] = np.where(frame["id"] % 4 == 0, "test", np.where(frame["id"] % 4 == 1, None, "train"))
    return DataFrame.from_pandas(frame, "people", roles={"time_stamp": ["t"], "numerical": ["x"]})


def ids(source):
    return source.to_arrow().column("id").to_pylist()


@pytest.mark.parametrize("splitter", ["random", "time", "name", "column"])
def test_every_handle_of_a_subset_shows_its_rows_alone(people, splitter):
    splits = {
        "random": lambda: split.random(train=0.6, test=0.4),
        "time": lambda: split.time(people, "t", test=150.0),
        "name": lambda: "part",
        "column": lambda: people["part"],
    }
    container = Container(people, split=splits[splitter]())
    train, test = container.train, container["test"]
    both = ids(train.population) + ids(test.population)
    assert len(both) == len(set(both)) == (150 if splitter in ("name", "column") else N)
    assert 0 < len(ids(test.population)) < len(ids(train.population))
    for part in (train, test):
        rows = ids(part.population)
        assert part.nrows() == part.population.nrows() == len(part.population) == len(rows)
        assert list(part.to_pandas()["id"]) == list(part.population.to_pandas()["id"]) == ids(part) == rows
        assert list(part.population["id"].to_numpy()) == rows
        assert part.population["id"].count().get() == len(rows)
    assert container["full"].nrows() == N


def test_a_part_of_a_view_is_split_as_the_view_counts_its_rows(people):
    view = people.where(people["x"] > 2)
    container = Container(view, split=split.random(seed=3))
    assert sorted(ids(container.train) + ids(container.test)) == ids(view)


def test_a_model_learns_from_the_rows_that_the_handle_shows(project):
    schema = star()
    pipe = pipeline(schema).fit(schema.train)
    assert pipe.predict(schema.test).shape == (schema.test.nrows(), 1)
    again = pipeline(schema).fit(schema.train.population, {"orders": DataFrame("orders")})
    assert np.array_equal(again.predict(schema.test), pipe.predict(schema.test))


def test_a_series_sees_the_past_of_its_subset_in_the_whole_population(people):
    series = TimeSeries(people, "t", split=split.time(people, "t", test=150.0), memory=5.0)
    test = series.test
    assert (test.nrows(), test.peripheral["population_past"].nrows()) == (50, N)
    assert storax.data.Container(train=people).train.nrows() == N


def test_a_peripheral_table_with_the_name_of_the_population_is_refused(people):
    other = people.where(people["x"] > 2).to_df("others")
    container = Container(people, {"population": other})
    with pytest.raises(errors.InvalidInput, match=r"'population'.*'people'.*'others'"):
        Pipeline().check(container["full"])


def test_a_target_of_a_value_is_0_where_the_value_is_missing(people):
    population = make_target_columns(people, "part")
    assert population.roles.target == ["part=test", "part=train"]
    for value in ("test", "train"):
        expected = [float(one == value) for one in people["part"].to_numpy()]
        assert population[f"part={value}"].to_numpy().tolist() == expected
