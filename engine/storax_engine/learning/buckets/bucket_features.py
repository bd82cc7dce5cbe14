"""The features of one bucket: ``feature_matrix.Features``, computed over the rows of the bucket."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from storax_engine.learning.buckets.placeholder_tables import own_tables
from storax_engine.learning.buckets.splitting import ROW, home, table
from storax_engine.learning.features.feature import Feature
from storax_engine.learning.plan import Plan
from storax_engine.learning.preparation import Preparation
from storax_engine.learning.tables.cache import Cache
from storax_engine.learning.tables.feature_matrix import Features
from storax_engine.learning.tables.frame import CATEGORICAL
from storax_engine.learning.tables.workspace import Workspace

GROUP = 64
FEATURES, CATEGORIES, LEVELS = "features", "categories.parquet", "levels.json"
Tick = Callable[[], None]


def read(plan: Plan, folder: Path, i: int, preparation: Preparation, tick: Tick) -> Workspace:
    """The tables of a bucket, ready to be computed with."""
    nodes = list(plan.population.walk())
    tables = {node.name: pq.read_table(home(folder, i) / table(k)) for k, node in enumerate(nodes)}
    return Workspace(own_tables(plan), tables, preparation.apply, Cache(), tick)


def write(
    workspace: Workspace,
    preparation: Preparation,
    features: Sequence[Feature],
    vocabularies: Mapping[str, list[str]] | None,
    bucket: Path,
    row_group: int,
    tick: Tick,
) -> None:
    """Write the features of a bucket beside its tables, in one step. Done again, it changes nothing.

    Without ``vocabularies`` the targets' means and the categories are not known yet: the categories are written too.
    """
    aside = bucket / f"{FEATURES}.{uuid4().hex}"
    aside.mkdir()
    population = workspace.population()
    if vocabularies is None:
        _categories(population, aside / CATEGORIES)
    else:
        preparation.apply_population(population)
    evaluator = Features(workspace, population)
    for start in range(0, len(features), GROUP):
        tick()
        _group(evaluator.compute(features[start : start + GROUP], vocabularies or {}), start, aside, row_group)
    if vocabularies is None:
        evaluator.note_levels()
    (aside / LEVELS).write_text(json.dumps(workspace.levels))
    try:
        aside.rename(bucket / FEATURES)
    except OSError:
        if not (bucket / FEATURES).is_dir():
            raise
        shutil.rmtree(aside)  # another attempt was faster, with the same numbers


def _group(values: Any, start: int, folder: Path, row_group: int) -> None:
    names = [str(start + i) for i in range(len(values))]
    # NaN stays NaN, so that every bit is as it was computed. Values of neighbouring rows have little in common.
    columns = pa.table([pa.array(v) for v in values], names=names)
    pq.write_table(
        columns, folder / group(start), row_group_size=row_group, compression="zstd", use_dictionary=False,
        write_statistics=False,
    )  # fmt: skip


def _categories(population: Any, path: Path) -> None:
    columns = {c.name: population.strings(c.name) for c in population.of_kind(CATEGORICAL)}
    rows = pq.read_table(path.parent.parent / table(0), columns=[ROW]).column(0)
    pq.write_table(pa.table({ROW: rows, **columns}), path, compression="zstd")


def group(start: int) -> str:
    """The file of the features from the ``start``-th on."""
    return f"group-{start // GROUP}.parquet"
