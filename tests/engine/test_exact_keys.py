"""Keys that differ in any digit stay different, wherever they come from; what was lost before is an error."""

import json
import sqlite3
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storax import errors
from storax.data import DataFrame, concat
from storax_engine.frames import coerce

UNSIGNED = [12345678901234567890, 12345678901234567891, None]  # above 2**63
LONG = [123456789012345678901, 123456789012345678902, None]
SHORT = [9007199254740993, 9007199254740992, None]  # above 2**53
DECIMALS = [Decimal("0.10000000000000000001"), Decimal("0.10000000000000000002"), None]
AS_TEXT = {"UNSIGNED": UNSIGNED, "LONG": LONG, "DECIMALS": DECIMALS}


def values(df, name="k"):
    return df.to_arrow().column(name).to_pylist()


def texts(keys):
    return [None if key is None else str(key) for key in keys]


def csv_file(tmp_path, name, keys):
    path = tmp_path / name
    path.write_text("k,x\n" + "".join(f"{'' if key is None else key},1\n" for key in keys))
    return path


@pytest.mark.parametrize("role", ["join_key", "categorical", None])
@pytest.mark.parametrize("keys", [UNSIGNED, LONG, SHORT])
def test_whole_numbers_of_any_length_are_exact_from_every_source(project, tmp_path, keys, role):
    roles = {role: ["k"]} if role else {}
    numbers = SHORT if keys is SHORT else [Decimal(key) if key else None for key in keys]
    unsigned = keys is UNSIGNED and pa.array(keys, pa.uint64())
    table = pa.table({"k": unsigned or pa.array(numbers)})
    pq.write_table(table, tmp_path / "k.parquet")
    frames = [
        DataFrame.from_csv(csv_file(tmp_path, "k.csv", keys), "csv", roles=roles),
        DataFrame.from_dict({"k": keys}, "dict", roles=roles),
        DataFrame.from_json(json.dumps({"k": keys}), "json", roles=roles),
        DataFrame.from_json(json.dumps([{"k": key} for key in keys]), "rows", roles=roles),
        DataFrame.from_pandas(pd.DataFrame({"k": pd.Series(keys, dtype=object)}), "pandas", roles=roles),
        DataFrame.from_polars(pl.DataFrame({"k": pl.Series(keys, dtype=pl.Int128)}), "polars", roles=roles),
        DataFrame.from_arrow(table, "arrow", roles=roles),
        DataFrame.from_parquet(tmp_path / "k.parquet", "parquet", roles=roles),
    ]
    for df in frames:
        if role is None:
            df.set_role("k", "join_key")
        assert texts(values(df)) == texts(keys), df.name


def test_numbers_of_numpy_and_of_databases_are_exact(project):
    unsigned = np.array(UNSIGNED[:2], np.uint64)
    assert values(DataFrame.from_dict({"k": unsigned}, "numpy")) == texts(UNSIGNED[:2])
    assert values(DataFrame.from_pandas(pd.DataFrame({"k": unsigned}), "pandas")) == texts(UNSIGNED[:2])
    small = DataFrame.from_dict({"k": np.array([1, 2], np.uint64)}, "small")
    assert (values(small), small.dtypes) == ([1, 2], {"k": "int64"})
    duck = pytest.importorskip("duckdb").connect()
    duck.execute(f"CREATE TABLE ids AS SELECT * FROM (VALUES ({LONG[0]}::HUGEINT), ({LONG[1]}), (NULL)) t(k)")
    assert values(DataFrame.from_db("ids", "duck", conn=duck)) == texts(LONG)
    lite = sqlite3.connect(":memory:")
    lite.execute("CREATE TABLE ids (k)")
    lite.executemany("INSERT INTO ids VALUES (?)", [(key,) for key in SHORT])
    assert values(DataFrame.from_db("ids", "lite", conn=lite)) == SHORT


