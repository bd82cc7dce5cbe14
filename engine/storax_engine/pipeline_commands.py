"""What clients can ask of pipelines; as in ``commands``, a function's parameters are the command's arguments."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from storax_engine import subsets
from storax_engine.engine import Engine
from storax_engine.pipelines import told_as_ours
from storax_engine.work import Work

Answer = Any
Subset = Mapping[str, Any]


def check_pipeline(engine: Engine, work: Work, *, project: str, spec: dict[str, Any], subset: Subset) -> Answer:
    """What looks wrong in the data, as sentences."""
    from storax_engine import learning

    frames = subsets.tables(engine.project(project), spec, subset, work)
    full = {**spec, "roles": subsets.roles(frames, spec.get("roles", {}))}
    with told_as_ours():
        return learning.check(full, subsets.arrow(frames))


def fit_pipeline(
    engine: Engine,
    work: Work,
    *,
    project: str,
    spec: dict[str, Any],
    subset: Subset,
    name: str | None = None,
    tags: Sequence[str] = (),
) -> Answer:
    """Learn, and keep it."""
    here = engine.project(project)
    frames = subsets.tables(here, spec, subset, work)
    full = {**spec, "roles": subsets.roles(frames, spec.get("roles", {}))}
    editions = subsets.editions(here, subset)
    return here.pipelines.fit(name, full, subsets.arrow(frames), editions, list(tags), work)


def score_pipeline(engine: Engine, work: Work, *, project: str, pipeline: str, subset: Subset) -> Answer:
    """Predict what is known, and say how well; kept in the pipeline's history."""
    here = engine.project(project)
    given = _tables(engine, work, project, pipeline, subset)
    with here.pipelines.trained(pipeline) as trained:
        found = trained.score(given)
    return here.pipelines.scored(pipeline, found, str(subset.get("name", "")))


def plot_pipeline(engine: Engine, work: Work, *, project: str, pipeline: str, subset: Subset) -> Answer:
    """Points of the ROC, precision-recall and lift curves."""
    given = _tables(engine, work, project, pipeline, subset)
    with engine.project(project).pipelines.trained(pipeline) as trained:
        return trained.plots(given)


def describe_pipeline(engine: Engine, _work: Work, *, project: str, pipeline: str) -> Answer:
    """What is known of a fit."""
    return engine.project(project).pipelines.find(pipeline).row


def list_pipelines(engine: Engine, _work: Work, *, project: str) -> Answer:
    """What is known of every fit, oldest first."""
    return engine.project(project).pipelines.rows()


def delete_pipeline(engine: Engine, _work: Work, *, project: str, pipeline: str) -> Answer:
    """Delete a fit."""
    engine.project(project).pipelines.delete(pipeline)


def show_pipeline(engine: Engine, _work: Work, *, project: str, pipeline: str, what: str) -> Answer:
    """Its features, or the importance of its columns or tables."""
    shown = {"features": lambda t: t.features(), "columns": lambda t: t.columns(), "tables": lambda t: t.tables()}
    with engine.project(project).pipelines.trained(pipeline) as trained:
        return shown[what](trained)


def sql_pipeline(engine: Engine, _work: Work, *, project: str, pipeline: str, dialect: str) -> Answer:
    """A statement for each feature."""
    with engine.project(project).pipelines.trained(pipeline) as trained:
        return trained.to_sql(dialect)


def predict(engine: Engine, work: Work, *, project: str, pipeline: str, subset: Subset) -> pa.Table:
    """A column for each target."""
    given = _tables(engine, work, project, pipeline, subset)
    with engine.project(project).pipelines.trained(pipeline) as trained:
        found = trained.predict(given)
        return pa.table([pa.array(found[:, i]) for i in range(found.shape[1])], names=list(trained.targets))


def transform(engine: Engine, work: Work, *, project: str, pipeline: str, subset: Subset) -> pa.Table:
    """A column for each feature."""
    given = _tables(engine, work, project, pipeline, subset)
    with engine.project(project).pipelines.trained(pipeline) as trained:
        found: pa.Table = trained.transform(given)
        return found


def _tables(engine: Engine, work: Work, project: str, pipeline: str, subset: Subset) -> dict[str, pa.Table]:
    here = engine.project(project)
    spec = here.pipelines.find(pipeline).row["params"]
    return subsets.arrow(subsets.tables(here, spec, subset, work))


COMMANDS: tuple[Callable[..., Answer], ...] = (
    check_pipeline, fit_pipeline, score_pipeline, plot_pipeline, describe_pipeline, list_pipelines, delete_pipeline,
    show_pipeline, sql_pipeline,
)  # fmt: skip
TABLES: tuple[Callable[..., pa.Table], ...] = (predict, transform)
