"""A fitted pipeline is asked about rows of the script: the same answers as for data frames, and clear refusals."""

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import storax
from fakes.star_schema import pipeline, star
from storax import errors
from storax.data import DataFrame, StarSchema, TimeSeries
from storax.feature_learning import FastProp
from storax.pipeline import Pipeline
from storax.pipeline.predictions import flat
from storax.predictors import LinearRegression, LogisticRegression
from storax.preprocessors import Mapping

COLUMNS = ["k", "t", "x"]


@pytest.fixture(scope="module")
def fit(shared_home):
    """A pipeline over the star schema and its container, in a project of this file's."""
    with pytest.MonkeyPatch.context() as patch, storax.Client(shared_home.user.world.url, shared_home.user.token):
        patch.setenv("STORAX_HOME", str(shared_home.path))
        storax.engine.set_project("rows")
        schema = star()
        yield pipeline(schema, name="star").fit(schema.train), schema
        storax.engine.delete_project("rows")


@pytest.fixture
def fitted(fit, home):
    """The pipeline and its container, with their project set: tests between may have set another."""
    storax.engine.set_project("rows")
    return fit


def test_rows_of_every_kind_have_the_predictions_of_the_data_frame_that_they_come_from(fitted):
    pipe, schema = fitted
    rows, expected = schema.test.to_pandas()[COLUMNS], pipe.predict(schema.test)
    table = pa.Table.from_pandas(rows)
    by_row = rows.to_dict("records")
    kinds = (rows, pl.from_pandas(rows), table, table.to_reader(), duckdb.from_arrow(table), table.to_pydict(), by_row)
    for kind in kinds:
        np.testing.assert_allclose(pipe.predict(kind), expected)
    np.testing.assert_allclose(pipe.predict(by_row[3]), expected[3:4])
    np.testing.assert_allclose(storax.pipeline.load("star").predict(by_row[3]), expected[3:4])
    assert pipe.predict(rows[:0]).shape == (0, 1)


def test_values_are_converted_as_an_import_does_and_other_columns_are_left_out(fitted):
    pipe, schema = fitted
    row = schema.test.to_pandas()[[*COLUMNS, "y"]].iloc[0]
    expected = pipe.predict(row[COLUMNS].to_dict())
    texts = {"k": str(row["k"]), "t": row["t"].isoformat(), "x": f" {float(row['x'])!r} ", "other": ["a list"]}
    texts = {name: [value] for name, value in texts.items()}
    np.testing.assert_allclose(pipe.predict(texts), expected)
    missing = pipe.predict({"k": None, "t": None, "x": None})
    assert np.isfinite(missing).all()


def test_a_peripheral_table_can_be_another_and_is_that_of_the_fit_by_default(fitted):
    pipe, schema = fitted
    rows, orders = schema.test.to_pandas()[COLUMNS], DataFrame("orders").refresh()
    np.testing.assert_allclose(pipe.predict(rows, {"orders": orders}), pipe.predict(rows))
    np.testing.assert_allclose(pipe.predict(rows, [orders]), pipe.predict(rows))
    np.testing.assert_allclose(pipe.predict(schema.test.population), pipe.predict(schema.test))
    none = pipe.predict(rows, {"orders": orders[orders["v"] > 10**6]})
    assert not np.allclose(none, pipe.predict(rows))
    with pytest.raises(errors.InvalidInput, match="'orders' is a DataFrame, and no data frame or view"):
        pipe.predict(rows, {"orders": orders.to_pandas()})
    with pytest.raises(errors.InvalidInput, match="needs the table 'orders'"):
        pipe.predict(rows, {"oders": orders})
    for population in (rows, schema.test.population):
        for peripheral in (
            orders.to_pandas(),
            [orders.to_pandas().assign(name="n")],
            {"orders": rows.to_dict("records")},
        ):
            with pytest.raises(errors.InvalidInput, match=r"is a (DataFrame|list), and no data frame or view"):
                pipe.predict(population, peripheral)
        np.testing.assert_allclose(pipe.predict(population, orders)[:3], pipe.predict(population)[:3])


