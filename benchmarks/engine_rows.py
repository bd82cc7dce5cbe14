"""Row 19: features and predictors of the engine, CPU seconds of this process, against getML's published figures.

Each round reads the tables anew, sorts them, fits, transforms the test rows and predicts one row; libraries are
imported and kernels compiled before the first. ``python -m benchmarks engine`` runs it; no stack is started for it.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs
import pyarrow.parquet as pq

from benchmarks.engine_tasks import TASKS, Task, subset
from benchmarks.measure import Table, median
from storax_engine import learning

ROUNDS = 3
TRANSFORM, FIT = 0.2, 0.5


def run(table: Table) -> None:
    """All tasks; the data are made at the first run and kept in the user's cache folder."""
    folder = Path(platformdirs.user_cache_dir("storax")) / "benchmarks" / "engine"
    one_round(TASKS[0], folder)
    for task in TASKS:
        rounds = [one_round(task, folder) for _ in range(ROUNDS)]
        _rows(table, task, {name: median([r[name] for r in rounds]) for name in rounds[0]})


def one_round(task: Task, folder: Path) -> dict[str, float]:
    """CPU seconds of each step, and the score on the test rows."""
    files = task.files(folder)
    begun = time.process_time()
    tables = {name: pq.read_table(path) for name, path in files.items()}
    train, test = (subset(tables["population"], name) for name in ("train", "test"))
    trained = learning.fit(task.spec, {**tables, "population": train})
    load_fit = time.process_time() - begun
    asked = {**tables, "population": test}
    transform = cpu(lambda: trained.transform(asked))
    single = {**tables, "population": test.slice(0, 1)}
    one = median([_wall_ms(lambda: trained.predict(single)) for _ in range(5)])
    return {"load_fit": load_fit, "transform": transform, "one": one, "quality": trained.score(asked)[task.metric]}


def cpu(work: Callable[[], Any]) -> float:
    """CPU seconds that one call takes, all threads."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def _wall_ms(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1e3


def _rows(table: Table, task: Task, seen: dict[str, float]) -> None:
    known = task.published
    steps = (
        ("load + fit", seen["load_fit"], known.load_fit, FIT),
        ("transform", seen["transform"], known.transform, TRANSFORM),
    )
    for what, ours, theirs, bar in steps:
        figure = f"{ours:.2f} CPU s; {ours / theirs:.2f} x getML's published {theirs:g}"
        table.add("19", f"{task.name}: {what}", figure, f"<= {bar} x", reached=ours <= bar * theirs)
    better = (
        seen["quality"] >= known.quality - 0.005 if task.metric == "auc" else seen["quality"] <= known.quality * 1.02
    )
    figure = f"{task.metric} {seen['quality']:.3f}; published {known.quality:g}"
    table.add("19", f"{task.name}: accuracy", figure, "the same", reached=better)
    figure = f"{seen['one']:.1f} ms wall; published {known.one_row_ms:g}"
    table.add("19", f"{task.name}: predict one row", figure, "-")
