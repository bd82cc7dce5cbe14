"""Features made in buckets are those made at once, bit for bit; so is what is learned from them."""

import json
import random

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from learning.worlds import DAY, HOUR, SHOP_ROLES, fit, join, shop, spec, towns
from storax_engine import learning
from storax_engine.learning import BadData, BadPlan, Cancelled, buckets
from storax_engine.learning.buckets import layout, sources
from storax_engine.learning.plan import read


def on_disk(tables, folder):
    """The tables as Parquet files, in row groups small enough that batches do not fall on their ends."""
    folder.mkdir(exist_ok=True)
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet", row_group_size=999)
    return {name: folder / f"{name}.parquet" for name in tables}


def as_stored(tables, folder):
    """The files, and the tables as they are read from them: Parquet has no seconds, so those are milliseconds then."""
    paths = on_disk(tables, folder)
    return paths, {name: pq.read_table(path) for name, path in paths.items()}


def flagged(seed):
    """A shop whose customers are few and come often, and have a flag that is a key as well."""
    tables = shop(seed)
    few = pc.subtract(tables["population"]["id"], pc.multiply(pc.divide(tables["population"]["id"], 20), 20))
    flags = pa.array(np.random.default_rng(seed).integers(0, 3, 300))
    return {**tables, "population": tables["population"].set_column(0, "id", few).append_column("flag", flags)}


def fitted(description, tables, folder, n=5, **more):
    buckets.prepare_fit(description, tables, folder, buckets=n, **more)
    for i in random.Random(1).sample(range(n), n):
        buckets.compute(folder, i)
    return buckets.fit(folder)


def assert_same(one, other, tables, folder):
    """What was learned, what is saved and what is computed: every bit."""
    assert [f.name for f in one.state.features] == [f.name for f in other.state.features]
    one.save(folder / "one")
    other.save(folder / "other")
    assert json.loads((folder / "one/learned.json").read_text()) == json.loads(
        (folder / "other/learned.json").read_text()
    )
    assert one.state.correlations.tobytes() == other.state.correlations.tobytes()
    assert one.transform(tables).equals(other.transform(tables))
    if one.state.models:
        assert one.predict(tables).tobytes() == other.predict(tables).tobytes()


def transformed(trained, tables, folder, n=5):
    buckets.prepare_transform(trained, tables, folder, buckets=n)
    for i in range(n):
        buckets.compute(folder, i)
    return pa.concat_tables(buckets.blocks(folder)).combine_chunks()


STEPS = [
    {"kind": "Imputation", "add_dummies": True},
    {"kind": "Substring", "begin": 0, "length": 2},
    {"kind": "CategoryTrimmer", "min_freq": 20},
    {"kind": "Seasonal"},
    {"kind": "EmailDomain"},
    {"kind": "TextFieldSplitter", "vocab_size": 5},
    {"kind": "Mapping", "min_freq": 3},
]


def test_a_fit_over_buckets_learns_the_same_bit_for_bit(tmp_path):
    orders = join("orders", "id", ("at", "ts"), horizon=3 * HOUR, upper_time_stamp="paid")
    learner = {"num_features": 40, "n_most_frequent": 2, "windows": [2 * DAY]}
    description = spec([orders], SHOP_ROLES, learner=learner, predictor="LightGBMRegressor")
    paths, tables = as_stored(shop(1), tmp_path / "in")
    description["feature_selectors"] = [{"kind": "LinearRegression"}]
    bucketed = fitted(description, paths, tmp_path / "work")
    assert_same(fit(description, tables), bucketed, tables, tmp_path)


