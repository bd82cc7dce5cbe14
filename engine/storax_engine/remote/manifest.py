"""What is written down of a remote run: ``manifest.json``, which never changes, and ``state.json``, the engine's own.

The manifest says what the jobs do and what becomes of the result. The engine writes it before the jobs are created;
they read it at the site, whichever engine wrote it.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from storax._file_formats import check_format
from storax.errors import StoraxError
from storax_engine.remote import files, previous_release

VERSION = 2
MANIFEST, STATE = "manifest.json", "state.json"
Files = dict[str, str]  # a table's file by its placeholder


class Message(BaseModel):
    """A part of what is written down."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Fit(Message):
    """Learn a pipeline.

    Attributes:
        spec: its description, with the roles of all columns.
        train: files of the tables to learn from.
        name: under which it is kept.
        tags: its tags.
        frames: edition of the data frames behind the tables, by name.
        buckets: number of jobs that compute the features; None: the job that learns computes them.
    """

    kind: Literal["fit"] = "fit"
    spec: dict[str, Any]
    train: Files
    name: str
    tags: tuple[str, ...]
    frames: dict[str, int]
    buckets: int | None = None


class Trial(Message):
    """Learn and score a trial of a tuning.

    Attributes:
        spec: the pipeline with the trial's parameters.
        tables: folder of the files, which all trials of the tuning share.
        train: files of the tables to learn from.
        test: files of the tables to score on.
        tuning: name of the tuning.
        number: of the trial, 0 is the first.
    """

    kind: Literal["trial"] = "trial"
    spec: dict[str, Any]
    tables: str
    train: Files
    test: Files
    tuning: str
    number: int


class Score(Message):
    """Score a fit, which lies in the folder; ``pipeline`` is its id, ``set_used`` the name of the subset."""

    kind: Literal["score"] = "score"
    test: Files
    pipeline: str
    set_used: str


class Transform(Message):
    """Compute the features of a fit, which lies in the folder; ``buckets`` as in ``Fit``."""

    kind: Literal["transform"] = "transform"
    test: Files
    buckets: int | None = None


class Prepare(Message):
    """Split the tables of a run into its buckets."""

    kind: Literal["prepare"] = "prepare"


class Bucket(Message):
    """Compute the features of one bucket."""

    kind: Literal["bucket"] = "bucket"
    bucket: int


Whole = Fit | Trial | Score | Transform
Step = Prepare | Bucket
Task = Annotated[Whole | Step, Field(discriminator="kind")]


class Manifest(Message):
    """What the job of a folder does. ``token`` names the run; its jobs carry it as a tag."""

    version: int = VERSION
    token: str
    task: Task


class State(Message):
    """How far the engine is with a run.

    Attributes:
        job_id: the job whose end is the run's.
        step_ids: the jobs that must finish before it.
        unwanted: whether somebody cancelled it.
        failed_at: when its job failed; None: it has not, or was started again.
    """

    version: int = VERSION
    job_id: int
    step_ids: tuple[int, ...] = ()
    unwanted: bool = False
    failed_at: datetime | None = None

    @property
    def job_ids(self) -> tuple[int, ...]:
        """All its jobs, the one whose end is the run's first."""
        return (self.job_id, *self.step_ids)

    def changed(self, **changes: Any) -> Self:
        """The state with other values for these fields."""
        return self.model_validate({**self.model_dump(), "version": VERSION, **changes})


M = TypeVar("M", Manifest, State)


def write(folder: Path, message: Manifest | State) -> None:
    """Replace ``manifest.json`` or ``state.json``; it is on the disk when this returns."""
    name = MANIFEST if isinstance(message, Manifest) else STATE
    files.write_json(folder / name, message.model_dump(mode="json"))


def read_manifest(folder: Path) -> Manifest | None:
    """Return the manifest in a folder, of this release or the previous one; None if there is none.

    Raises:
        UnknownFormat: a newer Storax wrote it.
        StoraxError: it is damaged.
    """
    return _read(Manifest, folder, MANIFEST, previous_release.manifest)


def read_state(folder: Path) -> State | None:
    """The state in a folder; None where the job may not have been created.

    Raises:
        UnknownFormat: a newer Storax wrote it.
        StoraxError: it is damaged.
    """
    return _read(State, folder, STATE, previous_release.state)


def _read(kind: type[M], folder: Path, name: str, previous: Callable[[Path], Any]) -> M | None:
    try:
        content = files.read_json(folder / name) or previous(folder)
        if content is None:
            return None
        _check_version(content, folder / name)
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StoraxError(f"The remote run in {folder} is damaged: {where}: {first['msg']}.") from error
    except (ValueError, TypeError, KeyError) as error:
        raise StoraxError(f"The remote run in {folder} is damaged: {error}.") from error


def _check_version(content: Any, file: Path) -> None:
    version = content.get("version", VERSION) if isinstance(content, dict) else VERSION
    hint = "Install the same version of Storax in the engine and at the site."
    check_format(file, version, known=VERSION, hint=hint)
