"""Every feature of the kernels is the number that its SQL gives, and the SQL is written in every dialect."""

import numpy as np
import pyarrow as pa
import pytest

from learning.parity import assert_parity
from learning.worlds import DAY, HOUR, SHOP_ROLES, fit, join, shop, spec, towns
from storax_engine.learning import BadPlan
from storax_engine.learning.aggregations.catalogue import CATALOGUE

EVERYTHING = [*CATALOGUE, "EWMA_1D", "EWMA_12H", "EWMA_TREND_1D", "EWMA_TREND_12H"]


SMALL = {**SHOP_ROLES, "orders": {"numerical": ["price"], "categorical": ["kind"], "time_stamp": ["ts"]}}


def test_every_aggregation_equals_its_sql():
    orders = join("orders", "id", ("at", "ts"), horizon=3 * HOUR, memory=20 * DAY)
    description = spec([orders], SMALL, predictor=None, learner={"aggregation": EVERYTHING})
    assert_parity(fit(description, shop(1)), shop(1), least=70)


@pytest.mark.parametrize("horizon", [0, 3 * HOUR])
def test_trends_that_forget_equal_their_sql_and_weighted_least_squares(horizon):
    names = [f"EWMA_TREND_{half_life}" for half_life in ("1S", "1H", "12H", "7D", "365D")]
    orders, tables = join("orders", "id", ("at", "ts"), horizon=horizon, memory=20 * DAY), shop(11)
    prices_alone = {"orders": {"ts": ["exclude fastprop"]}}
    learner = {"aggregation": names}
    trained = fit(spec([orders], SMALL, predictor=None, learner=learner, subroles=prices_alone), tables)
    assert_parity(trained, tables, least=len(names), within=1e-9)
    price = trained.transform(tables)["orders__price__ewma_trend_7d"].to_numpy()
    expected = [weighted_line(tables, row, horizon, 7 * DAY, 20 * DAY) for row in range(len(price))]
    assert np.isfinite(price).sum() > 100
    np.testing.assert_allclose(price, expected, rtol=1e-9)


def weighted_line(tables, row, horizon, half_life, memory):
    """The price at the end of the horizon on the line that numpy puts through a customer's orders."""
    customers, orders = tables["population"], tables["orders"]
    seconds = customers["at"].cast(pa.int64()).to_numpy() - horizon
    ages = seconds[row] - orders["ts"].cast(pa.int64()).to_numpy(zero_copy_only=False)
    price = orders["price"].to_numpy(zero_copy_only=False)
    mine = orders["id"].to_numpy(zero_copy_only=False) == customers["id"].to_numpy(zero_copy_only=False)[row]
    seen = mine & (ages >= 0) & (ages < memory) & np.isfinite(price)
    if len(set(ages[seen])) < 2:
        return price[seen].mean() if seen.any() else np.nan
    return np.polynomial.Polynomial.fit(ages[seen], price[seen], 1, w=0.5 ** (ages[seen] / half_life / 2))(0.0)


def test_what_is_written_for_engines_without_medians_and_covariances_is_the_same_number(monkeypatch):
    monkeypatch.setattr("storax_engine.learning.trained.COMPLETE", ())
    learner = {"aggregation": ["MEDIAN", "Q10", "TREND"]}
    orders = join("orders", "id", ("at", "ts"), horizon=3 * HOUR)
    assert_parity(fit(spec([orders], SMALL, predictor=None, learner=learner), shop(2)), shop(2), least=6)


def test_windows_and_conditions_equal_their_sql():
    learner = {"aggregation": ["COUNT", "AVG", "SUM", "LAST"], "windows": [2 * DAY], "n_most_frequent": 2}
    description = spec([join("orders", "id", ("at", "ts"))], SHOP_ROLES, predictor=None, learner=learner)
    trained = fit(description, shop(3))
    assert_parity(trained, shop(3), least=40)
    assert {"orders__count__last_2d", "orders__price__avg__where_kind_jam"} & {f.name for f in trained.state.features}


def test_lags_equal_their_sql():
    learner = {"aggregation": ["AVG", "TREND"], "delta_t": 5 * DAY, "max_lag": 3}
    trained = fit(spec([join("orders", "id", ("at", "ts"))], SHOP_ROLES, predictor=None, learner=learner), shop(4))
    assert "orders__price__avg__from_5d_to_10d" in {f.name for f in trained.state.features}
    assert_parity(trained, shop(4), least=20)


def test_joins_without_time_upper_time_stamps_and_two_keys_equal_their_sql():
    tables = shop(5)
    both = [
        join("orders", "id", ("at", "ts"), upper_time_stamp="paid"),
        {**join("all_orders", "id"), "right": {"name": "all_orders", "table": "orders"}},
        {
            **join("same", "id"),
            "right": {"name": "same", "table": "orders"},
            "on": [["id", "id"], ["flag", "pieces"], ["id", "id"]],
        },
    ]
    flags = pa.array(np.random.default_rng(5).integers(0, 3, 300))
    tables["population"] = tables["population"].append_column("flag", flags)
    assert_parity(fit(spec(both, SHOP_ROLES, predictor=None), tables), tables, least=60)


def test_a_snowflake_with_many_to_one_equals_its_sql():
    tables, joins, roles = towns(6)
    trained = fit(spec(joins, roles, predictor=None), tables)
    assert_parity(trained, tables, least=60)
    names = {f.name for f in trained.state.features}
    assert {"town__people", "sales__lines__amount__sum__avg", "sales__places__people__max"} <= names


def test_preprocessed_columns_equal_their_sql():
    tables, joins, roles = towns(7)
    steps = [
        {"kind": "Imputation", "add_dummies": True},
        {"kind": "CategoryTrimmer", "min_freq": 20},
        {"kind": "Seasonal"},
        {"kind": "Substring", "begin": 0, "length": 2},
        {"kind": "EmailDomain"},
        {"kind": "TextFieldSplitter", "vocab_size": 5},
    ]
    description = spec(
        joins, roles, predictor=None, preprocessors=steps, learner={"aggregation": ["AVG", "COUNT_DISTINCT"]}
    )
    trained = fit(description, tables)
    assert_parity(trained, tables, least=20)
    names = {f.name for f in trained.state.features}
    assert {"at__hour", "at__month", "note__has_red", "area__missing"} <= names
    assert {"sales__mail__domain__count_distinct", "sales__shop__0_2__count_distinct"} <= names


def test_target_means_equal_their_sql():
    tables, joins, roles = towns(8)
    trained = fit(spec(joins, roles, preprocessors=[{"kind": "Mapping", "min_freq": 3}]), tables)
    assert "colour__mean_spent" in {f.name for f in trained.state.features}
    assert_parity(trained, tables)


def test_an_unknown_dialect_is_named():
    trained = fit(spec([], {**SHOP_ROLES, "orders": {}}, predictor=None), shop(1))
    with pytest.raises(BadPlan, match=r"'latin'.*duckdb"):
        trained.to_sql("latin")


def test_times_after_the_moment_are_not_aggregated_as_columns():
    tables = shop(10)
    trained = fit(spec([join("orders", "id", ("at", "ts"))], SHOP_ROLES, predictor=None), tables)
    ages = trained.transform(tables)["orders__paid__min"].drop_null().to_numpy()
    assert ages.size
    assert ages.min() >= 0
