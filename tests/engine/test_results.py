"""What is read of a fit, under the names that notebooks use: features, columns, scores, curves, SQL, roles."""

import json

import numpy as np
import pytest

import storax
from fakes.star_schema import ROLES, pipeline, star, tables
from storax import errors
from storax.data import DataFrame, Roles
from storax.pipeline.columns import Columns
from storax.pipeline.features import Features
from storax.predictors import LogisticRegression


@pytest.fixture(scope="module")
def fit(shared_home):
    """A pipeline over the star schema and its container, in a project of this file's."""
    with pytest.MonkeyPatch.context() as patch, storax.Client(shared_home.user.world.url, shared_home.user.token):
        patch.setenv("STORAX_HOME", str(shared_home.path))
        storax.engine.set_project("results")
        schema = star()
        pipe = pipeline(schema).fit(schema.train)
        pipe.score(schema.train)
        pipe.score(schema.test)
        yield pipe, schema
        storax.engine.delete_project("results")


@pytest.fixture
def fitted(fit, home):
    """The pipeline and its container, with their project set: tests between may have set another."""
    storax.engine.set_project("results")
    return fit


def test_features_are_objects_that_are_sorted_cut_and_filtered(fitted):
    pipe, _ = fitted
    features = pipe.features
    best = features.sort(by="importances")[0]
    assert best.importance == best["importance"] == max(features.importance)
    assert best.sql == features.to_sql()[best.name]
    assert "SELECT" in best.sql
    assert [f.name for f in features[:3]] == features[:3].names == features.names[:3]
    assert features.sort(by="names").names == sorted(features.names)
    assert features.sort(key=lambda f: f.importance).names[-1] == best.name
    assert features.sort(by="correlations").names[0] == max(features, key=lambda f: abs(f.correlation)).name
    assert features.filter(lambda f: f.table == "orders").names == [n for n in features.names if n.startswith("orders")]
    assert features[best.name] == best
    assert list(features.to_pandas()["name"]) == [f.name for f in features]
    with pytest.raises(errors.InvalidInput, match="importance"):
        features.sort(by="importanec")


def test_importances_are_two_arrays_and_a_dict(fitted):
    pipe, _ = fitted
    names, values = pipe.features[:5].importances()
    assert isinstance(values, np.ndarray)
    assert sorted(names) == sorted(pipe.features.names[:5])
    assert list(values) == sorted(values, reverse=True)
    names, values = pipe.columns.importances(target_num=0)
    assert pipe.columns.importances("y").items() == dict(zip(names, values, strict=True)).items()
    assert pipe.features.correlations(sort=False).keys() == dict.fromkeys(pipe.features.names).keys()
    with pytest.raises(errors.InvalidInput, match="no target 1"):
        pipe.features.importances(target_num=1)


def test_the_important_columns_alone_make_a_container_for_another_pipeline(fitted):
    pipe, schema = fitted
    chosen = pipe.columns.select(schema, share_selected_columns=0.01)
    kept = pipe.columns.sort(by="importance")[0]
    roles = chosen.data_model[kept.table].roles
    assert kept.name in roles.numerical
    assert [
        p.roles.numerical for p in (chosen.data_model.population, chosen.data_model.orders) if p.name != kept.table
    ] == [()]
    assert schema.data_model.orders.roles.numerical == ("v",), "the schema stays as it was"
    again = pipeline(chosen).fit(chosen.train)
    assert {c.name for c in again.columns} <= {kept.name, "*", "k", "t"}


def test_scores_are_attributes_of_the_pipeline_and_of_each_score(fitted):
    pipe, schema = fitted
    assert pipe.scored
    assert pipe.rmse == pipe.scores.rmse == pipe.scores[-1].rmse == pipe.scores[-1]["rmse"]
    assert [score.set_used for score in pipe.scores] == ["train", "test"]
    assert pipe.scores.filter(lambda score: score.set_used == "train")[0] == pipe.scores[0]
    assert pipe.scores.sort(lambda score: score.set_used)[0].set_used == "test"
    assert pipe.score(schema.test).rsquared > 0.9
    with pytest.raises(AttributeError, match="auc"):
        pipe.auc  # noqa: B018


def test_importances_and_correlations_are_bars_of_vega_lite(fitted):
    pipe, _ = fitted
    chart = pipe.features.to_vega_lite(limit=3)
    names, values = pipe.features.importances()
    bars = [(bar["name"], bar["value"]) for bar in chart["data"]["values"]]
    assert bars == list(zip(names.tolist(), values.tolist(), strict=True))[:3]
    assert (chart["title"], chart["encoding"]["x"]["title"]) == ("y", "Importance")
    strongest = pipe.features.to_vega_lite(by="correlation", target="y")["data"]["values"][0]
    assert strongest["value"] == max(pipe.features.correlation, key=abs)
    for part in (pipe.columns, pipe.tables):
        assert json.loads(json.dumps(part.to_vega_lite()))["data"]["values"][0]["value"] > 0
    for wrong in ({"by": "sql"}, {"by": "name"}, {"target": 1}, {"limit": 0}):
        with pytest.raises(errors.InvalidInput):
            pipe.features.to_vega_lite(**wrong)


