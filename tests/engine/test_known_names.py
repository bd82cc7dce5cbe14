"""Names that notebooks of getML use for data models, conditions, aggregations and databases, over generated data."""

import sqlite3

import numpy as np
import pytest

import storax
from fakes.star_schema import pipeline, star
from storax import errors
from storax.data import Container, DataFrame, DataModel, make_target_columns, to_placeholder
from storax.data.expressions.columns import random
from storax.feature_learning import FastProp
from storax.pipeline import Pipeline
from storax.predictors import LinearRegression, LogisticRegression


@pytest.fixture
def papers(project):
    """40 papers of three labels, where a paper cites others of its label."""
    numbers = np.arange(40)
    columns = {"id": numbers, "label": [f"l{n % 3}" for n in numbers], "pages": numbers % 3 + numbers / 100}
    paper = DataFrame.from_dict(columns, "paper")
    paper.set_role("id", "join_key").set_role("label", "categorical").set_role("pages", "numerical")
    pairs = [(n, (n + 3 * k) % 39) for n in range(39) for k in (1, 2)]
    cites = DataFrame.from_dict({"citing": [a for a, _ in pairs], "cited": [b for _, b in pairs]}, "cites")
    return paper, cites.set_role(["citing", "cited"], "join_key")


@pytest.mark.slow("three targets are learned")
def test_one_table_is_joined_twice_and_each_label_is_a_target(papers):
    paper, cites = papers
    population = make_target_columns(paper, "label")
    assert population.roles.target == ["label=l0", "label=l1", "label=l2"]
    assert "label" not in population.colnames
    split = storax.data.split.random(train=0.7, test=0.3)
    container = Container(population=population, split=split)
    container.add(cites=cites, paper=paper)
    model = DataModel(paper.to_placeholder("population"))
    model.add(to_placeholder(cites=[cites] * 2, paper=paper))
    for use, (mine, other) in zip(model.cites, (("citing", "cited"), ("cited", "citing")), strict=True):
        model.population.join(use, on=("id", mine))
        use.join(model.paper, on=(other, "id"), relationship=storax.data.relationship.many_to_one)
    with pytest.raises(errors.InvalidInput, match=r"cites=\[frame\] \* 2"):
        model.add(to_placeholder(cites=cites))
    pipe = Pipeline(data_model=model, feature_learners=[FastProp()], predictors=[LogisticRegression()])
    pipe.fit(container.train)
    score = pipe.score(container.test)
    assert len(score.auc) == len(pipe.auc) == 3
    assert {f.table for f in pipe.features} > {"cites", "cites_2"}
    assert len(paper[split == "test"]) + len(paper[split == "train"]) == 40
    assert paper[split != "test"].to_arrow() == paper[split == "train"].to_arrow()
    assert pipe.predict(container.test).shape == (len(paper[split == "test"]), 3)
    with pytest.raises(errors.InvalidInput, match="no subset 'tset'"):
        split == "tset"  # noqa: B015


def test_a_condition_over_no_frame_is_used_with_any(papers):
    paper, cites = papers
    some = paper[random(seed=1) < 0.5]
    assert 0 < len(some) < 40
    assert some.to_arrow() == paper[random(seed=1) < 0.5].to_arrow()
    assert len(cites[storax.data.rowid() >= 70]) == 8
    paper.add((random() < 2) & (paper["id"] == 3), "is_3")
    assert np.flatnonzero(paper["is_3"].to_numpy()).tolist() == [3]
    paper.add(storax.data.arange(5, 2), "n")
    assert paper["n"].to_numpy()[:2].tolist() == [5, 7]
    with pytest.raises(errors.InvalidInput, match="no data frame"):
        random().to_numpy()
    with pytest.raises(errors.InvalidInput, match="'paper' and of DataFrame 'cites'"):
        paper["n"] * random() > cites["cited"]  # noqa: B015


@pytest.mark.slow("two fits")
def test_the_features_as_a_data_frame_are_learned_without_a_data_model(project):
    schema = star()
    learned = pipeline(schema, predictors=[]).fit(schema.train)
    train = learned.transform(schema.train, df_name="flat_train")
    test = learned.transform(schema.test, df_name="flat_test")
    assert (learned.is_regression, learned.features.name) == (True, learned.features.names)
    assert train.copy("again").to_arrow() == train.to_arrow()
    assert train.roles.target == ["y"]
    assert train.roles.numerical == learned.features.names
    assert (train.nrows(), test.nrows()) == (210, 90), "a row for each of the subset's"
    assert np.asarray(learned.transform(schema.test)).shape == (test.nrows(), len(learned.features))
    schema.population.set_role("y", "unused_float")
    again = learned.transform(schema.test, df_name="flat_again")
    assert again.roles.target == ["y"], "the roles are those of the pipeline"
    pipe = Pipeline(predictors=[LinearRegression()]).fit(train)
    assert pipe.score(test).rsquared > 0.9
    assert storax.pipeline.load(pipe.id).predict(test).shape == (test.nrows(), 1)


def test_sets_of_aggregations_have_the_names_of_the_learner(project):
    schema = star()
    minimal = FastProp(aggregation=FastProp.agg_sets.Minimal)
    names = pipeline(schema, feature_learners=[minimal], predictors=[]).fit(schema.train).features.names
    assert {name.rpartition("__")[2] for name in names} == {"x", "avg", "count", "max", "min", "sum"}
    spaced = FastProp(aggregation=["COUNT DISTINCT", "SUM"])
    names = pipeline(schema, feature_learners=[spaced], predictors=[]).fit(schema.train).features.names
    assert {"orders__v__count_distinct", "orders__v__sum"} <= set(names)
    with pytest.raises(AttributeError, match="FastProp"):
        storax.feature_learning.Relboost()


@pytest.mark.slow("a fit, and two databases")
def test_a_database_that_is_connected_once_is_the_default(project, tmp_path):
    database = storax.database
    with pytest.raises(errors.InvalidInput, match="connect_sqlite3"):
        database.Connection("nothing")
    database.connect_sqlite3(tmp_path / "shop.db")
    database.execute("CREATE TABLE people (k INTEGER, name TEXT)")
    database.execute("INSERT INTO people VALUES (1, 'Ada'), (2, 'Bob')")
    people = DataFrame.from_db("people", "people")
    assert (people.nrows(), database.list_tables(), database.get_colnames("people")) == (2, ["people"], ["k", "name"])
    people[people["name"] == "Bob"].to_db("bobs")
    assert database.get("SELECT name FROM bobs")["name"].tolist() == ["Bob"]
    other = database.connect_duckdb(tmp_path / "shop.duckdb", conn_id="other")
    database.copy_table(database.Connection(), other, "people")
    assert DataFrame.from_query("SELECT count(*) AS n FROM people", "n", conn=other)["n"].to_numpy()[0] == 2
    assert database.list_tables(other) == ["people"]
    database.drop_table("people", other)
    assert (database.list_tables(other), database.list_connections()) == ([], ["default", "other"])
    schema = star()
    pipe = pipeline(schema).fit(schema.train)
    pipe.transform(schema.test, table_name="flat")
    with sqlite3.connect(tmp_path / "shop.db") as conn:
        assert {c[1] for c in conn.execute("PRAGMA table_info(flat)")} == {*pipe.features.names, "y", "k", "t"}


def test_a_database_that_does_not_answer_is_an_error_of_the_connection():
    pytest.importorskip("psycopg")
    with pytest.raises(errors.StoraxError, match="refused"):
        storax.database.connect_postgres("shop", "ada", "secret", host="127.0.0.1", port=9)
