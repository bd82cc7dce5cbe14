"""Subroles of columns: kept with the data frame, refused where they do nothing, and heeded by pipelines."""

import numpy as np
import pytest

import storax
from storax import DataFrameRecord, errors
from storax.data import Container, DataFrame, subroles
from storax.pipeline import Pipeline
from storax.predictors import LinearRegression
from storax.preprocessors import EmailDomain, Mapping


@pytest.fixture
def people(project):
    n = np.arange(60)
    columns = {
        "plan": [f"p{i % 3}" for i in n],
        "mail": [f"u{i}@{'ab'[i % 2]}.org" for i in n],
        "x": n % 7.0,
        "y": n % 5.0,
    }
    roles = {"categorical": ["plan"], "text": ["mail"], "numerical": ["x"], "target": ["y"]}
    return DataFrame.from_dict(columns, "people", roles=roles)


def test_subroles_are_added_replaced_and_removed(people):
    people.set_subroles("plan", subroles.exclude.mapping).set_subroles(people["mail"], [subroles.only.email])
    people.set_subroles(["plan", "x"], subroles.exclude.predictors)
    assert people.subroles == {
        "plan": ["exclude mapping", "exclude predictors"], "mail": ["only email"], "x": ["exclude predictors"],
    }  # fmt: skip
    people.set_subroles("plan", [subroles.include.substring], append=False).remove_subroles("x")
    assert people.subroles == {"plan": ["include substring"], "mail": ["only email"]}
    people.set_role("plan", "text").add(people["x"] * 2, "twice", subroles=[subroles.exclude.imputation])
    assert people.subroles["twice"] == ["exclude imputation"]
    assert people.subroles["plan"] == ["include substring"]
    people.add([1.0] * 60, "twice")
    people.remove("mail")
    assert people.subroles == {"plan": ["include substring"]}


def test_a_view_has_its_own_and_leaves_those_of_the_data_frame(people):
    people.set_subroles("plan", subroles.exclude.mapping)
    view = people.where(people["x"] > 1).with_subroles("plan", subroles.exclude.predictors)
    view = view.with_column(view["x"] * 2, "twice", "numerical", subroles.exclude.imputation, "km")
    assert view.subroles == {"plan": ["exclude mapping", "exclude predictors"], "twice": ["exclude imputation"]}
    assert view.units == {"twice": "km"}
    assert view.with_subroles("plan", [], append=False).drop("twice").subroles == {}
    assert people.subroles == {"plan": ["exclude mapping"]}
    assert view.to_df("copy").subroles == view.subroles


def test_subroles_are_on_disk_and_in_the_catalogue(people):
    people.set_subroles("plan", subroles.exclude.mapping).save()
    columns = {column["name"]: column for column in DataFrameRecord.objects.get(id=people.record_id).columns}
    assert (columns["plan"]["subroles"], "subroles" in columns["x"]) == (["exclude mapping"], False)
    people.remove_subroles("plan").load()
    assert people.subroles == {"plan": ["exclude mapping"]}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("exclude relboost", "does nothing: Relboost is not offered"),
        ("exclude multirel", "does nothing: Multirel is not offered"),
        ("mapping", "no subrole 'mapping'"),
    ],
)
def test_a_subrole_that_does_nothing_is_refused_and_changes_nothing(people, wrong, reason):
    edition = people.refresh().edition
    calls = [
        lambda: people.set_subroles("plan", [subroles.only.email, wrong]),
        lambda: people.add(1.0, "one", subroles=wrong),
        lambda: people.add([1.0] * 60, "one", subroles=wrong),
        lambda: people.with_subroles("plan", wrong).nrows(),
        lambda: people.with_column(1.0, "one", subroles=wrong).nrows(),
    ]
    for call in calls:
        with pytest.raises(errors.InvalidInput, match=reason) as raised:
            call()
        assert "exclude mapping" in str(raised.value.hint)
    with pytest.raises(errors.NoColumn, match="plam"):
        people.set_subroles("plam", subroles.only.email)
    assert (people.refresh().edition, people.subroles) == (edition, {})


def test_a_pipeline_heeds_them_and_a_fit_keeps_those_that_it_had(people):
    pipe = Pipeline(preprocessors=[EmailDomain(), Mapping()], predictors=[LinearRegression()])
    assert set(pipe.fit(Container(people).full).features.names) == {"x", "plan__mean_y", "mail__domain__mean_y"}
    people.set_subroles("plan", subroles.exclude.mapping)
    marked = people.with_subroles("mail", subroles.exclude.preprocessors)
    assert isinstance(pipe.check(Container(marked).full), list)
    assert pipe.fit(Container(marked).full).features.names == ["x"]
    people.remove_subroles("plan")
    assert pipe.transform(Container(people).full).column_names == ["x"]
    assert storax.pipeline.load(pipe.name).features.names == ["x"]
