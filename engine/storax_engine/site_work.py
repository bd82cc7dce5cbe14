"""Fits and scores as orders to a site: what is laid down for the job. ``harvest`` takes in what it leaves."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from storax.errors import InvalidInput
from storax_engine.pipelines import subsets
from storax_engine.pipelines.pipelines import pipeline_name
from storax_engine.project import Project
from storax_engine.remote import manifest, steps
from storax_engine.remote.run import Order
from storax_engine.work import Work

Row = dict[str, Any]
MOST = 500


def place_fit(
    here: Project, name: str | None, spec: Row, subset: Mapping[str, Any], tags: list[str], site: str, job: Row,
    work: Work, buckets: int | None = None,
) -> Order:  # fmt: skip
    """Have a site learn; with ``buckets`` by that many jobs, one that prepares them, and one that puts them together.

    Raises:
        InvalidInput: there is no such site, or the data model and the tables do not fit each other.
    """
    seen = subsets.Seen(here)
    frames = subsets.tables(seen, spec, subset, work)
    full = {**spec, "roles": subsets.roles(frames, spec.get("roles", {}))}
    ticket: Row = {"kind": "fit", "name": pipeline_name(name), "spec": full, "tags": tags,
              "frames": subsets.editions(seen, subset), **_buckets(buckets)}  # fmt: skip

    def lay_down(folder: Path) -> Row:
        files = manifest.write_tables(folder, subsets.arrow(frames), "train")
        work.go_on()
        return {"kind": "fit", "spec": full, "train": files, **_laid(folder, buckets)}

    told = {"project": here.name, "pipeline": ticket["name"], "work": "fit"}
    return here.orders.place(ticket, lay_down, site=site, tags=told, job=job)


def place_score(
    here: Project, pipeline: str, tables: Mapping[str, pa.Table], set_used: str, site: str, job: Row, work: Work
) -> Order:
    """Have a site say how well a fit predicts.

    Raises:
        InvalidInput: there is no such site.
        NoPipeline: there is no such fit.
    """
    fit = here.pipelines.find(pipeline)
    ticket: Row = {"kind": "score", "pipeline": str(fit.row["id"]), "set_used": set_used}

    def lay_down(folder: Path) -> Row:
        shutil.copytree(fit.folder, folder / manifest.TRAINED)
        files = manifest.write_tables(folder, tables, "test")
        work.go_on()
        return {"kind": "score", "test": files}

    told = {"project": here.name, "pipeline": fit.row["name"], "work": "score"}
    return here.orders.place(ticket, lay_down, site=site, tags=told, job=job)


def place_transform(
    here: Project, pipeline: str, tables: Mapping[str, pa.Table], site: str, job: Row, buckets: int | None, work: Work
) -> Order:
    """Have a site compute features.

    Raises:
        InvalidInput: there is no such site.
        NoPipeline: there is no such fit.
    """
    fit = here.pipelines.find(pipeline)

    def lay_down(folder: Path) -> Row:
        shutil.copytree(fit.folder, folder / manifest.TRAINED)
        files = manifest.write_tables(folder, tables, "test")
        work.go_on()
        return {"kind": "transform", "test": files, **_laid(folder, buckets)}

    told = {"project": here.name, "pipeline": fit.row["name"], "work": "transform"}
    return here.orders.place({"kind": "transform", **_buckets(buckets)}, lay_down, site=site, tags=told, job=job)


def _buckets(n: int | None) -> Row:
    if n is not None and not 1 <= n <= MOST:
        raise InvalidInput(f"buckets is {n}: a number from 1 to {MOST}.")
    return {} if n is None else {"buckets": n}


def _laid(folder: Path, n: int | None) -> Row:
    if n is not None:
        steps.lay_down(folder, n)
    return _buckets(n)
