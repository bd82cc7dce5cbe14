"""What clients ask of fits about rows, of data frames or sent along; see ``project_commands`` for how."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from storax_engine.command_progress import Work
from storax_engine.engine import Engine
from storax_engine.pipelines import sent_rows, subsets

Subset = Mapping[str, Any]
Peripheral = Mapping[str, Mapping[str, Any]]


def predict(engine: Engine, work: Work, *, project: str, pipeline: str, subset: Subset) -> pa.Table:
    """A column for each target."""
    tables = fit_tables(engine, work, project, pipeline, subset)
    with engine.project(project).pipelines.trained(pipeline) as trained:
        return _predictions(trained, trained.predict(tables, cancelled=work.cancelled.is_set))


def transform(
    engine: Engine, work: Work, *, project: str, pipeline: str, subset: Subset, keep: Sequence[str] = ()
) -> pa.Table:
    """A column for each feature, behind the columns of the population that are kept."""
    tables = fit_tables(engine, work, project, pipeline, subset)
    with engine.project(project).pipelines.trained(pipeline) as trained:
        population = tables[trained.plan.population.table]
        sent_rows.with_kept(pa.table({}), population, keep)  # before the work
        features: pa.Table = trained.transform(tables, cancelled=work.cancelled.is_set)
        return sent_rows.with_kept(features, population, keep)


def transformed(engine: Engine, _work: Work, *, project: str, result: str) -> pa.Table:
    """Return the result of ``transform_at_site``."""
    return engine.project(project).pipelines.results.fetch(result)


def predict_rows(
    engine: Engine, work: Work, *, project: str, pipeline: str, table: pa.Table, peripheral: Peripheral | None = None
) -> pa.Table:
    """A column for each target, for rows that are sent along."""
    here = engine.project(project)
    around = subsets.peripheral_tables(here, here.pipelines.find(pipeline).described()["params"], peripheral, work)
    with here.pipelines.trained(pipeline) as trained:
        name = trained.plan.population.table
        tables = {**around, name: sent_rows.converted(table, trained, (), here.database, work)}

        def use(part: Mapping[str, pa.Table]) -> Any:
            return trained.predict(part, cancelled=work.cancelled.is_set)

        return _predictions(trained, np.concatenate(list(sent_rows.in_slices(name, tables, use, work))))


def transform_rows(
    engine: Engine, work: Work, *, project: str, pipeline: str, table: pa.Table, peripheral: Peripheral | None = None,
    keep: Sequence[str] = (),
) -> pa.Table:  # fmt: skip
    """A column for each feature, behind the columns that are kept, for rows that are sent along."""
    here = engine.project(project)
    around = subsets.peripheral_tables(here, here.pipelines.find(pipeline).described()["params"], peripheral, work)
    with here.pipelines.trained(pipeline) as trained:
        name = trained.plan.population.table
        tables = {**around, name: sent_rows.converted(table, trained, keep, here.database, work)}

        def use(part: Mapping[str, pa.Table]) -> Any:
            return trained.transform(part, cancelled=work.cancelled.is_set)

        features = pa.concat_tables(sent_rows.in_slices(name, tables, use, work))
        return sent_rows.with_kept(features, tables[name], keep)


def fit_tables(engine: Engine, work: Work, project: str, pipeline: str, subset: Subset) -> dict[str, pa.Table]:
    """Return the tables of a subset; where it has no peripheral ones, those that the fit was made with."""
    here = engine.project(project)
    spec = here.pipelines.find(pipeline).described()["params"]
    return subsets.arrow(subsets.tables(here, spec, subsets.with_defaults(spec, subset), work))


def _predictions(trained: Any, values: Any) -> pa.Table:
    columns = [pa.array(values[:, place]) for place in range(values.shape[1])]
    return pa.table(columns, names=list(trained.targets)).replace_schema_metadata({"task": trained.plan.task})


TABLES: tuple[Callable[..., pa.Table], ...] = (predict, transform, transformed, predict_rows, transform_rows)
