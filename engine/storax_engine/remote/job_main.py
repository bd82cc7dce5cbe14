"""The program of a remote run's job. It works in the folder of the run, and keeps what an earlier attempt finished."""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from storax.errors import StoraxError
from storax_engine import learning
from storax_engine.learning import buckets
from storax_engine.remote import manifest, outcome, steps
from storax_engine.remote.files import TABLES, read_tables
from storax_engine.remote.manifest import Bucket, Fit, Manifest, Prepare, Score, Transform, Trial
from storax_engine.remote.outcome import ERROR, FEATURES, TRAINED, Progress, Result

Report = Callable[[float, str], None]
BUCKETS = "buckets"
_PROGRESS_EVERY_SEC = 0.2


def run(folder: Path, whole: Manifest) -> Result:
    """Do what the manifest of a folder says, and leave the result there."""
    result = _RUNS[type(whole.task)](folder, whole.task, _reporter(folder))
    outcome.write(folder, result)
    return result


# ---- what a task does ------------------------------------------------------------------------------------------------


def _fit(folder: Path, task: Fit, report: Report) -> Result:
    trained = _trained(folder) or _keep(folder, _learn(folder, task, report))
    return Result(targets=list(trained.targets), warnings=trained.warnings)


def _learn(folder: Path, task: Fit, report: Report) -> Any:
    if task.buckets is None:
        return learning.fit(task.spec, read_tables(folder, task.train), progress=report)
    _complete(folder, task, task.buckets, report)
    share = steps.SHARE
    return buckets.fit(folder / BUCKETS, progress=lambda part, text: report(share + (1 - share) * part, text))


def _trial(folder: Path, task: Trial, report: Report) -> Result:
    tables, trained = Path(task.tables), _trained(folder)
    if trained is None:
        trained = _keep(folder, learning.fit(task.spec, read_tables(tables, task.train), progress=report))
    scores = _scores(trained, read_tables(tables, task.test))
    return Result(targets=list(trained.targets), scores=scores, warnings=trained.warnings)


def _score(folder: Path, task: Score, _report: Report) -> Result:
    trained = learning.load(folder / TRAINED)
    return Result(targets=list(trained.targets), scores=_scores(trained, read_tables(folder, task.test)))


def _transform(folder: Path, task: Transform, report: Report) -> Result:
    if task.buckets is None:
        blocks = iter([learning.load(folder / TRAINED).transform(read_tables(folder, task.test))])
    else:
        _complete(folder, task, task.buckets, report)
        blocks = buckets.blocks(folder / BUCKETS)
    scratch = folder / f".{FEATURES}"
    _write_parquet(scratch, blocks)
    scratch.replace(folder / FEATURES)
    return Result()


def _step(folder: Path, task: Prepare | Bucket, report: Report) -> Result:
    main = steps.run_folder(folder)
    whole = manifest.read_manifest(main)
    if whole is None or not isinstance(whole.task, Fit | Transform) or whole.task.buckets is None:
        raise StoraxError(f"The remote run in {main} has no buckets.", hint="It was cancelled, or its result is kept.")
    if isinstance(task, Bucket):
        _compute(main, task.bucket)
    else:
        _prepare(main, whole.task, whole.task.buckets, report)
    (folder / ERROR).unlink(missing_ok=True)
    return Result()


_RUNS: Mapping[type[Any], Callable[[Path, Any, Report], Result]] = {
    Fit: _fit, Trial: _trial, Score: _score, Transform: _transform, Prepare: _step, Bucket: _step,
}  # fmt: skip


# ---- buckets ---------------------------------------------------------------------------------------------------------


def _complete(folder: Path, task: Fit | Transform, n: int, report: Report) -> None:
    """Do what the steps of a run have left undone."""
    _prepare(folder, task, n, report)
    for i in range(n):
        _compute(folder, i)


def _prepare(folder: Path, task: Fit | Transform, n: int, report: Report) -> None:
    place = folder / BUCKETS
    if buckets.is_prepared(place):
        return
    names = task.train if isinstance(task, Fit) else task.test
    tables = {name: folder / TABLES / file for name, file in names.items()}
    if isinstance(task, Fit):
        buckets.prepare_fit(task.spec, tables, place, buckets=n, progress=report)
    else:
        buckets.prepare_transform(learning.load(folder / TRAINED), tables, place, buckets=n, progress=report)


def _compute(folder: Path, bucket: int) -> None:
    if not buckets.is_computed(folder / BUCKETS, bucket):
        buckets.compute(folder / BUCKETS, bucket)


# ---- files -----------------------------------------------------------------------------------------------------------


def _trained(folder: Path) -> Any:
    """What an earlier attempt learned; None where none did."""
    place = folder / TRAINED
    return learning.load(place) if place.is_dir() else None


def _keep(folder: Path, trained: Any) -> Any:
    """Write what was learned aside and put it in place in one step; what another attempt put there stays."""
    place, scratch = folder / TRAINED, folder / f".{TRAINED}-{uuid4().hex}"
    trained.save(scratch)
    try:
        scratch.rename(place)
    except OSError:
        if not place.is_dir():
            raise
        shutil.rmtree(scratch)
    return trained


def _scores(trained: Any, tables: Mapping[str, pa.Table]) -> dict[str, float | int | None]:
    scores = trained.score(tables)
    return {name: value if value == value else None for name, value in scores.items()}  # noqa: PLR0124  (NaN)


def _write_parquet(path: Path, blocks: Iterator[pa.Table]) -> None:
    first = next(blocks)
    with pq.ParquetWriter(path, first.schema, compression="zstd") as file:
        file.write_table(first)
        for block in blocks:
            file.write_table(block)


def _reporter(folder: Path) -> Report:
    """A function that leaves progress in the folder, each new text at once and parts now and then."""
    last = (0.0, "")

    def report(part: float, text: str) -> None:
        nonlocal last
        if time.monotonic() - last[0] >= _PROGRESS_EVERY_SEC or text != last[1]:
            last = time.monotonic(), text
            outcome.write(folder, Progress(part=part, text=text))

    return report
