"""Units: columns of equal unit are compared across a join, by kernels and SQL alike, and never with what is not known."""

import json
import tracemalloc

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from learning.parity import assert_parity
from learning.worlds import DAY, HOUR, MARKET_ROLES, MARKET_UNITS, fit, join, market, spec
from storax_engine import learning
from storax_engine.learning import BadPlan, buckets, persistence
from storax_engine.learning.aggregations.catalogue import CATALOGUE
from storax_engine.learning.features import evaluate
from storax_engine.learning.plan import Join, Node
from storax_engine.learning.tables import frame, index
from storax_engine.learning.tables.cache import Cache

ORDERS = join("orders", "id", ("at", "ts"), horizon=3 * HOUR, memory=20 * DAY)


def described(
    joins=(ORDERS,), units=MARKET_UNITS, roles=MARKET_ROLES, *, aggregation=("AVG", "SUM", "MAX", "LAST"), **fields
):
    learner = {"aggregation": list(aggregation), **fields.pop("learner", {})}
    more = {"units": units} if units else {}
    return spec(list(joins), roles, predictor=None, learner=learner, **more, **fields)


def named(trained):
    return {feature.name for feature in trained.state.features}


def compared(trained):
    return {feature.name for feature in trained.state.features if feature.compared}


def seen(tables, *, horizon=3 * HOUR, memory=20 * DAY):
    """A row for each customer and each order that the customer sees, in order of time; some orders end."""
    people = tables["population"].to_pandas().reset_index(names="row")
    pairs = people.merge(tables["orders"].to_pandas(), on="id", how="inner").dropna(subset=["id", "ts"])
    age = (pairs["at"] - pairs["ts"]).dt.total_seconds() - horizon
    pairs = pairs[(age >= 0) & (age < memory)].copy()
    if "until" in pairs:
        pairs = pairs[~(pairs["until"] <= pairs["at"])]
    pairs["paid"] = pairs["paid"].where(pairs["paid"] <= pairs["at"])
    return pairs.sort_values("ts", kind="stable"), people["row"]


def assert_what_pandas_computes(values, tables):
    """Compare average, sum and maximum of all comparisons of the market; returns the names of the features."""
    values = values.to_pandas()
    pairs, rows = seen(tables)
    late = (pairs["paid"] > pairs["due"]).astype(float).where(pairs["paid"].notna())
    above = (pairs["price"] > pairs["limit"]).astype(float).where(pairs["price"].notna() & pairs["limit"].notna())
    same = (pairs["kind"] == pairs["likes"]).astype(float).where(pairs["kind"].notna() & pairs["likes"].notna())
    columns = {
        "limit__minus_price": pairs["limit"] - pairs["price"],
        "price__by_limit": pairs["price"] / pairs["limit"].replace(0.0, np.nan),
        "due__minus_paid": (pairs["due"] - pairs["paid"]).dt.total_seconds(),
        "price__above_limit": above,
        "paid__above_due": late,
        "kind__same_as_likes": same,
    }
    checked = set()
    for column, of_pairs in columns.items():
        by_row = of_pairs.groupby(pairs["row"])
        flags = column.startswith(("price__above", "paid__above", "kind__same"))
        expected = {"avg": by_row.mean(), "sum": by_row.sum(min_count=1)} | ({} if flags else {"max": by_row.max()})
        for aggregation, numbers in expected.items():
            name = f"orders__{column}__{aggregation}"
            np.testing.assert_allclose(values[name], numbers.reindex(rows), rtol=1e-9, err_msg=name)
            assert values[name].nunique() > 3, name
            checked.add(name)
    return checked


def test_comparisons_are_what_pandas_computes():
    tables = market(1)
    trained = fit(described(), tables)
    checked = assert_what_pandas_computes(trained.transform(tables), tables)
    assert {n for n in compared(trained) if not n.endswith("__last")} == checked


