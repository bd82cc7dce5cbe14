"""Bad input: one error that names the thing, and the engine is as it was."""

import numpy as np
import pandas as pd
import pytest

import storax
from storax import errors
from storax.data import DataFrame


@pytest.fixture
def df(project):
    return DataFrame.from_dict({"n": [1.5, 2.5], "s": ["x", "y"]}, "f")


@pytest.fixture(autouse=True)
def unharmed(df):
    yield
    assert df.refresh().to_dict() == {"n": [1.5, 2.5], "s": ["x", "y"]}
    assert df.edition == 1
    assert storax.data.list_data_frames() == {"in_memory": ["f"], "on_disk": []}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n1,2,3\n", "line 3: 3 cells, and there are 2 columns"),
        ("a,b\n1,2\n" * 1 + "1,2\n" * 30_000 + "1\n", "line 30003: 1 cells"),
        ("a;b\n1;2\n", r"not separated by ','. Pass sep=';'"),
        ("a\tb\n1\t2\n", r"Pass sep='\\t'"),
        ("a,a\n1,2\n", "more than one column named 'a'"),
        ("", "is empty"),
        ('a,b\n"1,2\n', "line 2"),
    ],
)
def test_a_csv_file_is_wrong(df, tmp_path, text, said):
    file = tmp_path / "bad.csv"
    file.write_text(text)
    with pytest.raises(errors.InvalidInput, match=said) as raised:
        DataFrame.from_csv(file, "g")
    assert "bad.csv" in str(raised.value)


def test_a_column_of_mixed_types_stays_text_and_is_no_number(df, tmp_path):
    file = tmp_path / "mixed.csv"
    file.write_text("a\n" + "1\n" * 30_000 + "two\n")
    with pytest.raises(errors.InvalidInput, match="'a' cannot be numerical: row 30000 holds 'two', which is no number"):
        DataFrame.from_csv(file, "g", roles={"numerical": ["a"]})
    mixed = DataFrame.from_csv(file, "g")
    assert (mixed.dtypes, mixed.nrows()) == ({"a": "string"}, 30_001)
    mixed.delete()


@pytest.mark.parametrize(
    "call",
    [
        lambda: DataFrame.from_csv("/nowhere/x.csv", "g"),
        lambda: DataFrame.from_parquet("/nowhere/x.parquet", "g"),
        lambda: DataFrame("f").refresh().to_csv("/nowhere/x.csv"),
    ],
)
def test_a_file_or_folder_is_not_there(df, call):
    with pytest.raises(FileNotFoundError, match="/nowhere"):
        call()


def test_a_file_is_of_another_kind(df, tmp_path):
    (tmp_path / "x").write_text("junk")
    with pytest.raises(errors.InvalidInput, match="no Parquet file"):
        DataFrame.from_parquet(tmp_path / "x", "g")
    with pytest.raises(errors.InvalidInput, match="is a folder"):
        DataFrame.from_csv(tmp_path, "g")
    (tmp_path / "latin.csv").write_bytes("a\nsé\n".encode("latin-1"))
    with pytest.raises(errors.InvalidInput, match=r"latin.csv, line 2"):
        DataFrame.from_csv(tmp_path / "latin.csv", "g")


def test_files_that_are_read_together_have_the_same_columns(df, tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    (tmp_path / "b.csv").write_text("a,c\n1,2\n")
    with pytest.raises(errors.InvalidInput, match=r"b\.csv has the columns a, c; .*a\.csv has a, b"):
        DataFrame.from_csv([tmp_path / "a.csv", tmp_path / "b.csv"], "g")


def test_a_column_is_not_there_and_the_nearest_is_named(df):
    for call in (lambda: df["nn"], lambda: df.set_role("nn", "numerical"), lambda: df.remove(["n", "nn"]), lambda: df.drop("nn").nrows(),
                 lambda: df.set_unit("nn", "m"), lambda: df.nn, lambda: DataFrame.from_dict({"n": [1]}, "g", roles={"target": "nn"})):  # fmt: skip
        with pytest.raises(errors.NoColumn, match=r"'nn'.*'n'"):
            call()
    with pytest.raises(KeyError):
        df["nn"]


def test_a_role_is_none_or_given_twice(df):
    with pytest.raises(errors.InvalidInput, match="no role 'number'"):
        df.set_role("n", "number")
    with pytest.raises(errors.InvalidInput, match="two roles"):
        DataFrame.from_dict({"n": [1]}, "g", roles={"target": ["n"], "numerical": ["n"]})
    with pytest.raises(errors.InvalidInput, match="roles are 3"):
        DataFrame.from_dict({"n": [1]}, "g", roles=3)


def test_a_role_asks_for_what_the_values_are_not(df):
    with pytest.raises(errors.InvalidInput, match="'s' cannot be a time_stamp: row 0 holds 'x', which is no time"):
        df.set_role("s", "time_stamp")
    with pytest.raises(errors.InvalidInput, match="'s' cannot be target: row 0 holds 'x', which is no number"):
        df.set_role(["n", "s"], "target")
    with pytest.raises(errors.InvalidInput, match="too large"):
        df.add([1e300, 1], "t", role="time_stamp")


def test_lengths_and_names(df):
    with pytest.raises(errors.InvalidInput, match="different lengths: a 1, b 2"):
        DataFrame.from_dict({"a": [1], "b": [1, 2]}, "g")
    with pytest.raises(errors.InvalidInput, match="has 3 values, and the data frame 2 rows"):
        df.add(np.arange(3), "z")
    for name in ("", " ", "a\nb", "x" * 101, 3, None):
        with pytest.raises(errors.InvalidInput, match="cannot be the name of a data frame"):
            DataFrame.from_dict({"a": [1]}, name)
    for name in ("", "a\tb", "x" * 201):
        with pytest.raises(errors.InvalidInput, match="cannot be the name of a column"):
            df.add(1, name)
    with pytest.raises(errors.InvalidInput, match="columns named 'a'"):
        DataFrame.from_pandas(pd.DataFrame([[1, 2]], columns=["a", "a"]), "g")


def test_cells_that_hold_what_no_cell_can(df):
    with pytest.raises(errors.InvalidInput, match="Column 'l' holds list"):
        DataFrame.from_dict({"l": [[1], [2]]}, "g")
    with pytest.raises(errors.InvalidInput, match="mixes types"):
        DataFrame.from_dict({"m": [1, "x"]}, "g")


def test_infinite_and_missing_numbers_are_kept_as_they_are(df):
    values = {"i": [np.inf, -np.inf], "m": [None, np.nan]}
    frame = DataFrame.from_dict(values, "g")
    assert frame.to_dict()["i"] == [np.inf, -np.inf]
    assert frame["m"].is_null().to_numpy().tolist() == [True, True]
    assert frame["i"].is_inf().to_numpy().tolist() == [True, True]
    frame.delete()


def test_an_empty_frame_is_one(df):
    frame = DataFrame.from_dict({"a": []}, "g")
    assert (frame.shape, frame.to_dict()) == ((0, 1), {"a": []})
    frame.set_role("a", "target").save().load()
    assert "0 rows" in repr(frame)
    frame.delete()
