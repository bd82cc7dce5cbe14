"""Units of columns: kept with the data frame, refused where a part of one does nothing, and compared by pipelines."""

import numpy as np
import pyarrow as pa
import pytest

import storax
from storax import errors
from storax.data import Placeholder, Roles, StarSchema
from storax.data.frame import DataFrame
from storax.feature_learning import FastProp
from storax.pipeline import Pipeline
from storax.predictors import LinearRegression
from storax_engine.frames.frame import Frame
from storax_engine.pipelines import subsets


@pytest.fixture
def tables(project):
    draw, n = np.random.default_rng(7), 90
    level = 3.0 * draw.normal(size=n)
    limit = level + draw.normal(size=n)
    of = np.repeat(np.arange(n), 5)
    price = level[of] + draw.normal(size=5 * n)
    far = np.bincount(of, limit[of] - price, n) / 5
    people = DataFrame.from_dict(
        {"id": np.arange(n), "limit": limit, "y": far}, "people",
        roles={"join_key": ["id"], "numerical": ["limit"], "target": ["y"]},
    )  # fmt: skip
    orders = DataFrame.from_dict(
        {"id": of, "price": price}, "orders", roles={"join_key": ["id"], "numerical": ["price"]}
    )
    return people, orders


def test_a_pipeline_compares_columns_of_equal_unit_and_keeps_that_in_its_fit(tables):
    people, orders = tables
    star = StarSchema(population=people)
    star.join(orders, on="id")
    pipe = Pipeline(
        data_model=star.data_model, feature_learners=[FastProp(aggregation=["AVG"])], predictors=[LinearRegression()]
    )
    assert set(pipe.fit(star.full).features.names) == {"limit", "orders__price__avg"}
    people.set_unit("limit", "EUR", comparison_only=True)
    orders.set_unit(orders["price"], "EUR")
    compared = {f"orders__{name}__avg" for name in ("limit__minus_price", "price__by_limit", "price__above_limit")}
    assert set(pipe.fit(star.full).features.names) == {"orders__price__avg", *compared}
    best = max(pipe.features, key=lambda feature: abs(feature.correlation))
    assert (best.name, "limit" in best.sql) == ("orders__limit__minus_price__avg", True)
    assert {column.name for column in pipe.columns} >= {"limit", "price"}
    people.remove_unit("limit")
    assert set(pipe.transform(star.full).column_names) == {"orders__price__avg", *compared}
    assert set(storax.pipeline.load(pipe.name).features.names) == {"orders__price__avg", *compared}


def test_units_are_written_in_one_form_saved_and_shown(tables):
    people, _ = tables
    people.set_unit("limit", " EUR,comparison only").save()
    assert people.units == {"limit": "EUR, comparison only"}
    assert "EUR, comparison only" in str(people)
    people.set_unit("limit", "USD").load()
    assert people.units == {"limit": "EUR, comparison only"}
    view = people.with_unit("limit", "USD", comparison_only=True)
    assert view.with_column(view["limit"] * 2, "twice", "numerical", unit="USD").units == {
        "limit": "USD, comparison only",
        "twice": "USD",
    }
    assert people.set_unit("limit", "").units == {}


@pytest.mark.parametrize(
    ("unit", "reason"),
    [
        ("EUR, comparison", "'comparison' of the unit 'EUR, comparison' does nothing"),
        ("EUR, net, comparison only", "'net, comparison only'"),
        (", comparison only", "has no name"),
        ("comparison only", "has no name"),
        (5, "unit 5 is no text"),
    ],
)
def test_a_unit_with_a_part_that_does_nothing_is_refused_and_changes_nothing(tables, unit, reason):
    people, _ = tables
    edition = people.refresh().edition
    calls = [
        lambda: people.set_unit("limit", unit),
        lambda: people.add(1.0, "one", unit=unit),
        lambda: people.add([1.0] * 90, "one", unit=unit),
        lambda: people.with_unit("limit", unit).nrows(),
        lambda: people.with_column(1.0, "one", unit=unit).nrows(),
    ]
    for call in calls:
        with pytest.raises(errors.InvalidInput, match=reason) as raised:
            call()
        assert "'km, comparison only'" in str(raised.value.hint)
    with pytest.raises(errors.InvalidInput, match="needs a unit"):
        people.set_unit("limit", "", comparison_only=True)
    assert (people.refresh().edition, people.units) == (edition, {})


def test_a_unit_that_an_earlier_release_let_pass_is_refused_by_a_fit_that_names_its_column():
    limits = Frame(pa.table({"limit": [1.0]}), {"limit": "numerical"}, {"limit": "EUR, net"})
    with pytest.raises(errors.InvalidInput, match="'net' of the unit 'EUR, net' does nothing") as raised:
        subsets.completed({}, {"people": limits})
    assert "column 'limit'" in str(raised.value.hint)


def test_a_role_that_is_none_is_refused_with_those_that_there_are(tables):
    people, _ = tables
    calls = [
        lambda: Placeholder("people", roles={"numericl": ["limit"]}),
        lambda: Roles.from_mapping({"numericl": ["limit"]}),
        lambda: people.set_role("limit", "numericl"),
        lambda: people.add(1.0, "one", role="numericl"),
    ]
    for call in calls:
        with pytest.raises(errors.InvalidInput, match="no role 'numericl'") as raised:
            call()
        assert "numerical" in str(raised.value.hint)