@pytest.mark.parametrize(("listed", "copied"), [(1, 2**18), (300, 50), (300, 1)])
def test_comparisons_of_orders_that_end_are_the_same_in_parts(listed, copied, monkeypatch):
    draw, tables = np.random.default_rng(14), market(14, n=120, orders=900)
    until = pa.array(1_600_000_000 + draw.integers(0, 70, 900) * 86_400, pa.int64(), mask=draw.random(900) < 0.2)
    orders, people = tables["orders"].append_column("until", until.cast(pa.timestamp("s"))), tables["population"]
    times = people["at"].take(draw.integers(0, 40, 120))  # customers of one key and time have limits of their own
    tables = {
        "orders": orders.set_column(0, "id", pa.array(draw.integers(0, 4, 900))),
        "population": people.set_column(0, "id", pa.array(draw.integers(0, 3, 120))).set_column(1, "at", times),
    }
    learner = {"windows": [2 * DAY], "n_most_frequent": 2}
    ended = {**ORDERS, "upper_time_stamp": "until"}
    description = described([ended], aggregation=["AVG", "SUM", "MAX", "MEDIAN", "EWMA_1D"], learner=learner)
    trained = fit(description, tables)
    whole, parts = trained.transform(tables), []
    monkeypatch.setattr("storax_engine.learning.tables.index.ROWS_AT_ONCE", listed)
    monkeypatch.setattr("storax_engine.learning.features.evaluate.AT_ONCE", copied)
    monkeypatch.setattr(
        "storax_engine.learning.features.evaluate.slices_in_parts",
        lambda *args: (parts.append(part) or part for part in index.slices_in_parts(*args)),
    )
    again = fit(description, tables)
    assert len(parts) > 10
    assert again.state.features == trained.state.features
    assert again.transform(tables).equals(whole)
    checked = assert_what_pandas_computes(whole, tables)
    assert checked < compared(trained)


ONLY_PRICES = {"orders": {"pieces": ["exclude fastprop"]}, "population": {"due": ["exclude fastprop"]}}


def assert_comparisons_equal_their_sql(tables, *, least, **fields):
    trained = fit(described(subroles=ONLY_PRICES, **fields), tables)
    trained.state.features = [feature for feature in trained.state.features if feature.compared]
    assert_parity(trained, tables, least=least)
    return named(trained)


def test_every_aggregation_of_a_comparison_equals_its_sql():
    names = assert_comparisons_equal_their_sql(
        market(2), least=40, aggregation=[*CATALOGUE, "EWMA_12H", "EWMA_TREND_12H"]
    )
    assert "orders__price__by_limit__stddev" in names
    assert "orders__limit__minus_price__stddev" not in names, "it is the deviation of the price itself"


def test_comparisons_in_windows_and_under_conditions_equal_their_sql():
    learner = {"windows": [2 * DAY], "n_most_frequent": 1}
    names = assert_comparisons_equal_their_sql(market(2), least=15, aggregation=["AVG", "LAST"], learner=learner)
    assert "orders__limit__minus_price__avg__where_kind_tea__last_2d" in names


def test_comparisons_for_engines_without_medians_and_covariances_are_the_same_numbers(monkeypatch):
    monkeypatch.setattr("storax_engine.learning.trained.COMPLETE", ())
    portable = ["AVG", "MEDIAN", "STDDEV", "TREND", "VARIATION_COEFFICIENT"]
    assert_comparisons_equal_their_sql(market(2), least=9, aggregation=portable)


def test_joins_without_time_or_keys_and_columns_of_many_to_one_joins_equal_their_sql():
    tables = market(3, n=80, orders=600)
    plans = pa.table({"plan": range(80), "credit": np.random.default_rng(3).normal(10, 3, 80)})
    tables |= {"plans": plans, "ever": tables["orders"], "all": tables["orders"].slice(0, 40)}
    roles = MARKET_ROLES | {
        "plans": {"numerical": ["credit"]},
        "ever": MARKET_ROLES["orders"],
        "all": MARKET_ROLES["orders"],
    }
    units = MARKET_UNITS | {"plans": {"credit": "EUR"}, "ever": MARKET_UNITS["orders"], "all": MARKET_UNITS["orders"]}
    everyone = {**join("all", "id"), "on": []}
    joins = [join("plans", ("id", "plan"), relationship="many_to_one"), join("ever", "id"), everyone]
    trained = fit(described(joins, units, roles, aggregation=["AVG", "MODE"]), tables)
    assert {"ever__limit__minus_price__avg", "all__price__by_plans__credit__mode", "all__kind__same_as_likes__avg"} <= (
        compared(trained)
    )
    assert not {name for name in named(trained) if "paid" in name}, "a join without time has no times to compare"
    trained.state.features = [feature for feature in trained.state.features if feature.aggregation]
    tables["population"] = population_with(tables, trained)
    assert_parity(trained, tables, least=20)


def population_with(tables, trained):
    """The population with the columns that many-to-one joins bring in, by which the statements are joined too."""
    credit = dict(zip(*(tables["plans"][name].to_pylist() for name in ("plan", "credit")), strict=True))
    values = pa.array([credit.get(i) for i in tables["population"]["id"].to_pylist()], pa.float64())
    return tables["population"].append_column("plans__credit", values)


