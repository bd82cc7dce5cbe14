"""The engine: the process that holds data frames and pipelines. It starts by itself with the first ``set_project()``.

::

    import storax

    storax.engine.set_project("flights")
    storax.engine.list_projects()
"""

from typing import Any

from storax._engine import process, protocol, session
from storax._engine.folder import EngineFolder, Running

__all__ = [
    "delete_project",
    "is_alive",
    "is_engine_alive",
    "launch",
    "list_projects",
    "list_running_projects",
    "memory",
    "set_project",
    "shutdown",
    "suspend_project",
]


def launch() -> None:
    """Start the engine, if it does not run. ``set_project()`` does so by itself.

    Raises:
        NotConfigured: no server is named anywhere; `storax up` starts one.
        EngineDown: it cannot be started, or works for another server.
    """
    session.engine(start=True)


def shutdown() -> None:
    """Stop the engine. What was not saved is lost. Harmless when none runs."""
    session.leave()
    process.stop(EngineFolder.default())


def is_alive() -> bool:
    """Return whether the engine runs and answers."""
    running = session.engine(start=False)
    if running is None:
        return False
    try:
        protocol.command(running, "hello", {})
    except ConnectionError:
        return False
    return True


is_engine_alive = is_alive


def set_project(name: str, *, autosave: bool | None = None) -> None:
    """Open a project, or make it, and work in it from now on. One that is open already loses nothing by it.

    Args:
        name: Up to 100 letters, digits, blanks, ``_``, ``-`` and ``.``; it becomes a folder.
        autosave: Whether the engine saves each data frame at every change; None leaves it as it is, at first False.

    Raises:
        InvalidInput: the name cannot be a folder's, or another engine has the project open.
        NotConfigured: no server is named anywhere; `storax up` starts one.
        EngineDown: the engine cannot be started, or works for another server.
    """
    if not isinstance(name, str):
        raise TypeError(f"'name' must be of type str, not {type(name).__name__}.")
    running = _started()
    protocol.command(running, "open_project", {"project": name, "autosave": autosave})
    session.enter(name, running)


def list_projects() -> list[str]:
    """Names of all projects, sorted."""
    return list(_do("list_projects", {})["all"])


def list_running_projects() -> list[str]:
    """Names of the projects that are open in the engine, sorted."""
    return list(_do("list_projects", {})["open"])


def memory() -> dict[str, Any]:
    """Return what the engine holds in memory, in bytes.

    Returns:
        ``process``: all of it; ``data_frames``: by project and name; ``pipelines``: by project, the fits whose models
        are in memory; ``shared``: sorted tables and features that the next fit on the same data uses again. They are
        freed with the data frames that they come from.
    """
    return dict(_do("memory", {}))


def delete_project(name: str) -> bool:
    """Delete a project with its data frames and pipelines, in memory and on disk. False when there was none."""
    deleted = bool(_do("delete_project", {"project": name}))
    _leave_if(name)
    return deleted


def suspend_project(name: str) -> None:
    """Close a project: its memory is freed, what was not saved is lost."""
    _do("close_project", {"project": name})
    _leave_if(name)


def _leave_if(name: str) -> None:
    if session._current and session._current[0][0] == name:
        session.leave()


def _do(command: str, arguments: dict[str, Any]) -> Any:
    return protocol.command(_started(), command, arguments)


def _started() -> Running:
    running = session.engine(start=True)
    assert running is not None  # noqa: S101
    return running
