"""The project that is set: its name, its data frames and pipelines, and what can be done with it as a whole."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from storax import engine as _engine
from storax._engine import session as _session

if TYPE_CHECKING:
    from storax.data.frames import DataFrames
    from storax.pipeline.pipelines import Pipelines

    name: str
    data_frames: DataFrames
    pipelines: Pipelines

__all__ = ["data_frames", "delete", "load", "name", "pipelines", "restart", "save", "suspend", "switch"]


def __getattr__(attribute: str) -> Any:
    # They differ from call to call, so they are no plain names of this module.
    if attribute == "name":
        return _session.project()
    if attribute == "data_frames":
        from storax.data.frames import DataFrames

        return DataFrames()
    if attribute == "pipelines":
        from storax.pipeline.pipelines import Pipelines

        return Pipelines()
    raise AttributeError(f"module 'storax.project' has no attribute {attribute!r}")


def __dir__() -> list[str]:
    return __all__


def switch(name: str) -> None:
    """Work in another project from now on; the one that was set stays open in the engine, with all it holds."""
    _engine.set_project(name)


def restart() -> None:
    """Close the project and open it again: what was not saved is lost, saved data frames are on disk."""
    here = _session.project()
    _session.call("close_project")
    _engine.set_project(here)


def suspend() -> None:
    """Close the project: its memory is freed, what was not saved is lost."""
    _engine.suspend_project(_session.project())


def delete() -> None:
    """Delete the project with its data frames and pipelines, in memory and on disk."""
    _engine.delete_project(_session.project())


def save(path: str | Path | None = None, *, replace: bool = False) -> Path:
    """Write all that is saved of the project into one file, to be loaded elsewhere.

    Args:
        path: Of the file, by default ``NAME.storax`` in the working directory.
        replace: Whether to write over a file that is there.

    Raises:
        FileExistsError: there is such a file and ``replace`` is False.
    """
    target = Path(path if path is not None else f"{_session.project()}.storax").absolute()
    if target.exists() and not replace:
        raise FileExistsError(f"{target} exists. Pass replace=True to write over it.")
    return Path(_session.call("bundle_project", {"path": str(target)}))


def load(path: str | Path, name: str | None = None) -> None:
    """Make a project from a file that ``save()`` wrote, and work in it from now on.

    Args:
        path: Of the file.
        name: Of the new project, by default the name it was saved under.

    Raises:
        NoFile: there is no such file.
        Conflict: there is a project of that name.
    """
    loaded = _engine._do("unbundle_project", {"path": str(Path(path).absolute()), "name": name})
    _engine.set_project(loaded)