def test_what_a_row_may_not_see_changes_no_comparison():
    tables = market(4)
    trained = fit(described(), tables)
    before = trained.transform(tables)
    orders = tables["orders"].to_pandas()
    later = orders.assign(ts=orders["ts"] + pd.Timedelta(days=400), price=1e9, kind="figs")
    unpaid = orders["paid"].max() + pd.Timedelta(days=9)
    future = orders["paid"] > tables["population"].to_pandas()["at"].max()
    orders["paid"] = orders["paid"].where(~future, unpaid)
    both = pa.Table.from_pandas(pd.concat([orders, later]), tables["orders"].schema, preserve_index=False)
    assert trained.transform({**tables, "orders": both}).equals(before)
    assert not {name for name in compared(trained) if "spent" in name}, "the target of a row is never compared"


def test_targets_are_compared_only_where_they_lag():
    rng = np.random.default_rng(5)
    at = pa.array(1_600_000_000 + np.arange(200) * 3600).cast(pa.timestamp("s"))
    tables = {"population": pa.table({"id": [0, 1] * 100, "at": at, "x": rng.normal(size=200), "y": rng.random(200)})}
    roles = {"population": {"join_key": ["id"], "time_stamp": ["at"], "numerical": ["x"], "target": ["y"]}}
    units = {"population": {"x": "EUR", "y": "EUR"}}
    past = {"right": {"name": "past", "table": "population"}, "on": [["id", "id"]], "time_stamps": ["at", "at"]}
    plain = fit(described([{**past, "horizon": HOUR}], units, roles, aggregation=["AVG"]), tables)
    lagged = {**past, "horizon": HOUR, "lagged_targets": True}
    more = fit(described([lagged], units, roles, aggregation=["AVG"]), tables)
    assert compared(plain) == {"past__x__minus_x__avg", "past__x__by_x__avg", "past__x__above_x__avg"}
    assert compared(more) - compared(plain) == {"past__x__minus_y__avg", "past__y__by_x__avg", "past__y__above_x__avg"}
    assert_parity(more, tables)


def test_a_column_for_comparison_only_is_in_nothing_else():
    tables, only = market(6), ["only comparison"]
    marks = {"population": {"limit": only, "likes": only, "due": only}, "orders": {"price": only, "kind": only}}
    more = {"preprocessors": [{"kind": "Mapping"}, {"kind": "Seasonal"}, {"kind": "Imputation", "add_dummies": True}]}
    everything = {"aggregation": ["AVG", "COUNT", "COUNT_DISTINCT"], "learner": {"n_most_frequent": 2}}
    plain = fit(described(**everything, **more), tables)
    trained = fit(described(subroles=marks, **everything, **more), tables)
    of_marked = ("limit", "likes", "due", "orders__price__", "orders__kind__")
    own = {name for name in named(plain) - compared(plain) if name.startswith(of_marked)}
    gone = own | {name for name in named(plain) if "where_kind" in name}
    assert gone >= {"limit", "likes__mean_spent", "due__month", "limit__missing", "orders__price__avg"}
    assert any("orders__pieces__avg__where_kind" in name for name in gone)
    assert named(plain) - named(trained) == gone
    assert {"orders__limit__minus_price__avg", "orders__kind__same_as_likes__avg"} <= named(trained)
    assert trained.warnings == plain.warnings == []


def test_a_time_stamp_for_comparison_only_gives_its_age_alone():
    tables = market(7)
    units = {"population": {"at": "date"}, "orders": {"paid": "date"}}
    assert compared(fit(described(units=units), tables)) == set(), "the age of a time stamp is a feature already"
    marks = {"orders": {"paid": ["only comparison"]}}
    trained = fit(described(units=units, subroles=marks, aggregation=["AVG"]), tables)
    assert compared(trained) == {"orders__at__minus_paid__avg"}
    age = fit(described(units={}, aggregation=["AVG"]), tables).transform(tables)["orders__paid__avg"]
    assert trained.transform(tables)["orders__at__minus_paid__avg"].equals(age)
    assert_parity(trained, tables)


@pytest.mark.parametrize(
    "units",
    [
        {},
        {"population": {"limit": "EUR"}},
        {"population": {"limit": "EUR"}, "orders": {"price": "eur", "paid": "EUR", "id": "EUR"}},
        {"population": {"limit": "EUR", "id": "key"}, "orders": {"pieces": "", "id": "key"}},
    ],
)
def test_without_columns_of_equal_unit_and_role_the_features_are_those_without_units(units):
    tables = market(8)
    without, trained = fit(described(units=None), tables), fit(described(units=units), tables)
    assert trained.state.features == without.state.features
    assert trained.transform(tables).equals(without.transform(tables))


