"""Data frames as handles: imports, columns, roles, the container."""

import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import storax
from storax import errors
from storax._engine import session
from storax.data import DataFrame


@pytest.fixture
def csv(tmp_path):
    file = tmp_path / "flights.csv"
    file.write_text(
        "carrier,dep,arr,when\nAA,1.5,2,2013-01-01 05:00:00\nBB,,4,2013-01-02 06:30:00\nCC,3,1,2013-02-03 07:00:00\n"
    )
    return file


@pytest.fixture
def df(project, csv):
    return DataFrame.from_csv(csv, name="flights")


def test_g9_a_handle_holds_a_name_and_what_it_last_heard_but_no_rows(df):
    assert set(vars(df)) == {"name", "_frame", "_roles", "_last"}
    assert "AA" not in repr(vars(df))


def test_g10_from_csv_finds_types_and_takes_roles(project, csv):
    plain = DataFrame.from_csv(csv, name="plain")
    assert plain.roles == {"unused_string": ["carrier", "when"], "unused_float": ["dep", "arr"]}
    assert plain.dtypes == {"carrier": "string", "dep": "float64", "arr": "int64", "when": "timestamp"}
    roles = {"categorical": ["carrier"], "numerical": ["dep"], "time_stamp": "when"}
    assert DataFrame.from_csv(csv, name="no", roles=roles, dry=True) == {
        "carrier": "categorical", "dep": "numerical", "arr": "unused_float", "when": "time_stamp",
    }  # fmt: skip
    assert not storax.data.exists("no")
    some = DataFrame.from_csv(csv, name="some", roles=roles, ignore=True)
    assert some.colnames == ["carrier", "dep", "when"]
    assert DataFrame.from_csv([csv, csv], name="twice").shape == (6, 4)


def test_g11_from_db_and_from_query(project):
    with sqlite3.connect(":memory:") as conn:
        conn.execute("CREATE TABLE t (a INTEGER, b TEXT)")
        conn.executemany("INSERT INTO t VALUES (?, ?)", [(1, "x"), (2, None)])
        assert DataFrame.from_db("t", conn=conn).to_dict() == {"a": [1, 2], "b": ["x", None]}
        assert DataFrame.from_query("SELECT a * 2 AS c FROM t", "q", conn=conn).to_dict() == {"c": [2, 4]}
        with pytest.raises(errors.StoraxError, match="no such table: NOPE"):
            DataFrame.from_db("NOPE", conn=conn)
        storax.data.load_data_frame("t").to_db("copy", conn)
        assert conn.execute("SELECT * FROM copy").fetchall() == [(1, "x"), (2, None)]
    with pytest.raises(errors.InvalidInput, match="no connection"):
        DataFrame.from_db("t", conn=3)


def test_g12_from_json_by_column_and_by_row(project):
    assert DataFrame.from_json('{"a": [1, 2], "b": ["x", null]}', "x").to_dict() == {"a": [1, 2], "b": ["x", None]}
    assert DataFrame.from_json('[{"a": 1}, {"a": 2, "b": "y"}]', "y").to_dict() == {"a": [1, 2], "b": [None, "y"]}
    for bad in ("{", "3", '{"a": 1}', '{"a": [1], "b": [1, 2]}'):
        with pytest.raises(errors.InvalidInput):
            DataFrame.from_json(bad, "z")
    assert not storax.data.exists("z")


def test_g13_from_pandas_keeps_categories_truths_and_times(project):
    source = pd.DataFrame({
        "c": pd.Categorical(["u", "v", None]), "b": [True, False, True], "t": pd.date_range("2020-01-01", periods=3),
        "f": [1.0, np.nan, 3.0], "s": ["x", None, "z"], "o": [1, "two", None],
    })  # fmt: skip
    df = DataFrame.from_pandas(source, "p")
    assert df.dtypes == {"c": "string", "b": "bool", "t": "timestamp", "f": "float64", "s": "string", "o": "string"}
    back = df.to_pandas()
    assert back["c"].tolist()[:2] == ["u", "v"]
    assert back["b"].tolist() == [True, False, True]
    assert (back["t"] == source["t"]).all()
    assert df.to_dict()["f"] == [1.0, None, 3.0]
    assert df.to_dict()["o"] == ["1", "two", None]


