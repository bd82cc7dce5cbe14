"""One open project: its frames, in memory and on disk, and the one place where they change."""

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from storax._runtime.suggestions import nearest
from storax.errors import NoDataFrame, NoProject
from storax.models.data_frame_record import DataFrameRecord
from storax.models.project_record import ProjectRecord
from storax_engine.frames.columns import Database
from storax_engine.frames.frame import Frame
from storax_engine.frames.storage import FrameFolder, Saved
from storax_engine.name_rules import free_name
from storax_engine.pipelines.pipelines import Pipelines
from storax_engine.platform.catalogue import Catalogue, delete
from storax_engine.projects.entry import Entry, facts_in_memory, facts_on_disk
from storax_engine.remote.collect import collect
from storax_engine.remote.runs import RemoteRuns

REMOTE_RUNS = "orders"  # a folder whose path stands in jobs, by the name that those of earlier releases have
Change = Callable[[Frame], Frame]
Action = Mapping[str, Any]
Description = dict[str, Any]


class Project:
    """The frames of one project. Safe for threads: changes come one after the other, readers take what is there."""

    def __init__(self, name: str, folder: Path, catalogue: Catalogue, record: ProjectRecord, lock: int) -> None:
        self.name, self.folder, self.id = name, folder, int(record.id or 0)
        self.autosave = bool(record.autosave)
        self.database = Database()
        self.files = FrameFolder(folder / "data")
        self._catalogue = catalogue
        self._lock = lock
        self._guard = threading.RLock()
        self._entries: dict[str, Entry] = {}
        self._closed = False
        self.files.clear_remains()
        self._reconcile()
        self.pipelines = Pipelines(folder / "pipelines", catalogue, self.id)
        self.remote = RemoteRuns(folder / REMOTE_RUNS, catalogue.jobs, partial(collect, folder, self.pipelines))

    def close(self) -> None:
        """Forget what is in memory and let others open it; what sites do for it goes on."""
        self.remote.close()
        self.pipelines.close()
        with self._guard:
            self._closed = True
            self._entries.clear()
            os.close(self._lock)

    # ---- reading ---------------------------------------------------------------------------------------------------

    def frame(self, name: str) -> Frame:
        """A frame that is in memory.

        Raises:
            NoDataFrame: it is on disk alone, or nowhere.
        """
        return self._in_memory(name)[1]

    def names(self) -> list[str]:
        """Every frame, in memory or on disk, sorted."""
        return sorted(self._entries)

    def described(self, name: str) -> Description:
        """Return a frame's description, without rows.

        Raises:
            NoDataFrame: there is none of that name.
        """
        return self._entry(name).described()

    # ---- changing --------------------------------------------------------------------------------------------------

    def put(self, name: str, frame: Frame, action: Action) -> Description:
        """Make a frame, or put another content in the place of one."""
        free_name(name, "data frame")
        with self._guard:
            self._need_open()
            entry = self._entries.get(name)
            if entry is None:
                entry = self._create(name, frame, action)
            else:
                entry.publish(frame, action)
            return self._settled(entry)

    def change(self, name: str, change: Change, action: Action) -> Description:
        """Put what ``change`` makes of a frame in its place."""
        with self._guard:
            entry, frame = self._in_memory(name)
            entry.publish(change(frame), action)
            return self._settled(entry)

    def save(self, name: str) -> Description:
        """Write a frame to the disk; one that is there as it is costs nothing."""
        with self._guard:
            entry, frame = self._in_memory(name)
            if entry.saved is None or entry.saved.edition != frame.edition:
                entry.save(self.files, frame)
            return entry.described()

    def load(self, name: str) -> Description:
        """Bring a frame into memory as it was saved; what was changed since is lost.

        Raises:
            NoDataFrame: it is not on disk.
        """
        with self._guard:
            entry = self._entry(name)
            if entry.saved is None:
                raise NoDataFrame(f"The data frame {name!r} was never saved.", hint="save() writes it to the disk.")
            entry.load(self.files, entry.saved)
            return entry.described()

    def unload(self, name: str) -> None:
        """Free a frame's memory; what was not saved is lost, and a frame that was never saved is deleted."""
        with self._guard:
            entry, _ = self._in_memory(name)
            if entry.saved is None:
                self._delete(entry, {"action": "unloaded", "lost": True})
                return
            entry.change(facts_on_disk(entry.saved), {"action": "unloaded"})
            entry.frame = None

    def delete(self, name: str) -> None:
        """Delete a frame, in memory and on disk."""
        with self._guard:
            self._delete(self._entry(name), {"action": "deleted"})

    # ---- within ----------------------------------------------------------------------------------------------------

    def _need_open(self) -> None:
        if self._closed:
            raise NoProject(f"The project {self.name!r} was closed meanwhile; nothing was kept.", hint="Retry.")

    def _entry(self, name: str) -> Entry:
        self._need_open()
        if name not in self._entries:
            raise NoDataFrame(
                f"No data frame named {name!r} is in the project {self.name!r}.", hint=nearest(name, self._entries)
            )
        return self._entries[name]

    def _in_memory(self, name: str) -> tuple[Entry, Frame]:
        entry = self._entry(name)
        frame = entry.frame
        if frame is None:
            raise NoDataFrame(f"The data frame {name!r} is on disk and not in memory.", hint="load() brings it there.")
        return entry, frame

    def _create(self, name: str, frame: Frame, action: Action) -> Entry:
        facts = facts_in_memory(replace(frame, edition=1))
        record = self._catalogue.create_frame(self.id, name, facts | {"saved_edition": None, "last_change": action})
        entry = Entry(name, record, self._catalogue, replace(frame, edition=record.version))
        self._entries[name] = entry
        return entry

    def _settled(self, entry: Entry) -> Description:
        if self.autosave and entry.frame is not None:
            entry.save(self.files, entry.frame)
        return entry.described()

    def _delete(self, entry: Entry, action: Action) -> None:
        entry.change({"in_memory": False}, action)
        self.files.remove(entry.name)  # before the record: a file without one would come back at the next start
        delete(entry.record)
        del self._entries[entry.name]

    def _reconcile(self) -> None:
        """After a start: the disk is the truth, and the platform learns what was lost with the memory."""
        saved = self.files.saved()
        for record in self._catalogue.frames(self.id):
            self._reconcile_record(record, saved.pop(record.name, None))
        for name, file in saved.items():
            self._adopt(name, file)

    def _reconcile_record(self, record: DataFrameRecord, saved: Saved | None) -> None:
        entry = self._entries[record.name] = Entry(record.name, record, self._catalogue, saved=saved)
        if saved is None and self.files.file(record.name).exists():  # damaged: load() says so, and nothing is lost
            columns = entry.facts["columns"]
            saved = entry.saved = Saved(record.name, entry.id, record.saved_edition or 0, columns, record.nrows)
        if saved is None:
            self._delete(entry, {"action": "lost", "reason": "it was never saved"})
        else:
            entry.settle(saved)

    def _adopt(self, name: str, saved: Saved) -> None:
        """Give a record to a file that has none."""
        facts = facts_on_disk(replace(saved, edition=1))
        record = self._catalogue.create_frame(self.id, name, facts | {"last_change": {"action": "found"}})
        file = replace(saved, row_id=int(record.id or 0), edition=1)
        self._entries[name] = Entry(name, record, self._catalogue, saved=file)


def frame_sizes(project: Project) -> dict[str, int]:
    """Return the bytes of the frames in memory, by name; columns that two of them share count for both."""
    frames = {name: entry.frame for name, entry in sorted(project._entries.items())}
    return {name: int(frame.table.nbytes) for name, frame in frames.items() if frame is not None}