def test_a_column_for_comparison_only_that_is_compared_with_none_is_a_warning():
    tables, marks = market(8), {"orders": {"pieces": ["only comparison"]}, "population": {"limit": ["only comparison"]}}
    description = described(units={**MARKET_UNITS, "orders": {"price": "EUR", "pieces": "kg"}}, subroles=marks)
    expected = [text for text in learning.check(description, tables) if "for comparison only" in text]
    assert [text.partition(" is for")[0] for text in expected] == ["column 'pieces' of table 'orders'"]
    assert expected == [text for text in fit(description, tables).warnings if "for comparison only" in text]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"subroles": {"orders": {"price": ["exclude relboost"]}}},
            "'exclude relboost' does nothing.*exclude fastprop",
        ),
        ({"subroles": {"orders": {"price": ["comparison only"]}}}, "'comparison only' does nothing.*only comparison"),
        ({"units": {"orders": {"price": 5}}}, "'price' of table 'orders': unit 5"),
    ],
)
def test_a_word_that_does_nothing_is_refused(fields, reason):
    units = fields.pop("units", {})
    with pytest.raises(BadPlan, match=reason):
        fit(described(units=units, **fields), market(9))


def test_a_saved_pipeline_may_have_a_subrole_that_does_nothing(tmp_path):
    """Earlier releases let it pass."""
    tables = market(9, n=60, orders=300)
    trained = fit(described(), tables)
    trained.save(tmp_path)
    saved = json.loads((tmp_path / persistence.FILE).read_text())
    saved["spec"]["subroles"] = {"orders": {"price": ["exclude relboost"]}}
    (tmp_path / persistence.FILE).write_text(json.dumps(saved))
    assert learning.load(tmp_path).transform(tables).equals(trained.transform(tables))


@pytest.mark.parametrize("mark", ["exclude fastprop", "exclude feature learners"])
@pytest.mark.parametrize("table", ["population", "orders"])
def test_feature_learners_that_leave_a_column_out_compare_it_with_none(table, mark):
    column = {"population": "limit", "orders": "price"}[table]
    trained = fit(described(subroles={table: {column: [mark]}}), market(9))
    assert compared(trained)
    assert not {name for name in compared(trained) if column in name}


def test_the_comparison_that_makes_the_target_is_found():
    rng = np.random.default_rng(10)
    n, orders = 400, 8000
    of, level = rng.integers(0, n, orders), 3.0 * rng.normal(size=n)  # what a customer buys, cheap or dear
    limit, price = level + rng.normal(size=n), level[of] + rng.normal(size=orders)
    above = np.bincount(of, price > limit[of], n) / np.bincount(of, minlength=n)
    tables = {
        "population": pa.table({"id": np.arange(n), "limit": limit, "spent": above + 0.01 * rng.normal(size=n)}),
        "orders": pa.table({"id": of, "price": price}),
    }
    roles = {
        "population": {"numerical": ["limit"], "join_key": ["id"], "target": ["spent"]},
        "orders": {"numerical": ["price"], "join_key": ["id"]},
    }
    without = fit(described([join("orders", "id")], None, roles), tables)
    trained = fit(described([join("orders", "id")], MARKET_UNITS, roles), tables)
    best = max(trained.features(), key=lambda row: abs(row["correlation"]))
    assert best["name"] == "orders__price__above_limit__avg"
    assert best["correlation"] > 0.99
    assert max(abs(row["correlation"]) for row in without.features()) < 0.6


def test_buckets_make_the_same_comparisons_and_a_saved_pipeline_keeps_them(tmp_path, monkeypatch):
    tables = market(11, n=120, orders=900)
    description = described(aggregation=["AVG", "MAX"], learner={"n_most_frequent": 1})
    whole = fit(description, tables)
    buckets.prepare_fit(description, tables, tmp_path / "buckets", buckets=3)
    for i in range(3):
        buckets.compute(tmp_path / "buckets", i)
    parts = buckets.fit(tmp_path / "buckets")
    assert parts.state.features == whole.state.features
    assert parts.transform(tables).equals(whole.transform(tables))
    whole.save(tmp_path / "saved")
    loaded = learning.load(tmp_path / "saved")
    monkeypatch.setattr("storax_engine.learning.features.evaluate.AT_ONCE", 100)
    assert loaded.transform(tables).equals(whole.transform(tables)), "in small portions too"
    assert loaded.to_sql() == whole.to_sql()


