"""No row sees its own future: a value planted after the moment changes no feature of that moment, in any kind of join."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from learning.worlds import DAY, HOUR, SHOP_ROLES, fit, join, shop, spec
from storax_engine.learning import BadPlan

EVERY = {
    "aggregation": ["AVG", "COUNT", "MAX", "MODE", "LAST", "TREND", "EWMA_1D", "EWMA_TREND_1D", "SKEW", "Q99"],
    "n_most_frequent": 2,
}


def planted(tables, horizon, seed):
    """The same orders, and absurd ones at every customer's moment less the horizon, and later; none may be seen."""
    rng = np.random.default_rng(seed)
    print("seed", seed)
    customers, orders = tables["population"], tables["orders"]
    moments = customers["at"].cast(pa.int64()).to_numpy()
    later = (moments - horizon + rng.choice([1, 60, 7200, 10**6], len(moments))).astype("int64")
    future = pa.table(
        {
            "id": customers["id"],
            "ts": pa.array(later).cast(pa.timestamp("s")),
            "price": np.full(len(moments), 1e9),
            "pieces": np.full(len(moments), 10**9),
            "kind": pc.if_else(pc.equal(customers["id"], -1), "", "tea"),
            "paid": pa.array(later).cast(pa.timestamp("s")),
        }
    )
    keep = [i for i in range(len(moments)) if customers["id"].to_pylist().count(customers["id"][i].as_py()) == 1]
    # A customer who is there twice would rightly see at the later moment what was planted after the earlier one.
    mixed = pa.concat_tables([orders, future.cast(orders.schema).take(keep)])
    return {**tables, "orders": mixed.take(rng.permutation(mixed.num_rows))}, keep


@pytest.mark.parametrize("horizon", [0.0, 6 * HOUR])
@pytest.mark.parametrize("memory", [None, 9 * DAY])
@pytest.mark.parametrize("seed", range(3))
def test_a_planted_future_value_is_never_used(horizon, memory, seed):
    tables = shop(seed)
    with_future, rows = planted(tables, horizon, seed)
    orders = join("orders", "id", ("at", "ts"), horizon=horizon, memory=memory)
    trained = fit(spec([orders], SHOP_ROLES, predictor=None, learner=EVERY), tables)
    before, after = trained.transform(tables).take(rows), trained.transform(with_future).take(rows)
    for name in before.column_names:
        same = np.isclose(before[name].to_numpy(), after[name].to_numpy(), equal_nan=True)
        assert same.all(), name


def test_the_planted_values_are_seen_where_time_stamps_are_left_out():
    tables = shop(0)
    with_future, rows = planted(tables, 0.0, 0)
    trained = fit(spec([join("orders", "id")], SHOP_ROLES, predictor=None, learner=EVERY), tables)
    assert np.nanmax(trained.transform(with_future).take(rows)["orders__price__max"].to_numpy()) == 1e9


def series(n=600):
    rng = np.random.default_rng(4)
    return pa.table({"ts": np.arange(n) * HOUR, "x": rng.normal(size=n), "y": rng.normal(size=n)})


SERIES_ROLES = {"numerical": ["x"], "time_stamp": ["ts"], "target": ["y"]}


def past(**fields):
    right = {"name": "past", "table": "past"}
    return {"right": right, "on": [], "time_stamps": ["ts", "ts"], "lagged_targets": True, **fields}


def test_lagged_targets_are_those_before_the_horizon():
    tables = {"population": series(), "past": series()}
    roles = {"population": SERIES_ROLES, "past": SERIES_ROLES}
    description = spec([past(horizon=2 * HOUR, memory=HOUR)], roles, predictor=None, learner={"aggregation": ["AVG"]})
    averages = fit(description, tables).transform(tables)["past__y__avg"].to_numpy()
    assert np.isnan(averages[:2]).all()
    np.testing.assert_allclose(averages[2:], series()["y"].to_numpy()[:-2])


def test_lagged_targets_without_a_horizon_are_refused():
    with pytest.raises(BadPlan, match="horizon above 0"):
        fit(spec([past()], {}), {})


def test_targets_of_a_right_table_are_no_columns_unless_asked_for():
    tables = {"population": series(), "past": series()}
    roles = {"population": SERIES_ROLES, "past": SERIES_ROLES}
    trained = fit(spec([past(lagged_targets=False)], roles, predictor=None), tables)
    assert not [f.name for f in trained.state.features if f.column == "y"]


def test_target_means_do_not_know_a_training_rows_own_target():
    rng = np.random.default_rng(9)
    n = 2000
    table = pa.table({"c": [f"v{i}" for i in range(n)], "y": rng.normal(size=n)})
    roles = {"population": {"categorical": ["c"], "target": ["y"]}}
    description = spec([], roles, predictor="LinearRegression", preprocessors=[{"kind": "Mapping", "min_freq": 0}])
    features = fit(description, {"population": table}).features()
    assert abs(features[0]["correlation"]) < 0.1, "each category has one row: its mean is the row's own target"
