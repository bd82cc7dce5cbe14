"""One data frame of a project: its record on the platform, what is in memory, and what is on the disk.

A change is first sent to the platform, and only then put in place: what fails leaves everything as it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from storax._orm.rows import to_object
from storax.errors import DoesNotExist, StaleVersion
from storax.models.data_frame_record import DataFrameRecord
from storax_engine.frames.frame import Frame
from storax_engine.frames.storage import FrameFolder, Saved
from storax_engine.platform.catalogue import Catalogue

Facts = dict[str, Any]
_FACTS = ("columns", "nrows", "nbytes", "in_memory", "edition", "saved_edition")


@dataclass
class Entry:
    """A data frame. For one thread at a time.

    Attributes:
        name: unique in the project.
        record: its record on the platform.
        catalogue: where the record is.
        frame: its content in memory; None: it is on disk alone.
        saved: what is on disk; None: nothing is.
    """

    name: str
    record: DataFrameRecord
    catalogue: Catalogue
    frame: Frame | None = None
    saved: Saved | None = None

    @property
    def id(self) -> int:
        """The id of its record."""
        return int(self.record.id or 0)

    @property
    def facts(self) -> Facts:
        """What the platform knows of it, as JSON."""
        record = to_object(self.record)
        return {fact: record[fact] for fact in _FACTS}

    def described(self) -> dict[str, Any]:
        """Return the frame's description, without rows."""
        known = {"version": self.record.version, "id": self.id, "on_disk": self.saved is not None}
        return {"name": self.name, **self.facts, **known}

    def publish(self, frame: Frame, action: Mapping[str, Any]) -> None:
        """Put new content in place, whose edition is the version that the record gets by it."""
        while True:
            coming = replace(frame, edition=self.record.version + 1)
            try:
                self._send(facts_in_memory(coming), action)
            except StaleVersion:
                self.record.refresh_from_db()
                continue
            self.frame = replace(coming, edition=self.record.version)
            return

    def change(self, facts: Mapping[str, Any], action: Mapping[str, Any]) -> None:
        """Send facts that do not depend on the version of the record."""
        try:
            self._send(facts, action)
        except StaleVersion:
            self.record.refresh_from_db()
            self.change(facts, action)

    def load(self, files: FrameFolder, saved: Saved) -> None:
        """Bring it into memory as it was saved."""
        frame = replace(files.read(self.name), edition=saved.edition)
        self.change(facts_in_memory(frame), {"action": "loaded"})
        self.frame = frame

    def save(self, files: FrameFolder, frame: Frame) -> None:
        """Write what is in memory to the disk."""
        scratch = files.write_aside(self.name, frame, self.id)
        try:
            self.change({"saved_edition": frame.edition}, {"action": "saved"})
            files.put(self.name, scratch)
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise
        self.saved = Saved(self.name, self.id, frame.edition, frame.described(), len(frame.table))

    def settle(self, saved: Saved) -> None:
        """Have the record tell, after a start, what is on the disk."""
        before = self.facts
        if saved.row_id != self.id:  # saved under another record, whose editions were others
            settled = before["edition"] == before["saved_edition"]
            edition = before["edition"] if settled else self.record.version + 1
            saved = self.saved = replace(saved, row_id=self.id, edition=edition)
        if before["edition"] != saved.edition or before["saved_edition"] != saved.edition:
            lost = {"action": "lost", "edition": before["edition"], "reason": "it was not saved"}
            self.change(facts_on_disk(saved), lost)
        elif before["in_memory"]:
            self.change(facts_on_disk(saved), {"action": "unloaded"})

    def _send(self, facts: Mapping[str, Any], action: Mapping[str, Any]) -> None:
        known = self.facts
        patch = {fact: value for fact, value in facts.items() if known[fact] != value}
        try:
            self.record._change({**patch, "last_change": action}, if_version=self.record.version)
        except DoesNotExist:
            self._recreate({**known, **facts}, action, saved="saved_edition" in facts)

    def _recreate(self, facts: Facts, action: Mapping[str, Any], *, saved: bool) -> None:
        """Give it another record, for someone deleted the one that it had."""
        anew = {**facts, "edition": 1, "saved_edition": 1 if saved else None, "last_change": action}
        self.record = self.catalogue.create_frame(self.record.project_id, self.name, anew)


def facts_in_memory(frame: Frame) -> Facts:
    """Return what the catalogue records of a frame in memory."""
    return {
        "columns": frame.described(),
        "nrows": len(frame.table),
        "nbytes": int(frame.table.nbytes),
        "in_memory": True,
        "edition": frame.edition,
    }


def facts_on_disk(saved: Saved) -> Facts:
    """Return what the catalogue records of a frame on disk alone."""
    return {
        "columns": saved.columns,
        "nrows": saved.nrows,
        "nbytes": 0,
        "in_memory": False,
        "edition": saved.edition,
        "saved_edition": saved.edition,
    }
