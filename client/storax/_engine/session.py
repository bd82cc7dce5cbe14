"""Which project the scripts of this process work in, and the one way to have its engine do something."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from typing import Any

from storax._engine import process, protocol
from storax._engine.folder import EngineFolder, Running
from storax._runtime.progress import parts
from storax.errors import EngineDown, NoProject

_current: list[tuple[str, Running]] = []


def engine(*, start: bool) -> Running | None:
    """The engine of this user; with ``start`` it is started where none runs.

    Raises:
        NotConfigured: no server is named anywhere.
        EngineDown: it cannot be started, or works for another server.
    """
    if not start:
        return EngineFolder.default().read()
    from storax.client import current_client

    client = current_client()
    return process.ensure(EngineFolder.default(), url=client.url, token=client._token)[0]


def enter(project: str, running: Running) -> None:
    """Make it this process's project."""
    _current[:] = [(project, running)]


def leave() -> None:
    """Have no project any more."""
    _current.clear()


def project() -> str:
    """Name of the project that is set.

    Raises:
        NoProject: none is.
    """
    return _here()[0]


def call(name: str, arguments: dict[str, Any] | None = None, *, table: Iterable[bytes] | None = None) -> Any:
    """Have the engine do something in the project that is set; see ``protocol.command``."""
    place, running = _here()
    return protocol.command(running, name, {"project": place, **(arguments or {})}, table=table)


def call_with_progress(label: str, name: str, arguments: dict[str, Any]) -> Any:
    """Do the same as ``call``, with a progress bar if bars are shown."""
    place, running = _here()
    with parts(label) as progress:
        return protocol.command(running, name, {"project": place, **arguments}, progress=progress)


@contextmanager
def table(name: str, arguments: dict[str, Any], *, sent: Iterable[bytes] | None = None) -> Iterator[HTTPResponse]:
    """Open an Arrow stream out of the project that is set; ``sent`` is one that goes along."""
    place, running = _here()
    with protocol.stream(running, name, {"project": place, **arguments}, table=sent) as answer:
        yield answer


def _here() -> tuple[str, Running]:
    if not _current:
        raise NoProject("No project is set.", hint=f"Call storax.engine.set_project(NAME) first. {_known()}")
    place, running = _current[0]
    if not running.process.alive():
        raise EngineDown(
            f"The engine (pid {running.process.pid}) has ended; what was not saved is lost.",
            hint=f"storax.engine.set_project({place!r}) starts it again; saved data frames and pipelines are there.",
        )
    return place, running


def _known() -> str:
    """The projects that are there, for the message of an error."""
    projects = EngineFolder.default().projects
    names = sorted(entry.name for entry in projects.iterdir() if entry.is_dir()) if projects.is_dir() else []
    return (
        f"There are: {', '.join(names[:10])}{', ...' if len(names) > 10 else ''}." if names else "There are none yet."
    )
