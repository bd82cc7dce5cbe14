"""Data frames and views speak the Arrow PyCapsule protocol both ways: other libraries read them, and are read."""

import asyncio
import io
from contextlib import nullcontext

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from storax import errors
from storax.data import Container, DataFrame
from storax.data.exchange import tables
from storax.data.exchange.tables import BATCH_ROWS
from storax_engine.rpc.arrow_streams import Inflow

ROWS = {"n": [1, 2, 3], "s": ["x", None, "z"]}


@pytest.fixture
def df(project):
    return DataFrame.from_dict(ROWS, "f")


def test_other_libraries_read_data_frames_views_and_subsets_as_they_are(df):
    view = df[df["n"] > 1]
    assert pl.DataFrame(df).to_dict(as_series=False) == ROWS
    assert pl.DataFrame(view)["n"].to_list() == [2, 3]
    assert pa.table(df).to_pydict() == ROWS
    assert duckdb.sql("SELECT sum(n) AS total FROM view").fetchall() == [(5,)]
    assert list(pd.DataFrame.from_arrow(view)["n"]) == [2, 3]
    assert pa.table(Container(train=view).train).to_pydict() == {"n": [2, 3], "s": [None, "z"]}


def test_a_capsule_of_a_data_frame_that_is_gone_is_the_error_of_the_data_frame(df):
    view = df[:]
    df.delete()
    with pytest.raises(errors.NoDataFrame, match="'f'"):
        pa.table(view)


def test_whatever_speaks_the_protocol_becomes_a_data_frame(df):
    table = pa.table(ROWS)
    relation = duckdb.from_arrow(table)
    for source in (table, table.to_batches()[0], table.to_reader(), pl.DataFrame(ROWS), relation, df, df[:]):
        assert DataFrame.from_arrow(source, "g").to_dict() == ROWS
    assert DataFrame("g").read_arrow(pl.DataFrame(ROWS), append=True).nrows() == 6


def test_categories_of_polars_and_dictionaries_that_change_are_texts(project):
    texts = ["a", "b", None]
    kinds = {"c": pl.Series(texts, dtype=pl.Categorical), "e": pl.Series(texts, dtype=pl.Enum(["a", "b"]))}
    assert DataFrame.from_arrow(pl.DataFrame(kinds), "g").to_dict() == {"c": texts, "e": texts}
    batches = [pa.record_batch({"s": pa.array([text]).dictionary_encode()}) for text in ("x", "y")]
    reader = pa.RecordBatchReader.from_batches(batches[0].schema, batches)
    assert DataFrame.from_arrow(reader, "g").to_dict() == {"s": ["x", "y"]}


def test_a_data_frame_is_made_of_any_usual_kind_of_rows_at_once(project):
    by_row = [{"n": 1, "s": "x"}, {"n": 2}, {"n": 3, "s": "z"}]
    for data in (ROWS, by_row, pd.DataFrame(ROWS), pl.DataFrame(ROWS), pa.table(ROWS)):
        df = DataFrame("g", roles={"join_key": ["n"]}, data=data)
        assert (df.to_dict(), df.roles["join_key"]) == (ROWS, ["n"])
    indexed = pd.DataFrame(ROWS, index=[7, 8, 9])
    assert DataFrame("g", data=indexed).colnames == ["n", "s"], "an index of pandas is left out"


def test_a_reader_is_read_a_batch_at_a_time_and_large_batches_are_cut(project):
    rows = 2 * BATCH_ROWS + 7
    batches = [pa.record_batch({"n": np.arange(rows)}), pa.record_batch({"n": np.arange(rows, rows + 3)})]
    reader = pa.RecordBatchReader.from_batches(batches[0].schema, iter(batches))
    df = DataFrame.from_arrow(reader, "many")
    assert (df.nrows(), df["n"].max().get()) == (rows + 3, rows + 2)


def test_rows_of_a_stream_are_counted_as_they_are_sent():
    rows, counts = BATCH_ROWS + 7, []
    batches = [pa.record_batch({"n": np.arange(count)}) for count in (rows, 3)]
    for source in (pa.RecordBatchReader.from_batches(batches[0].schema, batches), pa.Table.from_batches(batches)):
        counts.clear()
        assert len(list(tables.sent(source, counts.append))) == len(counts) + 1
        assert counts == [BATCH_ROWS, 7, 3]


@pytest.mark.parametrize("data", [5, "text", None, pl.Series([1]), pa.chunked_array([[1]]), [1, 2]])
def test_what_is_no_table_is_refused_and_named(project, data):
    with pytest.raises(errors.InvalidInput, match=f"A {type(data).__name__} is no table"):
        DataFrame.from_arrow(data, "g")


@pytest.mark.parametrize("batches", [1, 3])
def test_a_reader_that_fails_on_its_way_leaves_the_old_rows(df, batches):
    def parts():
        for number in range(batches):
            yield pa.record_batch({"n": [number]})
        raise pa.ArrowInvalid("the source broke")

    reader = pa.RecordBatchReader.from_batches(pa.schema({"n": pa.int64()}), parts())
    with pytest.raises(errors.InvalidInput, match="the source broke"):
        DataFrame.from_arrow(reader, "f")
    assert df.refresh().to_dict() == ROWS


def test_a_stream_that_breaks_off_between_two_batches_is_never_read_as_a_whole_one():
    """Arrow takes the end of the bytes for the end of the rows, so the sender's end must be looked at."""
    sink = io.BytesIO()
    writer = pa.ipc.new_stream(sink, pa.schema({"n": pa.int64()}))
    writer.write_batch(pa.record_batch({"n": [1]}))

    async def sent(*, whole):
        yield sink.getvalue()
        if not whole:
            raise ConnectionError("hung up")

    async def read(inflow, *, whole):
        reader = asyncio.get_running_loop().run_in_executor(None, inflow.table)
        with nullcontext() if whole else pytest.raises(ConnectionError):
            await inflow.feed(reader)
        return await reader

    assert asyncio.run(read(Inflow(sent(whole=True)), whole=True)).num_rows == 1
    with pytest.raises(errors.InvalidInput, match=r"did not arrive whole \(it broke off\)"):
        asyncio.run(read(Inflow(sent(whole=False)), whole=False))
