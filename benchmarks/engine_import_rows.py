"""Row 19's import: a CSV file and a pandas DataFrame become data frames of the engine, CPU seconds of both ends."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from benchmarks.engine_peers import Peers, parquet_of
from benchmarks.engine_process import Engine
from benchmarks.measure import Table, median, progress
from storax.data import DataFrame

IMPORT = 0.2
ROLES = {
    "numerical": ["c1", "c2", "flag"], "categorical": ["cat"], "join_key": ["join_key"], "time_stamp": ["ts"],
}  # fmt: skip


@dataclass(frozen=True)
class Size:
    """The number of rows and of rounds, and getML 1.5.1's CPU seconds of each step as measured for this project."""

    rows: int
    rounds: int
    published: dict[str, float]


SIZES = (
    Size(1_000_000, 3, {"from_csv": 1.57, "from_pandas": 1.42, "add": 0.10, "save": 0.12, "reload": 0.25}),
    Size(10_000_000, 2, {"from_csv": 21.98, "from_pandas": 19.12, "add": 1.42, "save": 1.41, "reload": 3.34}),
)
NAMES = {"from_csv": "from_csv", "from_pandas": "from_pandas", "add": "add a column", "save": "save", "reload": "load"}


def rows_of(count: int) -> pa.Table:
    """Return a table of keys, times, numbers and ten categories."""
    rng = np.random.default_rng(7)
    categories = pa.array([f"cat_{i}" for i in range(10)])
    return pa.table(
        {
            "id": np.arange(count),
            "join_key": rng.integers(0, max(count // 10, 1), count),
            "ts": pa.array(rng.integers(1_577_836_800, 1_704_067_200, count)).cast(pa.timestamp("s")),
            "c1": rng.normal(size=count).round(6),
            "c2": rng.random(count).round(6),
            "cat": categories.take(pa.array(rng.integers(0, 10, count))),
            "flag": rng.integers(0, 2, count),
        }
    )


def csv_file(count: int, folder: Path) -> Path:
    """Return the rows as a CSV file of 61 bytes a row, written at the first call."""
    path = folder / f"import_{count}.csv"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        progress(f"writing {path}")
        pyarrow.csv.write_csv(rows_of(count), path.with_suffix(".part"))
        path.with_suffix(".part").rename(path)
    return path


def run(table: Table, engine: Engine, folder: Path, others: Peers | None) -> None:
    """Measure every size. The files stay in the cache folder of the user."""
    for size in SIZES:
        progress(f"import of {size.rows:,} rows")
        path = csv_file(size.rows, folder)
        rounds = [one_round(engine, path, size.rows) for _ in range(size.rounds)]
        theirs = others.import_(path, _parquet(size.rows, path), ROLES) if others else None
        whose = "getML's in this run" if theirs else "getML's published"
        for step, known in (theirs or size.published).items():
            ours = median([seen[step] for seen in rounds])
            barred = step.startswith("from_")
            figure = f"{ours:.2f} CPU s = {ours / known:.2f} x {whose} {known:.2f}"
            what = f"import of {size.rows // 10**6} M rows: {NAMES[step]}"
            bar = f"<= {IMPORT} x" if barred else "-"
            table.add("19", what, figure, bar, reached=ours <= IMPORT * known if barred else None)


def _parquet(count: int, csv: Path) -> Path:
    path = csv.with_suffix(".parquet")
    return path if path.exists() else parquet_of(rows_of(count).drop(["id"]), path)


def one_round(engine: Engine, path: Path, count: int) -> dict[str, float]:
    """Return the CPU seconds of each step, and delete the frames at the end."""
    seen = {"from_csv": engine.used(lambda: DataFrame.from_csv(path, "from_csv", ROLES, ignore=True))}
    frame = DataFrame("from_csv").refresh()
    assert frame.nrows() == count
    seen["add"] = engine.used(lambda: frame.add(frame["c1"] * 2.0 + frame["c2"], "y", role="numerical"))
    seen["save"] = engine.used(frame.save)
    seen["reload"] = engine.used(lambda: DataFrame("from_csv").load())
    frame.delete()
    table = rows_of(count).drop(["id"]).to_pandas()
    seen["from_pandas"] = engine.used(lambda: DataFrame.from_pandas(table, "from_pandas", ROLES, ignore=True))
    DataFrame("from_pandas").refresh().delete()
    return seen
