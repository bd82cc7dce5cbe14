"""What clients can ask of pipelines; as in ``commands``, a function's parameters are the command's arguments."""

from collections.abc import Callable, Mapping, Sequence
from math import isnan
from typing import Any

from storax.errors import NoPipeline
from storax_engine import submit
from storax_engine.command_progress import Work, cancelled_job
from storax_engine.engine import Engine
from storax_engine.pipelines import subsets
from storax_engine.pipelines.errors import learning_errors
from storax_engine.pipelines.pipelines import pipeline_name
from storax_engine.rpc.prediction_commands import fit_tables

Answer = Any
Subset = Mapping[str, Any]


def check_pipeline(engine: Engine, work: Work, *, project: str, spec: dict[str, Any], subset: Subset) -> Answer:
    """Return warnings about the data, one sentence each."""
    from storax_engine import learning

    frames = subsets.tables(engine.project(project), spec, subset, work)
    full = subsets.completed(spec, frames)
    with learning_errors():
        return learning.check(full, subsets.arrow(frames), progress=work.progress, cancelled=work.cancelled.is_set)


def fit_pipeline(
    engine: Engine,
    work: Work,
    *,
    project: str,
    spec: dict[str, Any],
    subset: Subset,
    name: str | None = None,
    tags: Sequence[str] = (),
    site: str | None = None,
    job: Mapping[str, Any] | None = None,
    buckets: int | None = None,
) -> Answer:
    """Learn, here or at a site, and keep it."""
    here = engine.project(project)
    if site is not None:
        run = submit.submit_fit(here, name, spec, subset, list(tags), site, dict(job or {}), work, buckets)
        return here.remote.wait(run, work, cancel=True)
    named = pipeline_name(name)
    with engine.own.job({"project": project, "pipeline": named, "work": "fit"}, work) as own:
        seen = subsets.Snapshot(here)
        frames = subsets.tables(seen, spec, subset, work)
        full = subsets.with_peripheral(subsets.completed(spec, frames), subset)
        editions = subsets.editions(seen, subset)
        facts = {"name": named, "params": full, "frames": editions, "tags": list(tags), "job_id": own.id}
        origins = subsets.origins(seen, spec, subset)
        fit, warnings = here.pipelines.fit(facts, subsets.arrow(frames), work, origins)
        own.value = {
            "pipeline_id": fit.id,
            "edition": fit.record.edition,
            **({"warnings": warnings} if warnings else {}),
        }
    return fit.described()


def submit_pipeline(
    engine: Engine,
    work: Work,
    *,
    project: str,
    spec: dict[str, Any],
    subset: Subset,
    site: str,
    name: str | None = None,
    tags: Sequence[str] = (),
    job: Mapping[str, Any] | None = None,
    buckets: int | None = None,
) -> Answer:
    """Have a site learn, and do not wait for it."""
    here = engine.project(project)
    named = pipeline_name(name)
    run = submit.submit_fit(here, named, spec, subset, tags, site, dict(job or {}), work, buckets)
    return {"job_id": run.job_id, "name": named}


def await_pipeline(engine: Engine, work: Work, *, project: str, job_id: int) -> Answer:
    """Wait for the fit of a site's job and return it. A caller that hangs up leaves the job alone."""
    here = engine.project(project)
    run = here.remote.of_job(job_id)
    fit = here.pipelines.of_job(job_id)
    if run is not None and fit is None:
        return here.remote.wait(run, work, cancel=False)
    if fit is None:
        if here.remote.was_cancelled(job_id):
            raise cancelled_job(job_id)
        raise NoPipeline(
            f"Job {job_id} has left no pipeline in the project {project!r}.",
            hint=f"What it learned was deleted, or it is of another project: storax job explain {job_id}",
        )
    return fit.described()


