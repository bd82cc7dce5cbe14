"""Row 19: import, features and predictors of the engine, beside getML: CPU seconds of the client and of the engine.

Each round loads the tables anew, fits, transforms the test rows and predicts one row; the first round of all, in which
libraries are imported and kernels compiled, is not counted. Without ``--peers`` the other figures are published ones.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import platformdirs
import pyarrow.parquet as pq

from benchmarks import engine_import_rows
from benchmarks.engine_peers import Peers
from benchmarks.engine_process import Engine, engine
from benchmarks.engine_tasks import TASKS, XGB, Task, subset
from benchmarks.measure import Table, median, progress
from storax import predictors
from storax.data import DataFrame, StarSchema
from storax.feature_learning import FastProp
from storax.pipeline import Pipeline
from storax_engine import learning

ROUNDS = 3
TRANSFORM, FIT, ONE_ROW_MS = 0.2, 0.5, 25.0


def run(table: Table, *, peers: bool) -> None:
    """Measure every task. The data are created at the first run and stay in the cache folder of the user."""
    folder = Path(platformdirs.user_cache_dir("storax")) / "benchmarks" / "engine"
    others = Peers(table, folder) if peers else None
    with engine() as running:
        one_round(running, TASKS[0], folder)
        engine_import_rows.run(table, running, folder, others)
        for task in TASKS:
            progress(task.name)
            rounds = [one_round(running, task, folder) for _ in range(ROUNDS)]
            seen = {name: median([r[name] for r in rounds]) for name in rounds[0]}
            theirs = others.learn(task) if others else None
            known = theirs or vars(task.published)
            _rows(table, task, seen, known, "getML's in this run" if theirs else "getML's published")
            if theirs and others:
                _parity(table, task, kernel_features(task, folder), np.load(others.matrix))
            if others:
                others.deep(task, seen["transform"] / seen["rows"])


def one_round(running: Engine, task: Task, folder: Path) -> dict[str, Any]:
    """Return the CPU seconds of each step, the milliseconds of one row, the test rows and the score on them."""
    files = task.files(folder)
    seen: dict[str, Any] = {}
    star = _timed(running, seen, "load_fit", lambda: load(task, files))
    kind = "Classifier" if task.metric == "auc" else "Regressor"
    pipe = Pipeline(
        data_model=star.data_model, feature_learners=[FastProp(num_features=400)],
        predictors=[getattr(predictors, f"XGBoost{kind}")(**XGB)],
    )  # fmt: skip
    _timed(running, seen, "load_fit", lambda: pipe.fit(star.train))
    flat = _timed(running, seen, "transform", lambda: pipe.transform(star.test))
    seen["one_row_ms"] = median([_wall_ms(lambda: pipe.predict(star.one)) for _ in range(9)])
    seen["quality"] = pipe.score(star.test)[task.metric]
    seen["rows"] = flat.num_rows
    pipe.delete()
    for frame in (*star.frames.values(), *star.peripheral.values()):
        frame.delete()
    return seen


def load(task: Task, files: Mapping[str, Path]) -> StarSchema:
    """Load the population from pandas and the tables around it from their files."""
    roles = task.spec["roles"]
    whole = pd.read_parquet(files["population"])
    parts = {name: whole[whole.split == name].drop(columns="split") for name in ("train", "test")}
    parts["one"] = parts["test"].head(1)
    star = StarSchema(
        **{n: DataFrame.from_pandas(part, f"population_{n}", roles["population"]) for n, part in parts.items()}
    )
    for join in task.spec["data_model"]["joins"]:
        name = join["right"]["name"]
        star.join(
            DataFrame.from_parquet(files[name], name, roles[name]), on=join["on"][0][0],
            time_stamps=tuple(join["time_stamps"]), memory=join.get("memory"), horizon=join.get("horizon"),
        )  # fmt: skip
    return star


def kernel_features(task: Task, folder: Path) -> Any:
    """Return the features of the test rows, computed in this process: the engine rounds times to microseconds, and
    the synthetic events all happen within one second."""
    tables = {name: pq.read_table(path) for name, path in task.files(folder).items()}
    train, test = (subset(tables["population"], name) for name in ("train", "test"))
    trained = learning.fit({**task.spec, "predictors": []}, {**tables, "population": train})
    return trained.transform({**tables, "population": test}).to_pandas().to_numpy()


def _timed(running: Engine, seen: dict[str, Any], step: str, work: Callable[[], Any]) -> Any:
    begun = running.cpu_s()
    result = work()
    seen[step] = seen.get(step, 0.0) + running.cpu_s() - begun
    return result


def _wall_ms(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1e3


def _rows(table: Table, task: Task, seen: Mapping[str, Any], known: Mapping[str, Any], whose: str) -> None:
    for what, step, bar in (("load + fit", "load_fit", FIT), ("transform", "transform", TRANSFORM)):
        ours, theirs = seen[step], known[step]
        figure = f"{ours:.2f} CPU s = {ours / theirs:.2f} x {whose} {theirs:.2f}"
        table.add("19", f"{task.name}: {what}", figure, f"<= {bar} x", reached=ours <= bar * theirs)
    better = (
        seen["quality"] >= known["quality"] - 0.005
        if task.metric == "auc"
        else seen["quality"] <= known["quality"] * 1.02
    )
    figure = f"{task.metric} {seen['quality']:.3f}; {whose} {known['quality']:.3f}"
    table.add("19", f"{task.name}: accuracy", figure, "the same", reached=better)
    figure = f"{seen['one_row_ms']:.1f} ms wall; {whose} {known['one_row_ms']:.0f}"
    table.add(
        "19", f"{task.name}: predict one row", figure, f"<= {ONE_ROW_MS:g} ms", reached=seen["one_row_ms"] <= ONE_ROW_MS
    )


def _parity(table: Table, task: Task, ours: Any, theirs: Any) -> None:
    """Count how many of getML's columns equal one of ours to 1e-4, and the reverse. Names differ, so values decide."""
    ours, theirs = np.nan_to_num(ours), np.nan_to_num(theirs)
    here, there = _matches(theirs, ours), _matches(ours, theirs)
    figure = f"{sum(here)} of getML's {len(here)} columns are among ours"
    figure += f", {sum(there)} of our {len(there)} among getML's"
    table.add("19", f"{task.name}: the same features, to 1e-4", figure, "-")


def _matches(wanted: Any, among: Any) -> list[bool]:
    return [bool(_nearest(among, wanted[:, i]) < 1e-4) for i in range(wanted.shape[1])]


def _nearest(ours: Any, column: Any) -> float:
    scale = np.abs(column).mean() + 1e-9
    return float((np.abs(ours - column[:, None]).mean(axis=0) / scale).min())