def test_a_snowflake_with_every_preprocessor_learns_the_same_bit_for_bit(tmp_path):
    tables, joins, roles = towns(2)
    kinds = pa.array(np.random.default_rng(2).choice(["old", "new", "mid"], tables["places"].num_rows))
    for name in ("town", "places"):
        tables[name] = tables[name].append_column("kind", kinds)
        roles[name] = {**roles[name], "categorical": ["kind"]}
    description = spec(
        joins, roles, preprocessors=STEPS, include_categorical=True, predictor="LinearRegression",
        learner={"aggregation": ["AVG", "COUNT", "COUNT_DISTINCT", "LAST"], "n_most_frequent": 2},
    )  # fmt: skip
    paths, tables = as_stored(tables, tmp_path / "in")
    whole, bucketed = fit(description, tables), fitted(description, paths, tmp_path / "work")
    names = {f.name for f in bucketed.state.features}
    assert {"colour__mean_spent", "town__kind__mean_spent", "town__kind", "sales__places__people__avg"} <= names
    assert any(name.startswith("sales__count__where_places__kind_") for name in names)
    assert_same(whole, bucketed, tables, tmp_path)


def test_joins_over_other_keys_over_none_and_a_table_that_is_joined_to_itself(tmp_path):
    tables, roles = flagged(3), {**SHOP_ROLES}
    roles["population"] = {**roles["population"], "join_key": ["id", "flag"]}
    joins = [
        join("orders", "id", ("at", "ts")),
        {**join("same", "id"), "right": {"name": "same", "table": "orders"}, "on": [["flag", "pieces"]]},
        {**join("everyone", "id"), "right": {"name": "everyone", "table": "orders"}, "on": []},
        {
            **join("past", "id", ("at", "at"), horizon=HOUR, lagged_targets=True),
            "right": {"name": "past", "table": "population"},
        },
    ]
    description = spec(joins, roles, predictor=None, learner={"aggregation": ["AVG", "SUM", "COUNT", "STDDEV", "LAST"]})
    paths, tables = as_stored(tables, tmp_path / "in")
    assert_same(fit(description, tables), fitted(description, paths, tmp_path / "work"), tables, tmp_path)
    routes = layout.routes(read(description), sources.of(read(description), tables), 5)
    assert [route.how for route in routes] == ["hashed", "hashed", "seen", "whole", "hashed"]


@pytest.mark.parametrize("n", [1, 2, 7, 64])
def test_a_transform_over_buckets_is_the_same_in_the_same_order(tmp_path, n):
    trained = fit(spec([join("orders", "id", ("at", "ts"))], SHOP_ROLES, predictor=None, preprocessors=STEPS), shop(4))
    new = shop(5)
    assert transformed(trained, on_disk(new, tmp_path / "in"), tmp_path / "work", n).equals(
        trained.transform(new).combine_chunks()
    )


def test_more_rows_than_one_batch_come_out_in_their_order(tmp_path, monkeypatch):
    monkeypatch.setattr("storax_engine.learning.buckets.sources.BATCH_ROWS", 64)
    monkeypatch.setattr("storax_engine.learning.buckets.splitting.FLUSH_BYTES", 4096)
    monkeypatch.setattr("storax_engine.learning.buckets.splitting.KEYS_AT_ONCE", 50)
    monkeypatch.setattr("storax_engine.learning.buckets.combined_matrix.BLOCK_ROWS", 32)
    tables, joins, roles = towns(6)
    trained = fit(spec(joins, roles, predictor=None), tables)
    features = transformed(trained, on_disk(tables, tmp_path / "in"), tmp_path / "work")
    assert features.equals(trained.transform(tables).combine_chunks())


@pytest.mark.parametrize("kind", ["int32", "float64", "string", "dictionary"])
@pytest.mark.parametrize("other", ["int64", "string", "dictionary"])
def test_keys_of_other_types_meet_as_they_do_at_once(tmp_path, kind, other):
    tables = shop(7)
    for name, wanted in (("population", kind), ("orders", other)):
        ids = tables[name]["id"]
        typed = ids.cast("string").dictionary_encode() if wanted == "dictionary" else ids.cast(wanted)
        tables[name] = tables[name].set_column(0, "id", typed)
    trained = fit(spec([join("orders", "id", ("at", "ts"))], SHOP_ROLES, predictor=None), tables)
    assert trained.transform(tables)["orders__count"].to_numpy().sum() > 0
    features = transformed(trained, on_disk(tables, tmp_path / "in"), tmp_path / "work")
    assert features.equals(trained.transform(tables).combine_chunks())