def test_charts_leave_out_what_has_no_correlation_and_tell_columns_of_one_name_apart():
    correlations = {"a": 0.2, "flat": float("nan"), "b": -0.9, "c": 0.5}
    rows = [{"name": name, "target": "y", "correlation": value} for name, value in correlations.items()]
    chart = Features(rows, None).to_vega_lite(by="correlation")
    assert [bar["name"] for bar in chart["data"]["values"]] == ["b", "c", "a"]
    assert json.dumps(chart, allow_nan=False)
    assert Features(rows, None).sort("correlation").names == ["b", "c", "a", "flat"]
    columns = [("population", "t", 0.6), ("orders", "amount", 0.3), ("orders", "t", 0.1)]
    rows = [{"table": table, "name": name, "target": "y", "importance": value} for table, name, value in columns]
    bars = Columns(rows, {}).to_vega_lite()["data"]["values"]
    expected = [("population.t", 0.6), ("amount", 0.3), ("orders.t", 0.1)]
    assert [(bar["name"], bar["value"]) for bar in bars] == expected
    assert Columns(rows, {}).importances().to_dict() == dict(expected)


@pytest.mark.slow("it compiles the SQL of all features, for two dialects")
def test_sql_is_found_written_and_removed(fitted, tmp_path):
    pipe, _ = fitted
    code = pipe.features.to_sql(dialect=storax.pipeline.dialect.spark_sql)
    assert code.to_str() == pipe.features.to_sql("spark").to_str()
    name = pipe.features.names[-1]
    assert code.find(name)[0] == code[name]
    assert len(code[:2]) == 2
    folder = tmp_path / "features"
    code.save(folder)
    (folder / "mine.sql").write_text("")
    code[:1].save(folder, remove=True)
    assert sorted(path.name for path in folder.iterdir()) == [f"0001_{pipe.features.names[0]}.sql", "mine.sql"]
    code.save(tmp_path / "all.sql", split=False)
    assert all(text in (tmp_path / "all.sql").read_text() for text in code)


def test_curves_are_two_arrays_and_figures(project):
    schema = star()
    people = DataFrame("people").refresh().set_role("y", "unused_float").set_role("c", "target")
    pipe = pipeline(schema, predictors=[LogisticRegression()]).fit(schema.train)
    with pytest.raises(errors.InvalidInput, match="score"):
        pipe.plots.roc_curve()
    score = pipe.score(schema.test)
    fpr, tpr = pipe.plots.roc_curve()
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(tpr, fpr) == pytest.approx(score.auc)
    recall, precision = pipe.plots.precision_recall_curve()
    assert len(recall) == len(precision)
    proportion, lift = pipe.plots.lift_curve(target_num=0)
    assert lift[proportion == 1] == pytest.approx(1)
    vega = pipe.plots.lift_curve().to_vega_lite()
    assert vega["data"]["values"][-1] == {"proportion": 1.0, "lift": pytest.approx(1.0)}
    with pytest.raises(errors.InvalidInput, match="no target 1"):
        pipe.plots.roc_curve(1)
    assert people.roles.target == ["c"]


def test_roles_are_attributes_and_can_be_given_to_an_import(project):
    left, _ = tables()
    people = DataFrame.from_pandas(left, "people", Roles(join_key=["k"], target="y"))
    assert people.roles.join_key == people.roles["join_key"] == ["k"]
    assert people.roles.unused == ["x", "c", "t"]
    assert people.roles.text == []
    people.set_role(people.roles.unused_float, storax.data.roles.numerical)
    assert people.roles.numerical == ["x", "c"]
    again = DataFrame.from_pandas(left, "again", roles=people.roles)
    assert (again.roles, again.roles.column("y")) == (people.roles, "target")
    dry = DataFrame.from_pandas(left, "dry", dry=True)
    dry["x"] = "numerical"
    assert DataFrame.from_pandas(left, "dry", dry).roles.numerical == ["x"]
    assert Roles(**ROLES).update({"target": ["x"]}).to_dict() == {
        "join_key": ["k"],
        "time_stamp": ["t"],
        "target": ["x"],
    }
    with pytest.raises(AttributeError, match="unused"):
        people.roles.numercial  # noqa: B018
