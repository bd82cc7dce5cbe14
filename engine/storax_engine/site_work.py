"""Fits and scores as orders to a site: what is laid down for the job. ``harvest`` takes in what it leaves."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from storax_engine import order_files, subsets
from storax_engine.orders import Order
from storax_engine.pipelines import pipeline_name
from storax_engine.project import Project
from storax_engine.work import Work

Row = dict[str, Any]


def place_fit(
    here: Project, name: str | None, spec: Row, subset: Mapping[str, Any], tags: list[str], site: str, job: Row,
    work: Work,
) -> Order:  # fmt: skip
    """Have a site learn.

    Raises:
        InvalidInput: there is no such site, or the data model and the tables do not fit each other.
    """
    frames = subsets.tables(here, spec, subset, work)
    full = {**spec, "roles": subsets.roles(frames, spec.get("roles", {}))}
    ticket: Row = {"kind": "fit", "name": pipeline_name(name), "spec": full, "tags": tags,
              "frames": subsets.editions(here, subset)}  # fmt: skip

    def lay_down(folder: Path) -> Row:
        files = order_files.write_tables(folder, subsets.arrow(frames), "train")
        work.go_on()
        return {"kind": "fit", "spec": full, "train": files}

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
        shutil.copytree(fit.folder, folder / order_files.TRAINED)
        files = order_files.write_tables(folder, tables, "test")
        work.go_on()
        return {"kind": "score", "test": files}

    told = {"project": here.name, "pipeline": fit.row["name"], "work": "score"}
    return here.orders.place(ticket, lay_down, site=site, tags=told, job=job)
