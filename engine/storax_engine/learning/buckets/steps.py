"""The steps of feature learning in buckets: prepare, compute each bucket alone, combine.

``prepare_fit`` or ``prepare_transform`` writes a folder. ``compute`` computes one bucket of it: in any order, on any
machine that reads the folder, again after a failure. ``fit`` or ``blocks`` combines the buckets.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from storax_engine.learning import plan, targets
from storax_engine.learning.boosting import learners
from storax_engine.learning.boosting.condition_boost import ConditionBoost
from storax_engine.learning.boosting.learners import Learner
from storax_engine.learning.buckets import (
    bucket_features,
    bucketed_source,
    empty_frames,
    fit_before_split,
    learned_conditions,
    sources,
)  # fmt: skip
from storax_engine.learning.buckets.combined_matrix import BLOCK_ROWS, Matrix
from storax_engine.learning.buckets.sources import Source, TableOrPath
from storax_engine.learning.buckets.splitting import Split, home
from storax_engine.learning.errors import BadData, BadPlan, never, stop_if
from storax_engine.learning.features import feature as features_
from storax_engine.learning.features.fastprop import FastProp
from storax_engine.learning.features.feature import Feature
from storax_engine.learning.plan import Plan
from storax_engine.learning.predictors import registry as predictors
from storax_engine.learning.preparation import Preparation
from storax_engine.learning.trained import Trained
from storax_engine.learning.training import Fit, read_targets

FILE, TARGETS, MOST = "work.json", "targets.parquet", 500
REPLICATE_MB = 1024.0
Progress = Callable[[float, str], None]
IsCancelled = Callable[[], bool]


def _quiet(_share: float, _text: str) -> None:
    return


def prepare_fit(
    spec: Mapping[str, Any],
    tables: Mapping[str, TableOrPath],
    folder: Path | str,
    *,
    buckets: int,
    replicate_mb: float = REPLICATE_MB,
    progress: Progress = _quiet,
    cancelled: IsCancelled = never,
) -> None:
    """Learn what must be known of all rows, choose what to compute, and split the tables into buckets.

    ``tables`` are Parquet files or Arrow tables by name of placeholder. A table that cannot be split may have
    ``replicate_mb`` MiB in each bucket. Raises ``BadPlan``, ``BadData`` or ``Cancelled``.
    """
    read, tick = plan.read(spec), partial(stop_if, cancelled)
    by = learners.of(read)
    untrained = [predictors.make(p) for p in (*read.selectors, *read.predictors)]
    inputs, preparation = sources.of(read, tables), Preparation(read)
    y = read_targets(read, _targets(read, inputs[read.population.name]), needed=bool(untrained))
    progress(0.0, "learning of all rows")
    fit_before_split.learn(read, inputs, preparation, tick)
    empty = empty_frames.Skeleton(read, {name: s.schema for name, s in inputs.items()}, preparation)
    counted = {}
    if any(isinstance(learner, FastProp) and learner.n_most_frequent for learner in by):
        for node in empty.joined():
            counted[node.name] = fit_before_split.counts(read, inputs, preparation, node, buckets, replicate_mb, tick)
    own, learn = empty.own(categorical=False), partial(learned_conditions.learn, read, inputs, preparation, y, tick)
    proposed = [_proposed(learner, empty, counted, learn) for learner in by]
    features = list(dict.fromkeys([*own, *(f for group in proposed for f in group)]))
    place = {f: i for i, f in enumerate(features)}
    home_ = _emptied(folder)
    progress(0.3, "splitting the tables")
    Split(read, inputs, home_, _checked(buckets), replicate_mb, tick).run()
    pq.write_table(pa.table([pa.array(c) for c in y.T], names=[str(t) for t in range(y.shape[1])]), home_ / TARGETS)
    known = {
        "rows": len(y),
        "proposed": [[place[f] for f in group] for group in proposed],
        "vocabularies": None,
    }
    _write(home_, read, preparation, features, buckets, {n: s.schema for n, s in inputs.items()}, known)
    progress(1.0, "prepared")


def prepare_transform(
    trained: Trained,
    tables: Mapping[str, TableOrPath],
    folder: Path | str,
    *,
    buckets: int,
    replicate_mb: float = REPLICATE_MB,
    progress: Progress = _quiet,
    cancelled: IsCancelled = never,
) -> None:
    """Split the tables of a transform into buckets; the arguments are those of ``prepare_fit``."""
    read, tick = trained.plan, partial(stop_if, cancelled)
    inputs = sources.of(read, tables)
    schemas = {name: s.schema for name, s in inputs.items()}
    _ = empty_frames.Skeleton(read, schemas, trained.preparation).kinds  # raises for a missing column
    Split(read, inputs, _emptied(folder), _checked(buckets), replicate_mb, tick).run()
    known = {
        "rows": inputs[read.population.name].rows,
        "proposed": [],
        "vocabularies": trained.state.vocabularies,
    }
    _write(Path(folder), read, trained.preparation, trained.state.features, buckets, schemas, known)
    progress(1.0, "prepared")


def compute(folder: Path | str, bucket: int, *, cancelled: IsCancelled = never) -> None:
    """Compute the features of one bucket. Memory is that bucket's tables, and 64 features of its rows."""
    work, tick = _read(folder), partial(stop_if, cancelled)
    if not 0 <= bucket < work.buckets:
        raise BadData(f"there is no bucket {bucket}: {work.folder} has {work.buckets}, from 0 on")
    workspace = bucket_features.read(work.plan, work.folder, bucket, work.preparation, tick)
    pieces = max(1024, BLOCK_ROWS // work.buckets)
    place = home(work.folder, bucket)
    bucket_features.write(workspace, work.preparation, work.features, work.vocabularies, place, pieces, tick)


def is_prepared(folder: Path | str) -> bool:
    """Return whether the buckets are prepared, so that they can be computed."""
    return (Path(folder) / FILE).is_file()


def is_computed(folder: Path | str, bucket: int) -> bool:
    """Return whether all features of a bucket have been written."""
    return (home(Path(folder), bucket) / bucket_features.FEATURES).is_dir()


def fit(folder: Path | str, *, progress: Progress = _quiet, cancelled: IsCancelled = never) -> Trained:
    """Choose among the features of all buckets and train the predictors: what ``learning.fit`` gives, bit for bit.

    Memory is that of the features that are kept, for all rows: 8 bytes each, and 4 more while predictors learn.
    """
    work = _read(folder)
    if work.vocabularies is not None:
        raise BadData(f"{work.folder} was prepared for a transform, not for a fit")
    empty = empty_frames.Skeleton(work.plan, work.schemas, work.preparation)
    matrix = Matrix(work.folder, work.buckets, work.rows, len(work.features))
    y = pq.read_table(work.folder / TARGETS)
    wide = np.column_stack([c.to_numpy() for c in y.columns]) if y.num_columns else np.empty((work.rows, 0))
    source = bucketed_source.FromBuckets(work.plan, work.preparation, empty, work.features, work.proposed, matrix, wide)
    return Fit(work.plan, source, progress, cancelled).run()


def blocks(folder: Path | str) -> Iterator[pa.Table]:
    """Yield the result of ``Trained.transform`` in blocks of rows, in the population's order; at least one block."""
    work = _read(folder)
    names = [f.name for f in work.features]
    for block in Matrix(work.folder, work.buckets, work.rows, len(names)).blocks():
        yield block.rename_columns(names)


def _proposed(
    learner: Learner,
    empty: empty_frames.Skeleton,
    counted: Mapping[str, fit_before_split.Counts],
    learn: Callable[[ConditionBoost], list[Feature]],
) -> list[Feature]:
    if isinstance(learner, FastProp):
        return empty.propose(learner, fit_before_split.frequent(counted))
    return learn(learner)


@dataclass(frozen=True)
class _Work:
    folder: Path
    plan: Plan
    preparation: Preparation
    features: list[Feature]
    schemas: dict[str, pa.Schema]
    buckets: int
    rows: int
    proposed: list[list[int]]
    vocabularies: dict[str, list[str]] | None


def _write(
    folder: Path,
    read: Plan,
    preparation: Preparation,
    features: list[Feature],
    buckets: int,
    schemas: Mapping[str, pa.Schema],
    known: Mapping[str, Any],
) -> None:
    text = {
        "version": features_.version(features),
        "spec": read.spec,
        "preparation": preparation.states,
        "features": [f.to_json() for f in features],
        "schemas": {name: schema.serialize().to_pybytes().hex() for name, schema in schemas.items()},
        "buckets": buckets,
        **known,
    }
    aside = folder / f"{FILE}.new"
    aside.write_text(json.dumps(text))
    aside.replace(folder / FILE)


def _read(folder: Path | str) -> _Work:
    home_ = Path(folder)
    try:
        text = json.loads((home_ / FILE).read_text())
    except (OSError, ValueError) as error:
        raise BadData(f"{home_} holds no prepared buckets: {error}") from error
    if (version := text.get("version")) not in features_.VERSIONS:
        raise BadData(f"{home_} was written by another version of the engine ({version}, not {features_.VERSIONS[-1]})")
    parsed = plan.read(text["spec"])
    return _Work(
        folder=home_,
        plan=parsed,
        preparation=Preparation(parsed, text["preparation"]),
        features=[features_.from_json(f) for f in text["features"]],
        schemas={n: pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(s))) for n, s in text["schemas"].items()},
        buckets=text["buckets"],
        rows=text["rows"],
        proposed=text["proposed"],
        vocabularies=text["vocabularies"],
    )


def _targets(read: Plan, source: Source) -> pa.Table:
    """The population's targets alone, checked as in a fit in memory."""
    names = [name for name in read.targets if name in source.schema.names]
    table = source.table(names) if names else pa.table({"(row)": pa.nulls(source.rows)})
    return targets.population(read, {read.population.table: table}, to_fit=True)


def _emptied(folder: Path | str) -> Path:
    """The folder, made, and no longer prepared for anything."""
    home_ = Path(folder)
    home_.mkdir(parents=True, exist_ok=True)
    (home_ / FILE).unlink(missing_ok=True)
    return home_


def _checked(buckets: int) -> int:
    if not 1 <= buckets <= MOST:
        raise BadPlan(f"buckets is {buckets}: a number from 1 to {MOST}")
    return buckets