def test_polars_arrow_parquet_and_dict_go_in_and_out(project, tmp_path):
    import polars

    values = {"a": [1, 2, None], "s": ["x", None, "z"]}
    assert DataFrame.from_polars(polars.DataFrame(values), "p").to_polars().to_dict(as_series=False) == values
    df = DataFrame.from_dict(values, "d")
    assert DataFrame.from_arrow(df.to_arrow(), "a").to_dict() == values
    assert DataFrame.from_parquet(df.to_parquet(tmp_path / "x.parquet"), "q").to_dict() == values
    assert DataFrame.from_csv(df.to_csv(tmp_path / "x.csv"), "c").to_dict() == values
    assert DataFrame.from_json(df.to_json(), "j").to_dict() == values
    written = Path(df.to_json(tmp_path / "x.json"))
    assert DataFrame.from_json(written.read_text(), "k").to_dict() == values


def test_more_rows_than_a_batch_arrive_whole_and_in_order(project):
    number = 350_001
    df = DataFrame.from_pandas(pd.DataFrame({"n": np.arange(number), "s": np.arange(number).astype(str)}), "big")
    df.add(df["n"] * 2.0, "m")
    assert np.array_equal(df["m"].to_numpy(), np.arange(number) * 2.0)
    back = df.to_pandas()
    assert np.array_equal(back["n"], np.arange(number))
    assert back["s"].tolist()[-1] == str(number - 1)


def test_g14_the_same_name_again_replaces_the_frame_and_its_row_goes_on(project):
    first = DataFrame.from_dict({"a": [1, 2]}, "x")
    again = DataFrame.from_dict({"b": [1]}, "x")
    assert again.record_id == first.record_id
    assert (again.edition, again.to_dict()) == (2, {"b": [1]})
    assert first.refresh().colnames == ["b"]


def test_g15_add_shows_in_both_and_another_handle_hears_of_it_by_refresh(df):
    other = DataFrame("flights").refresh()
    df.add(df["dep"] - df["arr"], "made_up", role="numerical")
    assert "made_up" in df.colnames
    assert "made_up" not in other.colnames
    assert "made_up" in other.refresh().colnames
    assert df.to_dict()["made_up"] == [-0.5, None, 2.0]


def test_g15_arrays_lists_and_single_values_become_columns(df):
    df.add(np.array([1, 2, 3]), "np").add([1.5, None, 2.5], "list").add(7, "seven").add("w", "word").add(
        pd.Series([1, 2, 3]), "s"
    )
    values = df.to_dict()
    assert [values[n] for n in ("np", "list", "seven", "word", "s")] == [
        [1, 2, 3], [1.5, None, 2.5], [7, 7, 7], ["w", "w", "w"], [1, 2, 3],
    ]  # fmt: skip
    df["z"] = df["arr"]
    del df["z"]
    assert "z" not in df.colnames


def test_g15_another_length_is_refused_and_nothing_changed(df):
    for wrong in (np.array([1, 2]), [1, 2, 3, 4], []):
        with pytest.raises(errors.InvalidInput, match=f"has {len(wrong)} values, and the data frame 3 rows"):
            df.add(wrong, "np2")
    assert df.refresh().colnames == ["carrier", "dep", "arr", "when"]
    assert df.edition == 1


def test_g15_an_existing_column_is_replaced_and_becomes_the_last(df):
    df.add(df["arr"] + 1, "carrier")
    assert df.colnames == ["dep", "arr", "when", "carrier"]


def test_g16_refresh_save_and_nrows_of_a_frame_that_is_not_there(project):
    for call in (DataFrame("missing").refresh, DataFrame("missing").save, DataFrame("missing").nrows):
        with pytest.raises(errors.NoDataFrame, match="'missing'"):
            call()
    assert repr(DataFrame("missing")) == "DataFrame 'missing', which is not in the engine"


def test_g17_g18_nothing_is_saved_or_loaded_by_itself(df, project):
    df.save()
    df.add(1, "unsaved")
    DataFrame.from_dict({"a": [1]}, "never")
    storax.project.restart()
    assert storax.data.list_data_frames() == {"in_memory": [], "on_disk": ["flights"]}
    with pytest.raises(errors.NoDataFrame, match="load"):
        df["dep"].sum().get()
    assert df.load().colnames == ["carrier", "dep", "arr", "when"]


def test_g20_load_data_frame_takes_memory_then_disk_then_raises(df):
    df.save()
    df.add(1, "extra")
    assert "extra" in storax.data.load_data_frame("flights").colnames
    df.unload()
    assert "extra" not in storax.data.load_data_frame("flights").colnames
    with pytest.raises(ValueError, match="No data frame named 'missing'"):
        storax.data.load_data_frame("missing")