def test_a_hint_fits_what_is_wrong_with_the_rows(fitted):
    pipe, _ = fitted
    for rows, hint in (
        (pd.DataFrame([[1, 2]], columns=["k", "k"]), "Give each its own name."),
        (7, "container.train"),
    ):
        with pytest.raises(errors.InvalidInput) as raised:
            pipe.predict(rows)
        assert hint in raised.value.hint
        assert ("container.train" in raised.value.hint) == (hint == "container.train")


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda rows: rows.drop(columns=["t", "x"]), errors.NoColumn, r"lack .* uses: 't' \(time_stamp\), 'x' \(num"),
        (lambda rows: rows.assign(x="much"), errors.InvalidInput, "'x' cannot be numerical: row 0 holds 'much'"),
        (lambda rows: rows.assign(t="noon"), errors.InvalidInput, "'t' cannot be a time_stamp: row 0 holds 'noon'"),
        (lambda rows: rows.assign(k=1e17), errors.InvalidInput, "'k' cannot be join_key"),
        (lambda rows: rows.assign(x=[[1]] * len(rows)), errors.InvalidInput, "'x' holds list"),
        (lambda _: {"k": [1], "t": "2020-01-01", "x": [1.0]}, errors.InvalidInput, "'t' is a single value"),
        (
            lambda rows: pa.table([rows["k"], rows["t"], rows["x"], rows["x"]], [*COLUMNS, "x"]),
            errors.InvalidInput,
            "2 columns named 'x'",
        ),
        (lambda _: {}, errors.NoColumn, "They have none"),
        (lambda rows: rows.iloc[0], errors.InvalidInput, "A Series is no table"),
        (lambda rows: pl.from_pandas(rows).lazy(), errors.InvalidInput, "A LazyFrame is no table"),
        (lambda _: 7, errors.InvalidInput, "A int is no table"),
    ],
)
def test_rows_that_do_not_fit_are_refused_and_named(fitted, change, error, said):
    pipe, schema = fitted
    with pytest.raises(error, match=said):
        pipe.predict(change(schema.test.to_pandas()[COLUMNS]))


def test_more_rows_than_a_slice_have_the_predictions_of_the_data_frame(fitted):
    pipe, schema = fitted
    rows = pd.concat([schema.test.to_pandas()[COLUMNS]] * 1600, ignore_index=True)  # over two slices
    expected = np.tile(pipe.predict(schema.test), (1600, 1))
    assert len(rows) > 2 * 65_536
    np.testing.assert_allclose(pipe.predict(rows), expected)


def test_features_carry_the_columns_that_are_kept(fitted):
    pipe, schema = fitted
    frame, rows = schema.test.population, schema.test.to_pandas()
    expected = pipe.transform(schema.test)
    for population in (schema.test, frame, rows):
        flat = pipe.transform(population, keep=["c", "k"])
        assert flat.column_names == ["c", "k", *expected.column_names]
        assert flat["c"].to_pylist() == list(rows["c"])
        assert flat.select(expected.column_names).equals(expected)
    with pytest.raises(errors.NoColumn, match="'kk'"):
        pipe.transform(rows, keep=["kk"])
    for population in (rows, schema.test):
        with pytest.raises(errors.InvalidInput, match="keep= names 'k'"):
            pipe.transform(population, keep=["k", "k"])
        with pytest.raises(errors.InvalidInput, match="keep= names 'x'"):
            pipe.transform(population, keep="x")


def test_features_of_rows_become_a_data_frame_with_its_roles(fitted):
    pipe, schema = fitted
    for population in (schema.test, schema.test.to_pandas()):
        flat = pipe.transform(population, df_name="flat", keep=["c"])
        assert flat.roles["numerical"] == pipe.features.names
        assert (flat.roles["target"], flat.roles["join_key"], flat.roles["time_stamp"]) == (["y"], ["k"], ["t"])
        assert flat.roles["unused_float"] == ["c"]
        assert flat["y"].to_arrow().to_pylist() == list(schema.test.to_pandas()["y"])
        flat.delete()
    with pytest.raises(errors.InvalidInput, match="A site computes features of data frames"):
        pipe.transform(schema.test.to_pandas(), site="test")
    with pytest.raises(errors.InvalidInput, match="buckets= is for work at a site"):
        pipe.transform(schema.test.to_pandas(), buckets=2)


