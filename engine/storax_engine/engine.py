"""The engine: the projects that are open in this process, and those that lie in its folder."""

import os
import shutil
import socket
import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

from storax._engine.folder import EngineFolder
from storax.errors import Conflict, NoProject
from storax_engine import memory
from storax_engine.name_rules import project_name
from storax_engine.pipelines import reuse
from storax_engine.platform.catalogue import Catalogue
from storax_engine.platform.own_jobs import OwnJobs
from storax_engine.projects import bundle
from storax_engine.projects.project import REMOTE_RUNS, Project, frame_sizes
from storax_engine.remote.runs import abandon

_GONE = ".deleted-"


class Engine:
    """Opens and closes projects. Safe for threads."""

    def __init__(self, folder: EngineFolder, catalogue: Catalogue, own: OwnJobs) -> None:
        self.own = own
        self._folder = folder
        self._catalogue = catalogue
        self._label = f"{socket.gethostname()}:{folder.path}"
        self._guard = threading.RLock()
        self._open: dict[str, Project] = {}
        for begun in (_GONE, bundle.LOADING):
            for left in folder.projects.glob(f"{begun}*"):
                shutil.rmtree(left, ignore_errors=True)

    def project(self, name: object) -> Project:
        """An open project.

        Raises:
            NoProject: it is not open.
        """
        project = self._open.get(str(name))
        if project is None:
            raise NoProject(
                f"The project {name!r} is not open in the engine.", hint=f"Call storax.engine.set_project({name!r})."
            )
        return project

    def names(self) -> dict[str, list[str]]:
        """All projects in the folder, and those that are open."""
        folders = (entry.name for entry in self._folder.projects.iterdir() if (entry / "data").is_dir())
        return {"all": sorted(n for n in folders if not n.startswith(".")), "open": sorted(self._open)}

    def memory(self) -> dict[str, Any]:
        """Return the bytes of the process, and of the frames and shared results in it."""
        projects = dict(self._open)
        return {
            "process": memory.resident(),
            "data_frames": {name: frame_sizes(project) for name, project in projects.items()},
            "pipelines": {name: project.pipelines.in_memory() for name, project in projects.items()},
            "shared": reuse.nbytes(),
        }

    def open(self, name: str, *, autosave: bool | None = None) -> Project:
        """Open a project, or make it; one that is open stays as it is.

        Raises:
            InvalidInput: the name cannot be a folder's.
            Conflict: another engine has it open.
        """
        with self._guard:
            project = self._open.get(project_name(name))
            if project is None:
                project = self._open[name] = self._opened(name, autosave=autosave)
            elif autosave is not None:
                project.autosave = self._catalogue.open_project(name, self._label, autosave).autosave
            return project

    def close(self, name: str) -> None:
        """Close a project; what was not saved is lost. Harmless where it is not open."""
        with self._guard:
            project = self._open.pop(name, None)
            if project is not None:
                project.close()

    def delete(self, name: str) -> bool:
        """Delete a project, in memory and on disk; False where there was none."""
        folder = self._folder.projects / project_name(name)
        with self._guard:
            self.close(name)
            lock = self._lock(folder) if folder.is_dir() else None
            try:
                abandon(folder / REMOTE_RUNS, self._catalogue.jobs)
                known = self._catalogue.delete_project(name)
                return _removed(folder) or known
            finally:
                if lock is not None:
                    os.close(lock)

    def bundle(self, name: str, target: Path) -> Path:
        """Write what is saved of an open project into one file."""
        return bundle.write(self.project(name).folder, target, name)

    def unbundle(self, source: Path, name: str | None) -> str:
        """Make a project's folder from such a file; returns its name.

        Raises:
            NoFile: there is no such file.
            Conflict: there is a project of that name.
        """
        with self._guard:
            project = project_name(name or bundle.name_in(source))
            folder = self._folder.projects / project
            if folder.exists():
                raise Conflict(
                    f"There is a project {project!r}.", hint="Give it another name, as load(path, name=...)."
                )
            bundle.read(source, folder)
            return project

    def _opened(self, name: str, *, autosave: bool | None) -> Project:
        folder = self._folder.projects / name
        fresh = not folder.exists()
        (folder / "data").mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = self._lock(folder)
        try:
            record = self._catalogue.open_project(name, self._label, autosave)
            return Project(name, folder, self._catalogue, record, lock)
        except BaseException:
            os.close(lock)
            if fresh:
                shutil.rmtree(folder, ignore_errors=True)
            raise

    def _lock(self, folder: Path) -> int:
        handle = EngineFolder(folder).lock(".lock")
        if handle is None:
            raise Conflict(f"Another engine has the project {folder.name!r} open.", hint="Close it there first.")
        return handle


def _removed(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    aside = folder.with_name(f"{_GONE}{uuid4().hex}")  # gone at once, whatever becomes of this process
    folder.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)
    return True
