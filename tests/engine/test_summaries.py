"""First looks at data frames and views: rows by chance, statistics of columns, groups. The engine computes them."""

import numpy as np
import pandas as pd
import pytest

import storax
from storax import errors
from storax.data import DataFrame, split

DRAW = np.random.default_rng(3)
ROWS = pd.DataFrame({
    "kind": [f"k{n}" if n % 7 else None for n in DRAW.integers(0, 9, 1000)],
    "half": DRAW.integers(0, 2, 1000).astype(bool),
    "n": DRAW.integers(-5, 50, 1000),
    "x": np.where(DRAW.random(1000) < 0.1, np.nan, DRAW.normal(size=1000)),
    "t": pd.Timestamp("2021-03-04") + pd.to_timedelta(DRAW.integers(0, 10**6, 1000), "s"),
})  # fmt: skip


@pytest.fixture
def df(project):
    return DataFrame.from_pandas(ROWS, "f", roles={"categorical": ["kind"], "numerical": ["x"]})


def test_the_head_is_a_view_of_the_first_rows(df):
    assert df.head().to_dict() == df[:5].to_dict()
    assert (df.head(3).nrows(), df.head(0).nrows(), df.head(10**6).nrows()) == (3, 0, 1000)
    assert df[df["n"] > 0].head(2).roles == df.roles
    with pytest.raises(errors.InvalidInput, match="n is -1: a whole number, 0 or more"):
        df.head(-1)


def test_a_sample_has_different_rows_in_their_order_and_the_same_for_the_same_seed(df):
    numbered = df.with_column(df.rowid, "row")
    rows = numbered.sample(100, seed=4).to_dict()["row"]
    assert (len(rows), len(set(rows)), rows) == (100, 100, sorted(rows))
    assert numbered.sample(100, seed=4).to_dict()["row"] == rows
    assert numbered.sample(100, seed=5).to_dict()["row"] != rows
    assert (df.sample(5000).nrows(), df.sample(0).nrows()) == (1000, 0)
    for wrong in ({"n": 1.5}, {"n": 1, "seed": -1}):
        with pytest.raises(errors.InvalidInput, match="a whole number, 0 or more"):
            df.sample(**wrong)
    with pytest.raises(errors.InvalidInput, match="by its place"):
        df.sample(10)[split.random() == "test"]


def test_statistics_are_those_of_pandas(df):
    known, expected = df.describe().to_pandas().set_index("column"), ROWS[["n", "x"]].describe()
    names = {"count": "count", "mean": "mean", "stddev": "std", "min": "min", "q25": "25%", "median": "50%",
             "q75": "75%", "max": "max"}  # fmt: skip
    for ours, theirs in names.items():
        assert [float(value) for value in known.loc[["n", "x"], ours]] == pytest.approx(list(expected.loc[theirs]))
    assert list(known["missing"]) == list(ROWS.isna().sum())
    assert list(known["distinct"]) == list(ROWS.nunique())
    summary = df.describe()
    assert summary["t"]["max"] == ROWS["t"].max().isoformat()
    assert (summary["kind"]["min"], summary["kind"]["mean"]) == (ROWS["kind"].min(), None)
    assert summary["half"]["mean"] == pytest.approx(ROWS["half"].mean())
    assert "categorical" in repr(summary)
    assert "<td>categorical</td>" in summary._repr_html_()
    with pytest.raises(errors.NoColumn, match="'y'"):
        summary["y"]


def test_statistics_of_no_rows_and_of_what_is_infinite_or_missing_are_none_and_no_error(project):
    df = DataFrame.from_dict({"a": [None, None], "b": [float("inf"), 1.0]}, "g")
    assert (df.describe()["a"]["count"], df.describe()["a"]["mean"]) == (0, None)
    assert (df.describe()["b"]["max"], df.describe()["b"]["stddev"]) == (float("inf"), None)
    assert df.head(0).describe()["b"]["distinct"] == 0
    both = DataFrame.from_dict({"c": [float("inf"), float("-inf")]}, "h").describe()["c"]
    assert (both["mean"], both["median"], both["min"]) == (None, None, float("-inf"))


def test_a_time_of_a_year_beyond_9999_has_statistics(project):
    df = DataFrame.from_dict({"t": [0, 1e12], "n": [1, 2]}, "far", roles={"time_stamp": ["t"]})
    assert df.describe()["t"]["min"] == "1970-01-01T00:00:00"
    assert df.describe()["t"]["max"] == "1000000000000 s since 1970"


