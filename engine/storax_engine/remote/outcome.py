"""What a job leaves in the folder of its run: ``progress.json`` while it works, ``result.json`` or ``error.json`` at
its end. A job may run another release, or leave anything, so that all of it is checked when it is read.
"""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from storax.errors import StoraxError, from_answer
from storax_engine.remote.files import read_untrusted, write_json

RESULT, ERROR, PROGRESS = "result.json", "error.json", "progress.json"
TRAINED, FEATURES = "trained", "features.parquet"
VERSION = 1


class Left(BaseModel):
    """A part of what a job leaves."""

    model_config = ConfigDict(frozen=True, strict=True)


class Result(Left):
    """How a job finished.

    Attributes:
        targets: names of the target columns; None: it learned nothing.
        scores: by name; None as a value where a score is not a number.
        warnings: what looked wrong in the joins.
    """

    version: int = VERSION
    targets: list[str] | None = None
    scores: dict[str, float | int | None] | None = None
    warnings: list[str] = []

    @property
    def return_value(self) -> dict[str, Any]:
        """The value that the job returns to its user."""
        return {**(self.scores or {}), **({"warnings": self.warnings} if self.warnings else {})}


class Failure(Left):
    """Why a job failed, as an error of the client's tree."""

    version: int = VERSION
    code: str = ""
    detail: str = ""
    hint: str = ""
    job_id: int | None = None

    def error(self) -> StoraxError:
        """The error to raise."""
        return from_answer(400, self.model_dump(exclude={"version"}))


class Progress(Left):
    """How far a job is: the part done, 0 to 1, and what it does."""

    version: int = VERSION
    part: float
    text: str


L = TypeVar("L", Result, Failure, Progress)
_FILES: dict[type[BaseModel], str] = {Result: RESULT, Failure: ERROR, Progress: PROGRESS}


def write(folder: Path, left: Left) -> None:
    """Replace the file of a result, a failure or progress."""
    write_json(folder / _FILES[type(left)], left.model_dump(), durable=not isinstance(left, Progress))


def read(folder: Path, kind: type[L]) -> L | None:
    """Read the record of an outcome from a run's folder; return None if the job left none.

    Raises:
        ValueError: it left something else.
    """
    content = read_untrusted(folder / _FILES[kind])
    if content is None:
        return None
    try:
        left = kind.model_validate(content)
    except ValidationError as error:
        raise ValueError(f"{_FILES[kind]}: {error.errors()[0]['msg']}") from error
    if left.version > VERSION:
        raise ValueError(f"{_FILES[kind]} has format {left.version}, and this Storax reads formats up to {VERSION}")
    return left
