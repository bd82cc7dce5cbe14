"""How the result of an order becomes part of the project."""

import shutil
from pathlib import Path
from typing import Any

from storax.errors import StoraxError
from storax_engine.frames.storage import file_name
from storax_engine.pipelines.pipelines import Pipelines
from storax_engine.remote import manifest, steps
from storax_engine.remote.run import Order

Row = dict[str, Any]
_HINT = "Is the same version of Storax installed at the site?"


def tuning_folder(project: Path, name: str) -> Path:
    """Where the tuning of that name is, or would be."""
    return project / "tunings" / file_name(name)


def taken_in(project: Path, pipelines: Pipelines, order: Order, result: Row) -> Row:
    """Make the result of a finished job part of the project; for the same job twice, it is so once.

    Raises:
        StoraxError, ValueError: what the job left is none; it may be anything.
    """
    ticket = order.ticket
    if ticket["kind"] == "transform":
        return {"result": pipelines.lay_aside(_file(order.folder / steps.FEATURES))}
    _check(order, result)
    if ticket["kind"] == "trial":
        return _trial(tuning_folder(project, ticket["tuning"]), order, result)
    if ticket["kind"] == "score":
        return pipelines.scored(ticket["pipeline"], result["scores"], ticket["set_used"], order.job_id)
    learned = manifest.own_folder(order.folder / manifest.TRAINED)
    return pipelines.adopt(
        ticket["name"], ticket["spec"], result["targets"], ticket["frames"], ticket["tags"], learned, order.job_id
    )


def _trial(tuning: Path, order: Order, result: Row) -> Row:
    """Into the folder of its tuning, which tells the search of it when it goes on."""
    place = tuning / f"trial-{order.ticket['trial']}"
    told = {**result, "job_id": order.job_id}
    if tuning.is_dir():
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(manifest.own_folder(order.folder / manifest.TRAINED), place)
        manifest.write_json(tuning / f"{place.name}.json", told)
    return told


def _file(place: Path) -> Path:
    place.lstat()
    if place.is_symlink() or not place.is_file():
        raise ValueError(f"{place} is no file that a job of ours writes")
    return place


def _check(order: Order, result: Row) -> None:
    """Refuse a result that is not what its kind leaves, as that of another version."""
    kind = order.ticket["kind"]
    targets, scores = result.get("targets"), result.get("scores")
    good_targets = isinstance(targets, list) and all(isinstance(one, str) for one in targets)
    good_scores = isinstance(scores, dict) and all(_score(value) for value in scores.values())
    if (kind != "score" and not good_targets) or (kind != "fit" and not good_scores):
        raise StoraxError(f"Job {order.job_id} left a result that cannot be read.", hint=_HINT)


def _score(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
