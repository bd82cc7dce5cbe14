"""Rows that come in batches, views with a name of their own, and what containers know of their data frames."""

import numpy as np
import pytest

import storax
from storax import errors
from storax.data import Container, DataFrame, StarSchema, split
from storax.data.exchange.tables import BATCH_ROWS
from storax.feature_learning import aggregations


@pytest.fixture
def df(project):
    return DataFrame.from_dict({"n": range(10), "even": [n % 2 == 0 for n in range(10)]}, "numbers")


@pytest.mark.parametrize(("size", "sizes"), [(4, [4, 4, 2]), (5, [5, 5]), (np.int64(10), [10]), (11, [10])])
def test_batches_have_all_rows_once_and_in_order(df, size, sizes):
    batches = list(df.iter_batches(batch_size=size))
    assert [batch.nrows() for batch in batches] == sizes
    assert [n for batch in batches for n in batch.to_dict()["n"]] == list(range(10))
    assert [batch.roles for batch in batches] == [df.roles] * len(batches)


def test_batches_of_a_view_are_of_its_rows_alone_and_of_no_rows_there_are_none(df):
    view = df.where(df["n"] > 3).with_column(df.where(df["n"] > 3)["n"] * 2, "twice")
    assert [batch.to_dict()["twice"] for batch in view.iter_batches(4)] == [[8, 10, 12, 14], [16, 18]]
    assert list(df.where(df["n"] > 99).iter_batches()) == []


def test_batches_are_of_the_rows_that_are_there_now_and_not_of_those_when_the_handle_last_looked(df):
    handle, view = storax.data.load_data_frame("numbers"), df[:]
    assert (handle.nrows(), view.nrows()) == (10, 10)
    df.read_dict({"n": [10], "even": [True]}, append=True)
    for source in (handle, view):
        assert [n for batch in source.iter_batches(6) for n in batch.to_dict()["n"]] == list(range(11))


def test_rows_that_come_while_batches_are_read_are_in_none_of_them(df):
    batches = df.iter_batches(6)
    first = next(batches).to_dict()["n"]
    df.read_dict({"n": [10], "even": [True]}, append=True)
    assert first + next(batches).to_dict()["n"] == list(range(10))


@pytest.mark.parametrize("size", [0, -1, 2.5, True, "7", None, np.array(5.0)])
def test_a_size_that_is_none_is_refused_at_once_and_named(df, size):
    with pytest.raises(errors.InvalidInput, match=r"batch_size is .*: a whole number, 1 or more"):
        df.iter_batches(size)
    with pytest.raises(errors.InvalidInput, match="max_rows is -1"):
        df.to_html(-1)


def test_a_stream_has_one_batch_at_a_time_and_one_that_is_dropped_hinders_nobody(project):
    rows = 2 * BATCH_ROWS + 7
    df = DataFrame.from_dict({"n": np.arange(rows)}, "many")
    sizes = [batch.num_rows for batch in df.to_arrow_stream()]
    assert (max(sizes), sum(sizes)) == (BATCH_ROWS, rows)
    first = df.to_arrow_stream().read_next_batch()
    assert first.column("n").to_pylist()[:2] == [0, 1]
    assert df[5:8].to_arrow_stream().read_all() == df[5:8].to_arrow()
    df.delete()
    with pytest.raises(errors.NoDataFrame):
        df.to_arrow_stream()


def test_a_table_for_a_notebook_has_as_many_rows_as_are_asked_for(df):
    assert df.to_html().count("<tr>") == 2 + 10 == df._repr_html_().count("<tr>")
    assert df[:3].to_html(max_rows=2).count("<tr>") == 2 + 2


def test_a_view_shows_the_columns_that_are_there_now(df):
    view = df[:]
    assert view.nrows() == 10
    df.remove("even")
    assert "even" not in view.to_html()
    assert "even" not in repr(view)


def test_a_view_with_a_name_is_known_by_it_wherever_it_goes(df):
    late = df.where(df["n"] > 6).with_name("late")
    assert (late.name, late.to_dict()["n"]) == ("late", [7, 8, 9])
    assert late.drop("even").name == late.to_placeholder().name == "late"
    container = Container(train=df, test=df.with_name("all"))
    container.add(late)
    assert list(container.peripheral) == ["late"]
    assert container.test.population.name == "all"
    schema = StarSchema(train=df)
    schema.join(late, on="n")
    assert schema.data_model.names == ["population", "late"]
    with pytest.raises(errors.InvalidInput, match="needs a name"):
        df.with_name("")


def test_a_data_frame_takes_rows_of_a_view_and_loses_its_units(df):
    few = DataFrame("few").read_view(df[:2]).read_view(df[8:], append=True)
    assert few.to_dict()["n"] == [0, 1, 8, 9]
    assert few.read_view(df[4:5]).to_dict()["n"] == [4]
    assert df.set_unit("n", "km").units == {"n": "km"}
    assert df.remove_unit("n").units == {}
    assert df.nbytes == round(df.memory_usage * 1e6) > 0


def test_a_container_looks_again_at_its_data_frames_unless_it_is_frozen(df):
    handle = storax.data.load_data_frame("numbers")
    container = Container(train=handle, peripheral={"part": handle[:20]})
    assert (container.train.nrows(), container.peripheral["part"].nrows()) == (10, 10)
    df.read_dict({"n": [10], "even": [True]}, append=True)
    container.sync()
    assert (container.train.nrows(), container.peripheral["part"].nrows()) == (11, 11)
    container.freeze()
    with pytest.raises(errors.InvalidInput, match="frozen"):
        container.sync()


@pytest.mark.parametrize("by", ["random", "column", "none"])
def test_a_container_gives_every_subset_and_table_as_pandas(df, by):
    df.add(["a", "b", None, "a", "b", "a", "a", "a", "a", "a"], "part")
    splits = {"random": split.random(train=0.5, test=0.5), "column": df["part"], "none": None}
    container = Container(df, {"first": df[:1]}, split=splits[by])
    tables = container.to_pandas()
    assert list(tables) == [*{"random": ["train", "test"], "column": ["a", "b"], "none": ["full"]}[by], "first"]
    rows = sorted(n for name, table in tables.items() if name != "first" for n in table["n"])
    assert rows == [n for n in range(10) if by != "column" or n != 2]
    assert list(tables["first"]["n"]) == [0]


def test_a_container_says_that_the_data_frame_of_a_view_was_deleted(df):
    container = Container(df.copy("kept"), {"part": df[:3]})
    df.delete()
    with pytest.raises(errors.NoDataFrame, match="'numbers'"):
        container.sync()


def test_a_subset_is_not_mistaken_for_the_whole_population(df):
    for splitter in (split.random(full=0.5, test=0.5), split.time(df, "n", full=5.0)):
        with pytest.raises(errors.InvalidInput, match=r"named 'full'.*whole population"):
            Container(df, split=splitter)
    df.add(["a", "full"] * 5, "part")
    with pytest.raises(errors.InvalidInput, match=r"named 'full'.*whole population"):
        Container(df, split="part").to_pandas()
    assert Container(full=df[:3]).full.nrows() == 3


def test_quantiles_have_both_spellings():
    assert [getattr(aggregations, f"Q_{n}") for n in (1, 5, 10, 25, 75, 90, 95, 99)] == [
        getattr(aggregations, f"Q{n}") for n in (1, 5, 10, 25, 75, 90, 95, 99)
    ]