def progress_of_job(engine: Engine, _work: Work, *, project: str, job_id: int) -> Answer:
    """Return the progress of a site's job, 0 to 1, and its present step."""
    here = engine.project(project)
    run = here.remote.of_job(job_id)
    return run.progress() if run is not None else (float(here.pipelines.of_job(job_id) is not None), "")


def score_pipeline(
    engine: Engine,
    work: Work,
    *,
    project: str,
    pipeline: str,
    subset: Subset,
    site: str | None = None,
    job: Mapping[str, Any] | None = None,
) -> Answer:
    """Predict what is known, here or at a site, and say how well; kept in the pipeline's history."""
    here = engine.project(project)
    used = str(subset.get("name", ""))
    if site is not None:
        tables = fit_tables(engine, work, project, pipeline, subset)
        run = submit.submit_score(here, pipeline, tables, used, site, dict(job or {}), work)
        return here.remote.wait(run, work, cancel=True)
    named = here.pipelines.find(pipeline).record.name
    with engine.own.job({"project": project, "pipeline": named, "work": "score"}, work) as own:
        tables = fit_tables(engine, work, project, pipeline, subset)
        with here.pipelines.trained(pipeline) as trained:
            own.value = trained.score(tables, cancelled=work.cancelled.is_set)
        work.raise_if_cancelled()
        fit = here.pipelines.scored(pipeline, own.value, used, own.id)
        own.value = {key: value for key, value in own.value.items() if not isnan(value)}
    return fit.described()


def transform_at_site(
    engine: Engine,
    work: Work,
    *,
    project: str,
    pipeline: str,
    subset: Subset,
    site: str,
    job: Mapping[str, Any] | None = None,
    buckets: int | None = None,
) -> Answer:
    """Have a site compute the features; ``transformed`` fetches them then."""
    here = engine.project(project)
    tables = fit_tables(engine, work, project, pipeline, subset)
    run = submit.submit_transform(here, pipeline, tables, site, dict(job or {}), buckets, work)
    return here.remote.wait(run, work, cancel=True)


def plot_pipeline(engine: Engine, work: Work, *, project: str, pipeline: str, subset: Subset) -> Answer:
    """Points of the ROC, precision-recall and lift curves."""
    tables = fit_tables(engine, work, project, pipeline, subset)
    with engine.project(project).pipelines.trained(pipeline) as trained:
        return trained.plots(tables, cancelled=work.cancelled.is_set)


def describe_pipeline(engine: Engine, _work: Work, *, project: str, pipeline: str) -> Answer:
    """Return the description of a fit."""
    return engine.project(project).pipelines.find(pipeline).described()


def list_pipelines(engine: Engine, _work: Work, *, project: str) -> Answer:
    """Return the descriptions of all fits, oldest first."""
    return engine.project(project).pipelines.described()


def delete_pipeline(engine: Engine, _work: Work, *, project: str, pipeline: str) -> Answer:
    """Delete a fit."""
    engine.project(project).pipelines.delete(pipeline)


def show_pipeline(engine: Engine, _work: Work, *, project: str, pipeline: str, what: str) -> Answer:
    """Its features, the importance of its columns or tables, or what looked wrong while it learned."""
    shown = {
        "features": lambda t: t.features(), "columns": lambda t: t.columns(), "tables": lambda t: t.tables(),
        "warnings": lambda t: t.warnings,
    }  # fmt: skip
    with engine.project(project).pipelines.trained(pipeline) as trained:
        return shown[what](trained)


def sql_pipeline(engine: Engine, _work: Work, *, project: str, pipeline: str, dialect: str) -> Answer:
    """A statement for each feature."""
    return engine.project(project).pipelines.sql(pipeline, dialect)


COMMANDS: tuple[Callable[..., Answer], ...] = (
    *(check_pipeline, fit_pipeline, submit_pipeline, await_pipeline, progress_of_job, score_pipeline, plot_pipeline),
    transform_at_site,
    *(describe_pipeline, list_pipelines, delete_pipeline, show_pipeline, sql_pipeline),
)
