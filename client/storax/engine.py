"""The engine: the process that holds data frames and pipelines. It starts by itself with the first ``set_project()``.

If no server is set, the local stack of this machine is started as well, as `storax up` does; it goes on running.

::

    import storax

    storax.engine.set_project("flights")
    storax.engine.list_projects()
"""

import warnings
from typing import Any

from storax._engine import process, protocol, session
from storax._engine.folder import EngineFolder, Running
from storax.errors import StoraxWarning
from storax.local.default_stack import ensure_server

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
_HOME = "STORAX_HOME names the folder of all files, those of the projects among them."
_INSTEAD = {
    "home_directory": _HOME,
    "project_directory": _HOME,
    "http_port": "the engine has no port; `storax up --port` chooses that of the server.",
    "proxy_url": "`storax open` opens the web page.",
    "install": "pip installs the engine, with the extra storax[engine].",
}


def launch(
    *,
    quiet: bool = False,
    allow_push_notifications: bool = False,  # noqa: ARG001  as allow_remote_ips and others: known to scripts
    allow_remote_ips: bool = False,  # noqa: ARG001
    in_memory: bool = True,  # noqa: ARG001
    launch_browser: bool = False,  # noqa: ARG001
    log: bool = False,  # noqa: ARG001
    token: str | None = None,  # noqa: ARG001
    home_directory: str | None = None,
    project_directory: str | None = None,
    http_port: int | None = None,
    proxy_url: str | None = None,
    install: bool = False,
) -> None:
    """Start the engine, if it does not run. ``set_project()`` does so by itself.

    Args:
        quiet: Do not say that a local stack was started. Default False.
        allow_push_notifications, allow_remote_ips, in_memory, launch_browser, log, token: known to scripts, and without
            effect: the engine listens on a socket that its user alone can open, and needs no browser.
        home_directory, project_directory, http_port, proxy_url, install: known to scripts; a StoraxWarning says what
            stands in the place of one that is given.

    Raises:
        NotConfigured: no server is set, and the local stack cannot be started.
        EngineDown: the engine cannot be started, or works for another server.
    """
    others = {"home_directory": home_directory, "project_directory": project_directory, "http_port": http_port,
              "proxy_url": proxy_url, "install": install}  # fmt: skip
    for name, value in others.items():
        if value:
            warnings.warn(f"launch() does not heed {name}={value!r}: {_INSTEAD[name]}", StoraxWarning, stacklevel=2)
    _started(quiet=quiet)


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
        NotConfigured: no server is set, and the local stack cannot be started.
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


def _started(*, quiet: bool = False) -> Running:
    ensure_server(quiet=quiet)
    running = session.engine(start=True)
    assert running is not None  # noqa: S101
    return running