def test_groups_are_those_of_pandas_and_a_missing_value_is_one_of_them(df):
    view = df.group_by("kind", "half").agg(
        rows=df.rowid.count(), x=df["x"].avg(), spread=df["x"].stddev(), last=df["n"].last(), most=(df["n"] * 2).max()
    )
    by_group = ROWS.assign(most=ROWS["n"] * 2).groupby(["kind", "half"], dropna=False)
    expected = by_group.agg(
        rows=("n", "size"), x=("x", "mean"), spread=("x", "std"), last=("n", "last"), most=("most", "max")
    ).reset_index()
    pd.testing.assert_frame_equal(view.to_pandas(), expected, check_dtype=False)
    assert view.roles["categorical"] == ["kind"]
    assert view[view["rows"] > 60].nrows() == int((expected["rows"] > 60).sum())
    assert view.to_df("groups").nrows() == len(expected)
    assert df.group_by("half").agg().to_dict() == {"half": [False, True]}
    assert df.group_by(df["half"]).agg({"the mean": storax.data.rowid().avg()}).colnames == ["half", "the mean"]


def test_groups_that_mean_nothing_are_refused_and_named(df):
    with pytest.raises(errors.NoColumn, match="'kidn'"):
        df.group_by("kidn")
    for names in ((), ("kind", "kind"), (df["n"] + 1,)):
        with pytest.raises(errors.InvalidInput, match="each once"):
            df.group_by(*names)
    with pytest.raises(errors.InvalidInput, match="agg\\(\\) was given x=1"):
        df.group_by("kind").agg(x=1)
    with pytest.raises(errors.InvalidInput, match="has no name"):
        df.group_by("kind").agg(df["n"].sum())
    assert df.group_by("half").agg(aggregations=df["n"].sum()).colnames == ["half", "aggregations"]
    with pytest.raises(errors.InvalidInput, match="x aggregates View of 'f', and not DataFrame 'f'"):
        df.group_by("kind").agg(x=df[:3]["n"].sum())
    with pytest.raises(errors.InvalidInput, match="'avg' has no meaning for text"):
        df.group_by("half").agg(x=df["kind"].avg()).to_arrow()
    with pytest.raises(errors.InvalidInput, match="named 'half'"):
        df.group_by("half").agg(half=df["n"].avg()).to_arrow()


def test_a_group_has_the_marks_of_its_columns_and_an_aggregation_those_of_none(df):
    df.set_unit(["n", "x"], "km").set_subroles(["n", "x"], "exclude mapping")
    columns = {column["name"]: column for column in df.group_by("n").agg(x=df["x"].count())._described()["columns"]}
    assert (columns["n"]["unit"], columns["n"]["subroles"]) == ("km", ["exclude mapping"])
    assert (columns["x"]["unit"], "subroles" in columns["x"]) == ("", False)


def test_null_and_nan_are_one_group_of_missing_values(project):
    df = DataFrame.from_dict({"a": [0.0, 2.0, None], "n": [1, 2, 4]}, "g")
    ratio = df.with_column(df["a"] / df["a"], "r")  # 0 / 0 is NaN
    view = ratio.group_by("r")
    assert view.agg(n=ratio["n"].sum()).to_dict() == {"r": [1.0, None], "n": [2, 5]}
    assert view.agg().to_dict() == {"r": [1.0, None]}


def test_columns_whose_names_differ_by_case_or_are_strange_are_their_own(project):
    df = DataFrame.from_dict({"x": [1, 1, 2], "X": [10, 20, 40], "x_": [5, 6, 7], "__row__": [8, 8, 9]}, "g")
    assert (df["x"] + df["X"] + df["x_"]).to_arrow().to_pylist() == [16, 27, 49]
    assert (df["__row__"] + df.rowid).to_arrow().to_pylist() == [8, 9, 11]
    assert df[df["X"] > df["x"] * 15].nrows() == 2
    assert df.group_by("x").agg(X=df["X"].sum()).to_dict() == {"x": [1, 2], "X": [30, 40]}
    last = df.group_by("__row__", "x").agg(v0=df["X"].last(), k0=df["X"].first())
    assert last.to_dict() == {"__row__": [8, 9], "x": [1, 2], "v0": [20, 40], "k0": [10, 40]}


def test_an_aggregation_leaves_nan_out_as_any_missing_value(project, tmp_path):
    file = tmp_path / "nan.csv"
    file.write_text("x\nNaN\n1.0\n2.0\n")
    df = DataFrame.from_csv(file, "g", roles={"numerical": ["x"]})
    assert (df["x"].avg().get(), df["x"].max().get(), df["x"].count().get()) == (1.5, 2.0, 2)
