"""A column handed to numpy, pandas, polars, Arrow or a loop gives its values; an operator gives an expression."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from storax import errors
from storax.data import DataFrame
from storax.data.expressions.columns import Column

X = [1.5, None, -2.0, 4.0]
S = ["a", None, "c", "d"]
T = [datetime.datetime(2020, 3, 1, 12), None, datetime.datetime(2021, 1, 2), datetime.datetime(1969, 7, 20)]
AS_FLOATS = np.array([1.5, np.nan, -2.0, 4.0])


@pytest.fixture
def df(project):
    return DataFrame.from_dict({"x": X, "s": S, "t": T, "n": [1, 2, 3, 4]}, "d")


def test_values_of_a_column_are_those_of_the_engine_in_every_library(df):
    for name, wanted in (("x", X), ("s", S), ("t", T), ("n", [1, 2, 3, 4])):
        column = df[name]
        assert list(column) == [value for value in column] == wanted  # noqa: C416  (a loop)
        assert pl.Series("v", column).to_list() == wanted
        assert pl.DataFrame({"v": column})["v"].to_list() == wanted
        assert pa.array(column).to_pylist() == pa.chunked_array(column).to_pylist() == wanted
        assert pd.Series(column).astype(object).where(pd.Series(column).notna(), None).tolist() == wanted
        assert len(np.array(column)) == len(pd.DataFrame({"v": column})) == 4
        assert np.array(column).dtype == column.to_numpy().dtype
    assert np.array_equal(np.array(df["x"]), AS_FLOATS, equal_nan=True)
    assert np.asarray(df["n"], np.float32).dtype == np.float32
    assert np.array_equal(np.array(df["x"] * 2 + 1), AS_FLOATS * 2 + 1, equal_nan=True)
    assert np.array_equal(np.stack([df["n"], df["n"]]), [[1, 2, 3, 4]] * 2)
    with pytest.raises(ValueError, match="without a copy"):
        np.array(df["x"], copy=False)


def test_functions_of_numpy_work_on_values_and_operators_make_expressions(df):
    assert np.array_equal(np.sqrt(df["n"]), np.sqrt([1, 2, 3, 4]))
    assert (np.nanmean(df["x"]), np.add.reduce(df["n"])) == (np.nanmean(AS_FLOATS), 10)
    assert np.array_equal(np.array([1, 2, 3, 4]) * df["x"], np.array([1, 2, 3, 4]) * AS_FLOATS, equal_nan=True)
    assert np.array_equal(np.where(df["n"] > 2, 1, 0), [0, 0, 1, 1])
    assert np.isin([4, 5], df["n"]).tolist() == [True, False]
    assert pd.Series([2, 9]).isin(df["n"]).tolist() == [True, False]
    for expression in (np.float64(2) * df["n"], df["n"] * np.float64(2), np.add(df["n"], 1), np.float64(2) < df["n"]):
        assert isinstance(expression, Column)
    assert list(np.float64(2) * df["n"]) == [2, 4, 6, 8]
    assert df[np.int64(2) < df["n"]].nrows() == 2
    with pytest.raises(errors.InvalidInput, match="cannot stand in an expression"):
        df["x"] * np.array([1, 2, 3, 4])


def test_an_aggregation_is_its_number_and_a_frame_is_no_array(df):
    assert np.array(df["n"].sum()) == 10
    assert np.sqrt(df["n"].max()) == 2
    assert f"{df['x'].avg():.3f} {df['s'].first():>3}" == "1.167   a"
    assert f"{df['n'].sum()}" == "sum(n): 10"
    for wrong in (np.array, list, np.sqrt):
        with pytest.raises(errors.InvalidInput, match="names no part of it"):
            wrong(df)


def test_values_of_a_column_can_be_choices_and_columns_of_other_frames(df):
    assert df["x"].is_in(df["n"]).to_numpy().tolist() == [False, None, False, True]
    other = DataFrame.from_dict({"v": df["n"], "w": df["s"]}, "other")
    assert other.to_dict() == {"v": [1, 2, 3, 4], "w": S}


def test_a_frame_of_pandas_whose_columns_have_no_name_is_refused(project):
    levels = pd.DataFrame(np.ones((2, 2)), columns=pd.MultiIndex.from_product([["a"], ["x", "y"]]))
    with pytest.raises(errors.InvalidInput, match=r"several levels, such as \('a', 'x'\)"):
        DataFrame.from_pandas(levels, "levels")
    with pytest.raises(errors.InvalidInput, match="5 rows and no columns"):
        DataFrame.from_pandas(pd.DataFrame(index=range(5)), "bare")
    assert DataFrame.from_pandas(pd.DataFrame(), "empty").shape == (0, 0)
