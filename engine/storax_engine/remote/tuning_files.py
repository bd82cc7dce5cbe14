"""The folder of a tuning: ``search.json``, ``trials.json``, and of each finished trial a folder and ``trial-N.json``.

Whoever goes on with a tuning reads them, in another release perhaps. The release before they had versions wrote the
trials as a list, and the same fields otherwise.
"""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from storax._file_formats import without_format
from storax_engine.frames.storage import file_name
from storax_engine.remote.files import read_json, write_json

VERSION = 1
Row = dict[str, Any]
_SETTINGS, _TRIALS = "search.json", "trials.json"


class TrialOutcome(BaseModel):
    """How a trial finished: names of the target columns, scores by name, id of its job."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    targets: list[str]
    scores: dict[str, float | int | None]
    job_id: int


def tuning_folder(project: Path, name: str) -> Path:
    """Return the folder of the tuning of that name, whether or not it exists."""
    return project / "tunings" / file_name(name)


def trial_folder(tuning: Path, number: int) -> Path:
    """Return the folder of what a trial learned, whether or not it exists."""
    return tuning / f"trial-{number}"


def write_settings(tuning: Path, settings: Row) -> None:
    """Keep what must be the same when the tuning goes on."""
    write_json(tuning / _SETTINGS, {"version": VERSION, **settings})


def read_settings(tuning: Path) -> Row | None:
    """Return what ``write_settings`` kept; None where the tuning has not begun.

    Raises:
        UnknownFormat: a newer Storax wrote it.
    """
    return _read(tuning / _SETTINGS)


def write_trials(tuning: Path, trials: list[Row]) -> None:
    """Replace the list of the trials that were proposed."""
    write_json(tuning / _TRIALS, {"version": VERSION, "trials": trials})


def read_trials(tuning: Path) -> list[Row]:
    """Return the trials in the order of their numbers.

    Raises:
        UnknownFormat: a newer Storax wrote them.
    """
    trials: list[Row] = (_read(tuning / _TRIALS) or {"trials": []})["trials"]
    return trials


def write_outcome(tuning: Path, number: int, outcome: TrialOutcome) -> None:
    """Keep the outcome of a trial, whose folder is complete."""
    write_json(_outcome(tuning, number), {"version": VERSION, **outcome.model_dump()})


def read_outcome(tuning: Path, number: int) -> TrialOutcome | None:
    """Return the outcome of a trial; None where it has not finished.

    Raises:
        UnknownFormat: a newer Storax wrote it.
    """
    fields = _read(_outcome(tuning, number))
    return None if fields is None else TrialOutcome.model_validate(fields)


def _outcome(tuning: Path, number: int) -> Path:
    return trial_folder(tuning, number).with_suffix(".json")


def _read(file: Path) -> Row | None:
    content = read_json(file)
    if isinstance(content, list):
        content = {"trials": content}
    return None if content is None else without_format(file, content, known=VERSION)
