"""Fits, scores and transforms as remote runs: what is written into the folder of the run, and its jobs' tags."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from storax.errors import InvalidInput
from storax_engine.command_progress import Work
from storax_engine.pipelines import subsets
from storax_engine.pipelines.pipelines import pipeline_name
from storax_engine.projects.project import Project
from storax_engine.remote import files
from storax_engine.remote.manifest import Fit, Score, Transform
from storax_engine.remote.outcome import TRAINED
from storax_engine.remote.run import RemoteRun

JobFields = Mapping[str, Any]
MAX_BUCKETS = 500


def submit_fit(
    here: Project, name: str | None, spec: Mapping[str, Any], subset: Mapping[str, Any], tags: Sequence[str],
    site: str, job: JobFields, work: Work, buckets: int | None = None,
) -> RemoteRun:  # fmt: skip
    """Have a site learn; with ``buckets`` by that many jobs, one that prepares them, and one that combines them.

    Raises:
        InvalidInput: there is no such site, or the data model and the tables do not fit each other.
    """
    check_buckets(buckets)
    snapshot = subsets.Snapshot(here)
    frames = subsets.tables(snapshot, spec, subset, work)
    full = subsets.with_peripheral(subsets.completed(spec, frames), subset)
    kept_as, editions = pipeline_name(name), subsets.editions(snapshot, subset)

    def write_files(folder: Path) -> Fit:
        train = files.write_tables(folder, subsets.arrow(frames), "train")
        work.raise_if_cancelled()
        return Fit(spec=full, train=train, name=kept_as, tags=tuple(tags), frames=editions, buckets=buckets)

    job_tags = {"project": here.name, "pipeline": kept_as, "work": "fit"}
    return here.remote.start(write_files, site=site, tags=job_tags, job=job)


def submit_score(
    here: Project, pipeline: str, tables: Mapping[str, pa.Table], set_used: str, site: str, job: JobFields, work: Work
) -> RemoteRun:
    """Have a site say how well a fit predicts.

    Raises:
        InvalidInput: there is no such site.
        NoPipeline: there is no such fit.
    """
    fit = here.pipelines.find(pipeline)

    def write_files(folder: Path) -> Score:
        test = _write_fit_and_tables(folder, fit.folder, tables, work)
        return Score(test=test, pipeline=str(fit.id), set_used=set_used)

    job_tags = {"project": here.name, "pipeline": fit.record.name, "work": "score"}
    return here.remote.start(write_files, site=site, tags=job_tags, job=job)


def submit_transform(
    here: Project, pipeline: str, tables: Mapping[str, pa.Table], site: str, job: JobFields, buckets: int | None,
    work: Work,
) -> RemoteRun:  # fmt: skip
    """Have a site compute features; ``buckets`` as for ``submit_fit``.

    Raises:
        InvalidInput: there is no such site.
        NoPipeline: there is no such fit.
    """
    check_buckets(buckets)
    fit = here.pipelines.find(pipeline)

    def write_files(folder: Path) -> Transform:
        return Transform(test=_write_fit_and_tables(folder, fit.folder, tables, work), buckets=buckets)

    job_tags = {"project": here.name, "pipeline": fit.record.name, "work": "transform"}
    return here.remote.start(write_files, site=site, tags=job_tags, job=job)


def check_buckets(n: int | None) -> None:
    """Refuse a number of buckets that is none.

    Raises:
        InvalidInput: it is below 1 or above ``MAX_BUCKETS``.
    """
    if n is not None and not 1 <= n <= MAX_BUCKETS:
        raise InvalidInput(f"buckets is {n}: a number from 1 to {MAX_BUCKETS}.")


def _write_fit_and_tables(folder: Path, fit: Path, tables: Mapping[str, pa.Table], work: Work) -> dict[str, str]:
    shutil.copytree(fit, folder / TRAINED)
    names = files.write_tables(folder, tables, "test")
    work.raise_if_cancelled()
    return names
