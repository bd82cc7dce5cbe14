"""One open project: its frames, in memory and on disk, and the one place where they change.

A change is made ready, told to the catalogue, and only then put in place: what fails leaves everything as it was.
"""

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from storax.errors import NoDataFrame, NoProject, NotFound, StaleVersion
from storax_engine.frames.columns import Database
from storax_engine.frames.frame import Frame
from storax_engine.frames.storage import FrameFolder, Saved
from storax_engine.names import free_name, nearest
from storax_engine.pipelines.pipelines import Pipelines
from storax_engine.platform.catalogue import Catalogue, Row
from storax_engine.remote.collect import taken_in
from storax_engine.remote.runs import Orders

Change = Callable[[Frame], Frame]


@dataclass
class Entry:
    """What the engine knows of one frame.

    Attributes:
        id: of its row in the catalogue.
        version: of that row.
        frame: its content in memory; None: it is on disk alone.
        saved: what is on disk; None: nothing is.
        told: the facts that the catalogue has.
    """

    id: int
    version: int
    frame: Frame | None
    saved: Saved | None
    told: Row


class Project:
    """The frames of one project. Safe for threads: changes come one after the other, readers take what is there."""

    def __init__(self, name: str, folder: Path, catalogue: Catalogue, row: Row, lock: int) -> None:
        self.name, self.folder, self.id = name, folder, int(row["id"])
        self.autosave = bool(row["autosave"])
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
        self.orders = Orders(folder / "orders", catalogue.jobs, partial(taken_in, folder, self.pipelines))

    def close(self) -> None:
        """Forget what is in memory and let others open it; what sites do for it goes on."""
        self.orders.close()
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

    def described(self, name: str) -> Row:
        """What is known of a frame, without its rows.

        Raises:
            NoDataFrame: there is none of that name.
        """
        entry = self._entry(name)
        return {
            "name": name,
            **entry.told,
            "version": entry.version,
            "id": entry.id,
            "on_disk": entry.saved is not None,
        }

    # ---- changing --------------------------------------------------------------------------------------------------

    def put(self, name: str, frame: Frame, action: Row) -> Row:
        """Make a frame, or put another content in the place of one."""
        free_name(name, "data frame")
        with self._guard:
            self._need_open()
            entry = self._entries.get(name)
            if entry is None:
                self._create(name, frame, action)
            else:
                self._publish(name, entry, frame, action)
            return self._settled(name)

    def change(self, name: str, change: Change, action: Row) -> Row:
        """Put what ``change`` makes of a frame in its place."""
        with self._guard:
            entry, frame = self._in_memory(name)
            self._publish(name, entry, change(frame), action)
            return self._settled(name)

    def save(self, name: str) -> Row:
        """Write a frame to the disk; one that is there as it is costs nothing."""
        with self._guard:
            entry, frame = self._in_memory(name)
            if entry.saved is None or entry.saved.edition != frame.edition:
                self._save(name, entry, frame)
            return self.described(name)

    def load(self, name: str) -> Row:
        """Bring a frame into memory as it was saved; what was changed since is lost.

        Raises:
            NoDataFrame: it is not on disk.
        """
        with self._guard:
            entry = self._entry(name)
            if entry.saved is None:
                raise NoDataFrame(f"The data frame {name!r} was never saved.", hint="save() writes it to the disk.")
            frame = replace(self.files.read(name), edition=entry.saved.edition)
            self._tell(name, entry, facts(frame), {"action": "loaded"})
            entry.frame = frame
            return self.described(name)

    def unload(self, name: str) -> None:
        """Free a frame's memory; what was not saved is lost, and a frame that was never saved is deleted."""
        with self._guard:
            entry, _ = self._in_memory(name)
            if entry.saved is None:
                self._delete(name, entry, {"action": "unloaded", "lost": True})
                return
            self._tell(name, entry, facts_of(entry.saved), {"action": "unloaded"})
            entry.frame = None

    def delete(self, name: str) -> None:
        """Delete a frame, in memory and on disk."""
        with self._guard:
            entry = self._entry(name)
            self._delete(name, entry, {"action": "deleted"})

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

    def _create(self, name: str, frame: Frame, action: Row) -> None:
        told = facts(replace(frame, edition=1)) | {"saved_edition": None}
        row = self._catalogue.create_frame(self.id, name, told | {"last_change": action})
        self._entries[name] = Entry(row["id"], row["version"], replace(frame, edition=row["version"]), None, told)

    def _publish(self, name: str, entry: Entry, frame: Frame, action: Row) -> None:
        """Tell of new content, whose edition is the version that the row gets by it; then put it in place."""
        while True:
            coming = replace(frame, edition=entry.version + 1)
            try:
                self._tell(name, entry, facts(coming), action, once=True)
            except StaleVersion:
                entry.version = self._catalogue.version_of(entry.id)
                continue
            entry.frame = replace(coming, edition=entry.version)
            return

    def _tell(self, name: str, entry: Entry, now: Row, action: Row, *, once: bool = False) -> None:
        """Tell the catalogue which facts changed. ``once``: let the caller deal with a row that others changed."""
        patch = {fact: value for fact, value in now.items() if entry.told.get(fact) != value}
        try:
            entry.version = self._catalogue.change_frame(entry.id, entry.version, patch | {"last_change": action})
        except StaleVersion:
            if once:
                raise
            entry.version = self._catalogue.version_of(entry.id)
            self._tell(name, entry, now, action)
            return
        except NotFound:
            self._tell_anew(name, entry, now, action)
            return
        entry.told |= now

    def _tell_anew(self, name: str, entry: Entry, now: Row, action: Row) -> None:
        """Someone deleted the row; the frame is still here, so it gets another."""
        told = {**entry.told, **now, "edition": 1, "saved_edition": 1 if "saved_edition" in now else None}
        row = self._catalogue.create_frame(self.id, name, told | {"last_change": action})
        entry.id, entry.version, entry.told = row["id"], row["version"], told

    def _settled(self, name: str) -> Row:
        entry, frame = self._in_memory(name)
        if self.autosave:
            self._save(name, entry, frame)
        return self.described(name)

    def _save(self, name: str, entry: Entry, frame: Frame) -> None:
        aside = self.files.write_aside(name, frame, entry.id)
        try:
            self._tell(name, entry, {"saved_edition": frame.edition}, {"action": "saved"})
            self.files.put(name, aside)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        entry.saved = Saved(name, entry.id, frame.edition, frame.described(), len(frame.table))

    def _delete(self, name: str, entry: Entry, action: Row) -> None:
        self._tell(name, entry, {"in_memory": False}, action)
        self.files.remove(name)  # before the row: a file without a row would come back at the next start
        self._catalogue.delete_frame(entry.id)
        del self._entries[name]

    def _reconcile(self) -> None:
        """After a start: the disk is the truth, and the catalogue is told of what was lost with the memory."""
        rows = {row["name"]: row for row in self._catalogue.frames(self.id)}
        saved = self.files.saved()
        for name, row in rows.items():
            entry = Entry(row["id"], row["version"], None, saved.get(name), _told(row))
            self._entries[name] = entry
            if entry.saved is None and self.files.file(name).exists():  # damaged: load() says so, and nothing is lost
                entry.saved = Saved(name, entry.id, row["saved_edition"] or 0, row["columns"], row["nrows"])
            if entry.saved is None:
                self._delete(name, entry, {"action": "lost", "reason": "it was never saved"})
            else:
                self._match(name, entry, entry.saved)
        for name in saved.keys() - rows.keys():
            told = facts_of(replace(saved[name], edition=1))
            row = self._catalogue.create_frame(self.id, name, told | {"last_change": {"action": "found"}})
            found = replace(saved[name], row_id=row["id"], edition=1)
            self._entries[name] = Entry(row["id"], row["version"], None, found, told)

    def _match(self, name: str, entry: Entry, saved: Saved) -> None:
        if saved.row_id != entry.id:  # saved under another row, whose editions were others
            settled = entry.told["edition"] == entry.told["saved_edition"]
            edition = entry.told["edition"] if settled else entry.version + 1
            saved = entry.saved = replace(saved, row_id=entry.id, edition=edition)
        now = facts_of(saved)
        if entry.told["edition"] != saved.edition or entry.told["saved_edition"] != saved.edition:
            lost = {"action": "lost", "edition": entry.told["edition"], "reason": "it was not saved"}
            self._tell(name, entry, now, lost)
        elif entry.told["in_memory"]:
            self._tell(name, entry, now, {"action": "unloaded"})


def facts(frame: Frame) -> Row:
    """What the catalogue is told of a frame in memory."""
    return {
        "columns": frame.described(),
        "nrows": len(frame.table),
        "nbytes": int(frame.table.nbytes),
        "in_memory": True,
        "edition": frame.edition,
    }


def facts_of(saved: Saved) -> Row:
    """What the catalogue is told of a frame on disk alone."""
    return {
        "columns": saved.columns,
        "nrows": saved.nrows,
        "nbytes": 0,
        "in_memory": False,
        "edition": saved.edition,
        "saved_edition": saved.edition,
    }


def _told(row: Mapping[str, Any]) -> Row:
    return {fact: row[fact] for fact in ("columns", "nrows", "nbytes", "in_memory", "edition", "saved_edition")}