def test_decimals_are_numbers_as_long_as_a_number_tells_them_apart(project, tmp_path):
    prices = DataFrame.from_dict({"p": [Decimal("12.34"), Decimal("-0.10"), None]}, "prices")
    assert (values(prices, "p"), prices.dtypes) == ([12.34, -0.1, None], {"p": "float64"})
    exact = DataFrame.from_dict({"k": DECIMALS}, "decimals")
    assert values(exact) == texts(DECIMALS)
    assert DataFrame.from_dict({"k": DECIMALS}, "n", roles={"numerical": ["k"]}).dtypes == {"k": "float64"}
    path = csv_file(tmp_path, "d.csv", DECIMALS)
    assert values(DataFrame.from_csv(path, "csv", roles={"join_key": ["k"]})) == texts(DECIMALS)
    measured = DataFrame.from_csv(csv_file(tmp_path, "m.csv", ["0.1", "1e300", "12345678901234567.5"]), "m")
    assert measured.dtypes["k"] == "float64"


@pytest.mark.parametrize("role", ["join_key", "categorical"])
def test_keys_that_lost_digits_before_they_came_are_refused(project, role):
    lost = pd.DataFrame({"k": [float(2**53), float(2**53 + 1), np.nan]})
    with pytest.raises(errors.InvalidInput, match=r"'k' cannot be .*: row 0 holds 9007199254740992 .* lost digits"):
        DataFrame.from_pandas(lost, "lost", roles={role: ["k"]})
    df = DataFrame.from_pandas(lost, "lost")
    with pytest.raises(errors.InvalidInput, match="lost digits"):
        df.set_role("k", role)
    fine = pd.DataFrame({"k": [1.0, float(2**53 - 1), np.inf, np.nan]})
    assert len(DataFrame.from_pandas(fine, "fine", roles={role: ["k"]})) == 4


def test_rows_that_are_added_lose_no_digit(project, tmp_path):
    first, second = csv_file(tmp_path, "1.csv", [1, 2]), csv_file(tmp_path, "2.csv", UNSIGNED[:2])
    assert values(DataFrame.from_csv([first, second], "both")) == ["1", "2", *texts(UNSIGNED[:2])]
    assert values(DataFrame.from_csv([second, first], "turned")) == [*texts(UNSIGNED[:2]), "1", "2"]
    blank = csv_file(tmp_path, "blank.csv", [None])
    assert values(DataFrame.from_csv([first, blank], "blank")) == [1, 2, None]
    fractions = csv_file(tmp_path, "3.csv", [0.5])
    with pytest.raises(errors.InvalidInput, match="'k' is double and int64 in different rows"):
        DataFrame.from_csv([csv_file(tmp_path, "4.csv", SHORT), fractions], "mixed")
    keys = DataFrame.from_dict({"k": SHORT}, "keys", roles={"join_key": ["k"]})
    keys.read_dict({"k": LONG}, append=True)
    assert values(keys) == texts(SHORT + LONG)
    plain = DataFrame.from_dict({"k": SHORT}, "plain")
    with pytest.raises(errors.InvalidInput, match=r"'k' .* lost digits"):
        plain.read_dict({"k": LONG}, append=True)
    assert values(plain) == SHORT
    whole = concat("whole", [keys, DataFrame.from_dict({"k": [7]}, "seven", roles={"join_key": ["k"]})])
    assert values(whole)[-1] == "7"


@pytest.mark.parametrize("kind", [pa.decimal128(38, 18), pa.decimal128(12, 4), pa.decimal256(60, 30)])
@pytest.mark.parametrize("numbers", [["123456.789", None, "-0.5"], ["12.0", "7", None], [None], []])
def test_decimals_are_numbers_also_where_their_type_has_many_more_places(kind, numbers):
    decimals = pa.chunked_array([pa.array([None if n is None else Decimal(n) for n in numbers], kind)])
    known = coerce.values_of("price", decimals)
    assert known.type == pa.float64()
    assert known.to_pylist() == [None if n is None else float(n) for n in numbers]


def test_decimals_with_more_digits_than_a_float_stay_text_at_any_scale():
    decimals = pa.chunked_array([pa.array([Decimal("123456789.01234567891"), Decimal("0.5")], pa.decimal128(38, 18))])
    assert coerce.values_of("k", decimals).to_pylist() == ["123456789.012345678910000000", "0.500000000000000000"]