def test_an_empty_population_and_empty_tables_make_no_trouble(tmp_path):
    trained = fit(spec([join("orders", "id", ("at", "ts"))], SHOP_ROLES, predictor=None), shop(8))
    for name in ("population", "orders"):
        some = {**shop(8), name: shop(8)[name].slice(0, 0)}
        features = transformed(trained, on_disk(some, tmp_path / name), tmp_path / f"work-{name}")
        assert features.equals(trained.transform(some).combine_chunks())


def test_a_bucket_can_be_done_again_and_one_that_is_missing_is_named(tmp_path):
    tables = shop(9)
    description = spec([join("orders", "id", ("at", "ts"))], SHOP_ROLES, predictor=None)
    buckets.prepare_fit(description, tables, tmp_path / "work", buckets=3)
    for i in (0, 2, 2):
        buckets.compute(tmp_path / "work", i)
    with pytest.raises(BadData, match=r"bucket 1 of .* has not been computed"):
        buckets.fit(tmp_path / "work")
    with pytest.raises(BadData, match=r"no bucket 3.* has 3"):
        buckets.compute(tmp_path / "work", 3)
    (tmp_path / "work/bucket-0001/features.half").mkdir()  # killed while it wrote
    buckets.compute(tmp_path / "work", 1)
    assert_same(fit(description, tables), buckets.fit(tmp_path / "work"), tables, tmp_path)


def test_a_table_that_cannot_be_split_is_refused_where_it_is_too_large_for_every_bucket(tmp_path):
    description = spec([{**join("orders", "id"), "on": []}], SHOP_ROLES, predictor=None)
    with pytest.raises(BadData, match=r"'orders' has no keys.*replicate_mb=0.01"):
        buckets.prepare_fit(description, shop(1), tmp_path / "work", buckets=4, replicate_mb=0.01)
    with pytest.raises(BadData, match="holds no prepared buckets"):
        buckets.compute(tmp_path / "work", 0)
    both = spec(
        [
            join("orders", "id"),
            {**join("o", "id"), "right": {"name": "o", "table": "orders"}, "on": [["flag", "pieces"]]},
        ],
        SHOP_ROLES,
        predictor=None,
    )
    tables = flagged(1)
    with pytest.raises(BadData, match=r"'o' is joined by 'pieces'.*leave"):
        buckets.prepare_fit(both, tables, tmp_path / "work", buckets=4, replicate_mb=0.01)


def test_bad_input_is_refused_before_anything_is_split(tmp_path):
    description, tables = spec([join("orders", "id", ("at", "ts"))], SHOP_ROLES), shop(1)
    with pytest.raises(BadPlan, match="buckets is 0"):
        buckets.prepare_fit(description, tables, tmp_path, buckets=0)
    with pytest.raises(BadData, match="'price'"):
        buckets.prepare_fit(description, {**tables, "orders": tables["orders"].drop(["price"])}, tmp_path, buckets=2)
    with pytest.raises(BadData, match="no rows"):
        buckets.prepare_fit(
            description, {**tables, "population": tables["population"].slice(0, 0)}, tmp_path, buckets=2
        )
    with pytest.raises(BadData, match="no table for the placeholder 'orders'"):
        buckets.prepare_fit(description, {"population": tables["population"]}, tmp_path, buckets=2)
    (tmp_path / "none.parquet").write_text("no")
    with pytest.raises(BadData, match=r"none\.parquet cannot be read"):
        buckets.prepare_fit(description, {**tables, "orders": tmp_path / "none.parquet"}, tmp_path, buckets=2)
    with pytest.raises(Cancelled):
        buckets.prepare_fit(description, tables, tmp_path, buckets=2, cancelled=lambda: True)
    assert not list(tmp_path.glob("bucket-*"))


def test_learning_offers_buckets():
    assert learning.buckets.fit is buckets.fit