def test_features_of_a_population_that_has_other_rows_by_now_are_a_conflict(fitted):
    pipe, schema = fitted
    for carried, use in (([], flat.with_targets), (["c"], flat.with_kept)):
        more = (pipe._row["params"], carried) if use is flat.with_targets else (carried,)
        with pytest.raises(errors.Conflict, match="has 90 rows by now, and the features have 1") as raised:
            use(pa.table({"f": [1.0]}), schema.test.to_spec(), *more)
        assert "call again" in raised.value.hint


def test_a_join_key_that_joins_nothing_can_be_left_out(project):
    schema = star()
    people = schema.population.with_column(schema.population["k"], "other", role="join_key").with_name("people")
    keyed = StarSchema(train=people, alias="people")
    keyed.join(schema.peripheral["orders"], on="k", time_stamps="t")
    pipe = pipeline(keyed).fit(keyed.train)
    np.testing.assert_allclose(pipe.predict(people.to_pandas()[COLUMNS]), pipe.predict(keyed.train))
    with pytest.raises(errors.NoColumn, match=r"uses: 'k' \(join_key\)\."):
        pipe.predict(people.to_pandas()[["t", "x", "other"]])


def test_probabilities_are_those_of_both_classes_and_a_regression_has_none(fitted):
    pipe, schema = fitted
    with pytest.raises(errors.InvalidInput, match="no probabilities"):
        pipe.predict_proba(schema.test)
    people = schema.population.with_role("y", "unused_float").with_role("c", "target").with_name("people")
    classes = StarSchema(train=people[:200], test=people[200:], alias="people")
    classes.join(schema.peripheral["orders"], on="k", time_stamps="t")
    pipe = pipeline(classes, predictors=[LogisticRegression()]).fit(classes.train)
    both, rows = pipe.predict_proba(classes.test), classes.test.to_pandas()
    np.testing.assert_allclose(both[:, 1:], pipe.predict(classes.test))
    np.testing.assert_allclose(both.sum(axis=1), 1)
    np.testing.assert_allclose(pipe.predict_proba(rows[COLUMNS]), both)


def test_a_time_series_is_asked_about_new_rows_that_see_its_past(project):
    draw = np.random.default_rng(5)
    rows = pd.DataFrame(
        {"t": pd.Timestamp("2022-01-01") + pd.to_timedelta(range(300), "h"), "v": draw.normal(size=300)}
    )
    rows["y"] = rows["v"].shift(1).fillna(0)
    past = DataFrame.from_pandas(rows, "past", roles={"time_stamp": ["t"], "numerical": ["v"], "target": ["y"]})
    series = TimeSeries(past, time_stamps="t", horizon=3600, memory=2 * 3600, alias="hours")
    pipe = Pipeline(series.data_model, feature_learners=[FastProp()], predictors=[LinearRegression()])
    pipe.fit(series["full"])
    expected = pipe.predict(series["full"])
    np.testing.assert_allclose(pipe.predict(rows[["t", "v"]].iloc[100:110]), expected[100:110])


def test_a_category_that_the_fit_has_not_seen_is_the_mean_of_all(project):
    rows = pd.DataFrame({"kind": ["a", "b"] * 50, "y": [1.0, 5.0] * 50})
    frame = DataFrame.from_pandas(rows, "kinds", roles={"categorical": ["kind"], "target": ["y"]})
    pipe = Pipeline(preprocessors=[Mapping(min_freq=0)], predictors=[LinearRegression()]).fit(frame)
    features = pipe.transform({"kind": ["a", "b", "new", None]})
    assert features["kind__mean_y"].to_pylist() == [1.0, 5.0, 3.0, 3.0]


def test_a_peripheral_data_frame_that_is_gone_is_named(project):
    schema = star()
    pipe = pipeline(schema).fit(schema.train)
    rows = schema.test.to_pandas()[COLUMNS]
    DataFrame("orders").delete()
    with pytest.raises(errors.NoDataFrame, match="'orders'"):
        pipe.predict(rows)
