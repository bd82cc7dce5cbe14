"""Column expressions: the engine's answers are pandas' and numpy's."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from storax import errors
from storax.data import DataFrame


@pytest.fixture
def frame():
    return pd.DataFrame({
        "x": [1.5, -2.0, np.nan, 4.0], "y": [2, 0, 3, 4], "s": ["ab", " Ü ", None, "ab.c"],
        "t": pd.to_datetime(["2020-02-29 23:59:58", "2021-01-03 00:00:00", None, "1969-07-20 20:17:40"]), "b": [True, False, True, True],
    })  # fmt: skip


@pytest.fixture
def df(project, frame):
    return DataFrame.from_pandas(frame, "f")


def same(actual, wanted):
    np.testing.assert_allclose(np.asarray(actual, dtype=float), np.asarray(wanted, dtype=float), rtol=1e-12)


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")  # numpy's own, in what is compared with
def test_arithmetic(df, frame):
    x, y = frame["x"], frame["y"]
    for column, wanted in (
        (df["x"] + df["y"], x + y), (1 - df["x"], 1 - x), (df["x"] * 2 - df["y"], x * 2 - y), (df["y"] / df["x"], y / x),
        (df["y"] % 3, y % 3), (2 ** df["y"], 2.0**y), (-df["x"], -x), (abs(df["x"]), x.abs()), (df["x"].abs().sqrt(), np.sqrt(x.abs())),
        (df["x"].floor(), np.floor(x)), (df["x"].ceil(), np.ceil(x)), (df["y"].exp(), np.exp(y)), (df["x"].sin(), np.sin(x)),
        (df["x"].round(), [2, -2, np.nan, 4]), (df["y"].log(), np.log(y)), (df["y"] / 0, y / 0),
    ):  # fmt: skip
        if column._node["op"] in ("ln", "divide"):
            column, wanted = column.update(~(df["y"] > 0), -1.0), np.where(y > 0, wanted, -1.0)
        same(column.to_numpy(), wanted)


def test_conditions(df, frame):
    def rows(condition):
        return df.where(condition).to_dict()["y"]

    assert rows((df["x"] > 1) & (df["y"] < 4)) == [2]
    assert rows((df["x"] < 0) | (df["s"] == "ab")) == [2, 0]
    assert rows(~df["b"]) == [0]
    assert rows(df["x"].is_null()) == [3]
    assert rows(df["s"] == None) == [3]  # noqa: E711
    assert rows(df["s"] != None) == [2, 0, 4]  # noqa: E711
    assert rows(df["y"].is_in([0, 4])) == [0, 4]
    assert rows(df["t"] > datetime(2020, 6, 1)) == [0]
    assert rows(df["x"].fill_null(9.0) > 8) == [3]
    assert rows(df["b"] ^ (df["y"] > 3)) == [2, 3]
    assert df["x"].update(df["x"].is_nan(), 0).to_numpy().tolist() == [1.5, -2.0, 0.0, 4.0]


def test_times(df, frame):
    t = frame["t"].dt
    for name, wanted in (("year", t.year), ("month", t.month), ("day", t.day), ("hour", t.hour), ("minute", t.minute),
                         ("second", t.second), ("yearday", t.day_of_year), ("weekday", (t.day_of_week + 1) % 7)):  # fmt: skip
        same(getattr(df["t"], name)().to_numpy(), wanted)
    later = (df["t"] + 90.5).to_arrow().to_pandas()
    pd.testing.assert_series_equal(later, frame["t"] + pd.Timedelta(seconds=90.5), check_names=False, check_dtype=False)
    same((df["t"] - (df["t"] - 60)).to_numpy(), [60, 60, np.nan, 60])
    same(df["t"].as_num().to_numpy(), [1583020798, 1609632000, np.nan, -14182940])
    back = df["t"].as_num().as_ts().to_arrow().to_pandas()
    pd.testing.assert_series_equal(back, frame["t"], check_names=False, check_dtype=False)
    df.add(["31.12.1999", None, "x", "01.02.2000"], "d")
    dates = df.where(df["d"] != "x")
    assert dates["d"].as_ts(["%d.%m.%Y"]).year().to_numpy().tolist() == [1999, 2000]


def test_texts(df):
    assert (df["s"] + "!").to_arrow().to_pylist() == ["ab!", " Ü !", None, "ab.c!"]
    assert ("n" + df["y"].as_str()).to_arrow().to_pylist() == ["n2", "n0", "n3", "n4"]
    assert df["s"].contains("b.").to_arrow().to_pylist() == [False, False, None, True]
    assert df["s"].starts_with("ab").to_arrow().to_pylist() == [True, False, None, True]
    assert df["s"].substr(1, 2).to_arrow().to_pylist() == ["b", "Ü ", None, "b."]
    assert df["s"].strip().lower().to_arrow().to_pylist() == ["ab", "ü", None, "ab.c"]
    assert df["s"].upper().length().to_numpy().tolist()[:2] == [2.0, 3.0]
    assert df["s"].replace("ab", "X").to_arrow().to_pylist() == ["X", " Ü ", None, "X.c"]
    df.add(["1", " 2.5 ", "", None], "n")
    same(df["n"].as_num().to_numpy(), [1, 2.5, np.nan, np.nan])


def test_aggregations(df, frame):
    x = frame["x"]
    for name, wanted in (("avg", x.mean()), ("sum", x.sum()), ("min", -2), ("max", 4), ("median", x.median()), ("stddev", x.std()),
                         ("var", x.var()), ("count", 3), ("count_distinct", 3), ("first", 1.5), ("last", 4)):  # fmt: skip
        assert getattr(df["x"], name)().get() == pytest.approx(wanted), name
    assert df["s"].mode().get() in ("ab", " Ü ", "ab.c")
    assert float(df[df["y"] > 2]["y"].sum()) == 7.0
    assert df["t"].max().get().startswith("2021-01-03")
    same((df["x"] - df["x"].avg()).to_numpy(), x - x.mean())
    assert df[:0]["x"].avg().get() is None


def test_row_numbers_and_chance(df):
    assert df.rowid.to_numpy().tolist() == [0, 1, 2, 3]
    assert df.where(df.rowid >= 2).nrows() == 2


def test_an_expression_over_two_frames_is_refused(df, project):
    other = DataFrame.from_dict({"x": [1]}, "other")
    with pytest.raises(errors.InvalidInput, match="DataFrame 'f' and of DataFrame 'other'"):
        df["x"] + other["x"]
    with pytest.raises(errors.InvalidInput, match="over DataFrame 'other'"):
        df.where(other["x"] > 1)


def test_columns_of_another_frame_of_the_same_length_are_added_by_their_values(df, project):
    DataFrame.from_dict({"z": [9, 8, 7, 6]}, "other")
    df.add(DataFrame("other")["z"] + 1, "z")
    assert df.to_dict()["z"] == [10, 9, 8, 7]


def test_a_column_is_neither_true_nor_false(df):
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(df["x"] > 1 and df["y"] > 1)


def test_types_that_do_not_fit_are_named(df):
    for wrong in (lambda: df["s"] * 2, lambda: df["s"] > df["x"], lambda: df["x"].upper(), lambda: df["s"].year()):
        with pytest.raises(errors.InvalidInput, match="has no meaning for"):
            wrong().to_numpy()
    with pytest.raises(errors.InvalidInput, match="fails"):
        df["s"].as_num().to_numpy()
    with pytest.raises(errors.InvalidInput, match="cannot stand in an expression"):
        df["x"] + object()
    node = df["x"]
    for _ in range(200):
        node = node + 1
    with pytest.raises(errors.InvalidInput, match="nested too deeply"):
        node.to_numpy()


def test_what_a_text_says_is_never_run(df):
    evil = "'; DROP TABLE frame; --"
    assert df.where(df["s"] == evil).nrows() == 0
    df.add([evil] * 4, "a\"b'c")
    assert df.where(df["a\"b'c"].contains(evil)).nrows() == 4
