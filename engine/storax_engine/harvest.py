"""How the result of an order becomes part of the project."""

import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

from storax_engine import order_files
from storax_engine.orders import Order
from storax_engine.pipelines import Pipelines

Row = dict[str, Any]


def tuning_folder(project: Path, name: str) -> Path:
    """Where the tuning of that name is, or would be."""
    return project / "tunings" / quote(name, safe=" _-+=,@()")


def taken_in(project: Path, pipelines: Pipelines, order: Order, result: Row) -> Row:
    """Make the result of a finished job part of the project; for the same job twice, it is so once."""
    ticket = order.ticket
    if ticket["kind"] == "transform":
        return {"result": pipelines.lay_aside(order.folder / result["features"])}
    if ticket["kind"] == "trial":
        return _trial(tuning_folder(project, ticket["tuning"]), order, result)
    if ticket["kind"] == "score":
        return pipelines.scored(ticket["pipeline"], result["scores"], ticket["set_used"], order.job_id)
    learned = order.folder / order_files.TRAINED
    return pipelines.adopt(
        ticket["name"], ticket["spec"], result["targets"], ticket["frames"], ticket["tags"], learned, order.job_id
    )


def _trial(tuning: Path, order: Order, result: Row) -> Row:
    """Into the folder of its tuning, which tells the search of it when it goes on."""
    place = tuning / f"trial-{order.ticket['trial']}"
    told = {**result, "job_id": order.job_id}
    if tuning.is_dir():
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(order.folder / order_files.TRAINED, place)
        order_files.write_json(tuning / f"{place.name}.json", told)
    return told