def test_a_part_of_a_comparison_under_a_condition_costs_what_its_rows_do():
    """Whatever the size of the table: there are as many parts as it has rows."""
    n = 500_000
    orders = frame.Frame("orders", n)
    orders.add(frame.Column("kind", frame.CATEGORICAL, pa.array(["tea", None] * (n // 2))))
    bought = index.Index(orders, Join(Node("orders", "orders"), ()))
    orders.coded("kind")
    few = index.Slices(bought, np.array([0]), np.array([3]), np.zeros(3), np.array([0, 1, 4]))
    one_pass = evaluate._Pass(Join(Node("orders", "orders"), ()), np.zeros(1), few, None, lambda: None, np.ones(3))
    tracemalloc.start()
    slots = one_pass._slots("kind", ["tea"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert slots.tolist() == [0, -1, 0]
    assert peak < n


def test_many_columns_of_one_unit_are_a_warning():
    draw, columns = np.random.default_rng(15), [f"sensor_{i}" for i in range(15)]
    at = pa.array(1_600_000_000 + np.arange(50) * 3600).cast(pa.timestamp("s"))
    tables = {
        "population": pa.table({"at": at, "y": draw.normal(size=50), **{c: draw.normal(size=50) for c in columns}})
    }
    roles = {"population": {"time_stamp": ["at"], "numerical": columns, "target": ["y"]}}
    past = {"right": {"name": "past", "table": "population"}, "on": [], "time_stamps": ["at", "at"], "horizon": HOUR}

    def warnings(names, **fields):
        learned = described([past], {"population": dict.fromkeys(names, "degC")}, roles, aggregation=["AVG"], **fields)
        assert [text for text in learning.check(learned, tables) if "pairs" in text] == fit(learned, tables).warnings
        return fit(learned, tables).warnings

    assert warnings(columns) == [
        "the join of 'population' and 'past' compares 225 pairs of numerical columns of the unit 'degC', which makes a "
        "fit slow: give fewer of them this unit"
    ]
    assert warnings(columns[:14]) == []
    assert warnings(columns, subroles={"population": {"sensor_0": ["exclude fastprop"]}}) == []


def test_columns_that_are_compared_share_the_importance():
    tables = market(12)
    description = {**described(aggregation=["AVG"]), "predictors": [{"kind": "LinearRegression"}]}
    trained = fit(description, tables)
    assert {("population", "likes"), ("orders", "kind")} <= {(c["table"], c["name"]) for c in trained.columns()}
    assert sum(c["importance"] for c in trained.columns()) == pytest.approx(1.0)


def test_fits_that_share_what_they_learned_heed_the_units_of_each():
    cache, tables = Cache(), market(13, n=60, orders=300)
    marked = {"subroles": {"orders": {"price": ["only comparison"]}}}
    for more in ({"units": None}, {}, marked, {"units": None}):
        shared, alone = fit(described(**more), tables, cache=cache), fit(described(**more), tables)
        assert shared.state.features == alone.state.features
        assert shared.transform(tables).equals(alone.transform(tables))


def test_infinite_values_and_rows_that_see_nothing_are_no_error():
    population = pa.table(
        {"id": [1, 1, 1, 2, None], "limit": [9.0, 5.0, 0.0, 1.0, 3.0], "spent": [0.1, 0.4, 0.5, 0.2, 0.3]}
    )
    orders = pa.table({"id": [1, 1, 3], "price": [4.0, 6.0, 5.0]})
    roles = {
        "population": {"numerical": ["limit"], "join_key": ["id"], "target": ["spent"]},
        "orders": {"numerical": ["price"], "join_key": ["id"]},
    }
    learned = described([join("orders", "id")], MARKET_UNITS, roles, aggregation=["MIN", "SUM"])
    trained = fit(learned, {"population": population, "orders": orders})
    endless = population.set_column(1, "limit", [[np.inf, np.inf, 0.0, 1.0, 3.0]])
    tables = {"population": endless, "orders": orders.set_column(1, "price", [[4.0, np.inf, 5.0]])}
    values = trained.transform(tables).to_pandas()
    assert values["orders__price__above_limit__sum"].tolist()[:3] == [0.0, 0.0, 2.0]
    assert values["orders__limit__minus_price__sum"].isna().tolist() == [False, False, False, True, True]
    assert values["orders__limit__minus_price__min"].tolist()[:3] == [np.inf, np.inf, -np.inf]