def test_g21_load_forces_the_version_on_disk(df):
    df.save()
    df.add(1, "extra")
    assert "extra" not in DataFrame("flights").load().colnames
    with pytest.raises(errors.NoDataFrame):
        DataFrame("missing").load()
    DataFrame.from_dict({"a": [1]}, "never")
    with pytest.raises(errors.NoDataFrame, match="never saved"):
        DataFrame("never").load()


@pytest.fixture
def three(project):
    for name, rows in (("b", 3), ("a", 1), ("c", 2)):
        DataFrame.from_dict({"x": list(range(rows))}, name)
    return storax.project.data_frames


def test_g22_the_container_shows_names_sizes_and_places(three):
    DataFrame("b").refresh().save().unload()
    shown = repr(storax.project.data_frames)
    assert [line.split()[0] for line in shown.splitlines()] == ["name", "a", "c", "b"]
    assert shown.splitlines()[-1].split() == ["b", "disk"]
    assert "<td>a</td>" in storax.project.data_frames._repr_html_()


def test_g23_the_container_goes_by_position_name_and_slice(three):
    assert (three[0].name, three[-1].name, three["b"].nrows()) == ("a", "c", 3)
    assert three[:2].in_memory == ["a", "b"]
    with pytest.raises(IndexError):
        three[7]
    for kind in (AttributeError, ValueError):
        with pytest.raises(kind, match="'x'"):
            three["x"]
    with pytest.raises(TypeError):
        three[1.5]
    DataFrame("b").refresh().save().unload()
    with pytest.raises(AttributeError, match="on disk"):
        storax.project.data_frames["b"]


def test_g24_the_container_filters_sorts_iterates_and_looks_again(three):
    assert three.filter(lambda f: f.nrows() > 1).in_memory == ["b", "c"]
    assert three.sort(lambda f: f.nrows(), descending=True).in_memory == ["b", "c", "a"]
    assert [f.name for f in three] == ["a", "b", "c"]
    DataFrame("a").delete()
    assert len(three) == 3
    three.retrieve()
    assert three.in_memory == ["b", "c"]


def test_g25_save_all_load_all_and_their_short_names(three):
    three.save_all()
    three.unload()
    assert (three.in_memory, three.on_disk) == ([], ["a", "b", "c"])
    three.load_all()
    assert three.in_memory == ["a", "b", "c"]
    three.save()
    three.load()
    three.delete()
    assert storax.data.list_data_frames() == {"in_memory": [], "on_disk": []}


@pytest.mark.parametrize("chosen", [lambda all_: all_.filter(lambda f: f.name == "a"), lambda all_: all_[:1]])
def test_what_is_done_to_a_part_of_the_container_reaches_no_other_frame(three, chosen):
    three.save()
    DataFrame("b").unload()
    old = chosen(storax.project.data_frames)
    old.load()
    assert (old.in_memory, storax.data.list_data_frames()["in_memory"]) == (["a"], ["a", "c"])
    old.unload()
    assert (old.in_memory, old.on_disk) == ([], ["a"])
    old.load()
    assert storax.data.list_data_frames()["in_memory"] == ["a", "c"]
    old.unload()
    old.delete()
    old.retrieve()
    assert (old.in_memory, old.on_disk) == ([], [])
    assert storax.data.list_data_frames() == {"in_memory": ["c"], "on_disk": ["b", "c"]}


def test_g26_one_of_the_container_is_saved(three):
    storax.project.data_frames[0].save()
    assert storax.data.list_data_frames()["on_disk"] == ["a"]


def test_roles_convert_exactly_or_name_the_row(df):
    df.set_role(["dep", "arr"], "numerical").set_role(df["carrier"], "categorical")
    assert df.dtypes["arr"] == "float64"
    assert df.roles == {"categorical": ["carrier"], "numerical": ["dep", "arr"], "unused_string": ["when"]}
    df.add(["1", " 2.5 ", ""], "text")
    df.set_role("text", "numerical")
    assert df.to_dict()["text"] == [1.0, 2.5, None]
    df.add(["31.01.2020", "01.02.2020", None], "day").set_role("day", "time_stamp", time_formats=["%d.%m.%Y"])
    assert df["day"].month().to_numpy().tolist()[:2] == [1.0, 2.0]
    df.add([1.0, 2.0, None], "key", role="join_key")
    assert df.to_dict()["key"] == [1, 2, None]
    df.add([1.0, 2.5, None], "word", role="categorical")
    assert df.to_dict()["word"] == ["1", "2.5", None]


def test_units_are_kept_over_save_and_load(df):
    df.set_unit(["dep", "arr"], "min").save().load()
    assert df.units == {"dep": "min", "arr": "min"}
    assert "unused_float, min" in repr(df)


def test_rows_are_appended_under_the_roles_that_are_there(df, csv):
    df.set_role("dep", "numerical")
    df.read_csv(csv, append=True)
    assert df.shape == (6, 4)
    assert df.roles["numerical"] == ["dep"]
    with pytest.raises(errors.InvalidInput, match="other columns: zz"):
        df.read_dict({"carrier": ["x"], "dep": [1], "arr": [1], "when": [pd.Timestamp(0)], "zz": [1]}, append=True)
    assert df.refresh().nrows() == 6
    df.read_csv(csv)
    assert df.nrows() == 3


def test_a_handle_with_roles_gives_them_to_every_read_that_gives_none(project, csv, tmp_path):
    import polars

    roles = {"categorical": ["carrier"], "numerical": ["dep"]}
    handle = DataFrame("given", roles=roles)
    arrow = handle.read_csv(csv).to_arrow()
    handle.to_parquet(tmp_path / "given.parquet")
    reads = [
        lambda: handle.read_csv(csv),
        lambda: handle.read_parquet(tmp_path / "given.parquet"),
        lambda: handle.read_arrow(arrow),
        lambda: handle.read_pandas(arrow.to_pandas()),
        lambda: handle.read_polars(polars.from_arrow(arrow)),
        lambda: handle.read_dict(arrow.to_pydict()),
        lambda: handle.read_json('{"carrier": ["AA"], "dep": [1]}'),
        lambda: handle.read_json('{"carrier": ["UA"], "dep": [2]}', append=True),
    ]
    for read in reads:
        read()
        assert {role: handle.roles[role] for role in roles} == roles
    assert handle.read_csv(csv, roles={"join_key": ["carrier"]}).roles["join_key"] == ["carrier"]
    assert handle.roles.numerical == []


def test_a_handle_with_roles_of_no_column_reads_nothing_and_names_it(project, csv):
    handle = DataFrame("given", roles={"numerical": ["depp"]})
    for read in (lambda: handle.read_csv(csv), lambda: handle.read_dict({"dep": [1]})):
        with pytest.raises(errors.NoColumn, match=r"'depp', to which roles= gives the role 'numerical'.*'dep'"):
            read()
    assert not storax.data.exists("given")


def test_views_are_worked_out_anew_and_become_frames(df, monkeypatch):
    late = df[df["dep"] > 1].drop("when")
    assert late.to_dict() == {"carrier": ["AA", "CC"], "dep": [1.5, 3.0], "arr": [2, 1]}
    assert late.with_column(late["arr"] * 10, "ten", role="numerical").roles["numerical"] == ["ten"]
    assert df[["dep", "arr"]].colnames == ["dep", "arr"]
    assert df[1:].nrows() == 2
    assert df[::2].to_dict()["carrier"] == ["AA", "CC"]
    assert df[-1:].to_dict()["carrier"] == ["CC"]
    assert df[10:].nrows() == 0
    df.add([9, 9, 9], "dep")
    with monkeypatch.context() as watched:
        calls = []
        call = session.call
        watched.setattr(session, "call", lambda *sent, **more: calls.append(sent[0]) or call(*sent, **more))
        assert late.refresh().nrows() == 3
        assert calls == ["look"]
    frame = late.to_df("late")
    assert frame.nrows() == 3
    assert frame.with_role("arr", "target").roles["target"] == ["arr"]


def test_no_row_is_shown_in_the_place_of_another(project):
    for number in (0, 1, 4, 10, 11):
        df = DataFrame.from_dict({"n": [100 + i for i in range(number)]}, "rows")
        lines = repr(df).splitlines()
        assert [line.strip() for line in lines[3:-1]] == [str(100 + i) for i in range(min(number, 10))], number
        assert df._repr_html_().count("<td>") == min(number, 10)
        assert lines[-1].startswith(f"{number} rows x 1 columns")


def test_display_is_escaped(project):
    df = DataFrame.from_dict({"<b>": ["<script>"]}, "x")
    assert "<script>" not in df._repr_html_()
    assert "<b>" not in df._repr_html_()
