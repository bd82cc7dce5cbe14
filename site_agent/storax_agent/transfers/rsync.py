"""rsync over ssh: one process for a batch. Files are compared by checksum before and after, broken ones taken up again.

The ways of a batch: names are checked, what goes out is linked into the stage, rsync runs, rsync compares both sides
once more, what came in is moved into its workdir.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from storax_agent.files.safe_path import PathError
from storax_agent.settings.locations import SshLocation
from storax_agent.transfers.base import (
    Item,
    Moved,
    TransferError,
    TryAgainError,
    Watch,
    failed,
    inner_path,
    lane_of,
)
from storax_agent.transfers.files import MOST_NAMED, with_left_out
from storax_agent.transfers.rsync_run import Done, Rsync, escaped
from storax_agent.transfers.stage import Stage, is_shared

SKIPPED = re.compile(r'skipping non-regular file "(.*)"$')  # perhaps behind its progress
COMPLAINTS = (TransferError, PathError, OSError)


class RsyncTransfer:
    """Moves to and from one host. ``scratch`` is a folder of its own, ``environment`` that of rsync and ssh."""

    def __init__(self, place: SshLocation, *, data: Path, scratch: Path, environment: Mapping[str, str]) -> None:
        self._rsync, self._data, self._scratch = Rsync(place, environment), data, scratch

    def submit(self, items: Sequence[Item], watch: Watch) -> Sequence[Moved]:
        """Move them; one that cannot be moved does not hold up the others."""
        stage = Stage(self._scratch / lane_of(items[0]), data=self._data)
        stage.make(empty=items[0].direction == "out")
        batch = _Batch(self._rsync, stage, items, watch)
        moved = batch.run()
        if not any(one.state == "again" and not one.own for one in moved):
            stage.drop()
        return moved

    def statuses(self, items: Sequence[Item], watch: Watch) -> Sequence[Moved]:
        """An item left active by a killed agent goes on from what was copied of it."""
        return self.submit(items, watch)

    def cancel(self, items: Sequence[Item]) -> None:
        """A running process ends by its batch's ``stop``; nothing else was ordered."""

    def check(self) -> str:
        """Log in and look at the folder."""
        return self._rsync.probe()


class _Batch:
    """One call of ``submit``. ``open`` are the items without an answer, by id."""

    def __init__(self, rsync: Rsync, stage: Stage, items: Sequence[Item], watch: Watch) -> None:
        self._rsync, self._stage, self._items, self._watch = rsync, stage, items, watch
        self._inward, self._recursive = items[0].direction == "in", items[0].recursive
        self._names: dict[int, str] = {}
        self._info: dict[int, dict[str, Any]] = {}
        self._moved: dict[int, Moved] = {}
        self._skipped: list[str] = []  # paths of special files

    def run(self) -> list[Moved]:
        for item in self._items:
            self._prepare(item)
        self._go([item for item in self._items if item.id not in self._moved])
        return [self._moved[item.id] for item in self._items]

    def _prepare(self, item: Item) -> None:
        try:
            self._names[item.id] = inner_path(item)
            if not self._inward:
                self._info[item.id] = self._stage.take(item, self._names[item.id])
        except COMPLAINTS as error:
            self._moved[item.id] = failed(item, error)

    def _go(self, items: Sequence[Item]) -> None:
        """Copy and compare; what failed with a reason is set aside, and the others go again till all have an answer."""
        if not items:
            return
        try:
            copied = self._copy(items)
            good = self._sort(items, copied)
            if copied.code and len(good) == len(items) and not self._watch.stop.is_set():
                self._blame(items, copied)
            elif copied.code:
                self._go(good) if not self._watch.stop.is_set() else self._all_again(good, "stopped")
            else:
                self._settle(good)
        except COMPLAINTS as error:
            for item in items:
                self._moved.setdefault(item.id, failed(item, error))

    def _copy(self, items: Sequence[Item]) -> Done:
        def progress(number: int) -> None:
            self._watch.tell([Moved(item.id, "active", {"bytes": number, "batch": len(items)}) for item in items])

        names = list(dict.fromkeys(self._names[item.id] for item in items))
        done = self._rsync.copy(
            self._stage.path, names, inward=self._inward, recursive=self._recursive, watch=self._watch,
            progress=progress,
        )  # fmt: skip
        self._skipped += [match[1] for line in done.output if (match := SKIPPED.search(line))]
        return done

    def _sort(self, items: Sequence[Item], done: Done) -> list[Item]:
        """Set aside what rsync complains of by name; returns the others."""
        good = []
        for item in items:
            name = self._names[item.id]
            complaint = done.about(self._rsync.root, name) or done.about(str(self._stage.tree), name)
            if not complaint:
                good.append(item)
                continue
            own = done.is_own(complaint)
            message = f"{item.alias}:{item.remote_path}: {complaint.removeprefix('rsync: ')}"
            self._moved[item.id] = Moved(item.id, "again", {"error": message[:1000]}, own=own)
            if own:
                self._forget(name, complaint)
        return good

    def _forget(self, name: str, complaint: str) -> None:
        self._stage.forget(name)
        if not self._inward and "write failed" in complaint:
            self._rsync.forget(self._stage.path, name)

    def _blame(self, items: Sequence[Item], done: Done) -> None:
        """The run failed and named no file: the host, or one of these, which is then found by halves."""
        if done.hopeless:
            raise TransferError(f"{items[0].alias}: {done.hopeless}")
        if done.code not in (11, 23, 24):
            raise TryAgainError(f"{items[0].alias}: {done.last}")
        if len(items) == 1:
            item, own = items[0], any(done.is_own(line) for line in done.complaints)
            message = f"{item.alias}:{item.remote_path}: {done.last.removeprefix('rsync: ')}"
            self._moved[item.id] = Moved(item.id, "again", {"error": message}, own=own)
            return
        half = len(items) // 2
        self._go(items[:half])
        self._go(items[half:])

    def _settle(self, items: Sequence[Item]) -> None:
        """All was copied, it seems: read it again on both sides, then put in place what came in."""
        present = [item for item in items if self._is_staged(item)]
        if not present:
            return
        names = list(dict.fromkeys(self._names[item.id] for item in present))
        compared = self._rsync.compare(
            self._stage.path, names, inward=self._inward, recursive=self._recursive, watch=self._watch
        )
        good = self._sort(present, compared)
        if compared.code and len(good) == len(present):
            self._blame(good, compared) if compared.code not in (23, 24) else self._all_again(good, compared.last)
            return
        differing = [name.rstrip("/") for name in compared.output]
        for item in good:
            self._answer(item, differs=is_listed(self._names[item.id], differing))

    def _is_staged(self, item: Item) -> bool:
        name = self._names[item.id]
        if (self._stage.tree / name).exists():
            return True
        message = f"{item.alias}:{item.remote_path} is a symlink or a special file; only files and folders are copied"
        self._moved[item.id] = Moved(item.id, "error", {"error": message})
        return False

    def _answer(self, item: Item, *, differs: bool) -> None:
        name = self._names[item.id]
        try:
            if differs:
                raise TryAgainError(f"{item.alias}:{item.remote_path}: the copy differs from its source")
            if self._inward:
                others = [self._names[one.id] for one in self._items if one.id != item.id and one.id in self._names]
                info = self._stage.put_in_place(item, name, shared=is_shared(name, others))
                self._info[item.id] = self._with_skipped(info, name)
            self._moved[item.id] = Moved(item.id, "done", self._info[item.id])
        except COMPLAINTS as error:
            self._moved[item.id] = failed(item, error)

    def _with_skipped(self, info: dict[str, Any], name: str) -> dict[str, Any]:
        """Add what rsync left out of a folder to what was left out here."""
        start = escaped(name) + "/"
        special = dict.fromkeys(path.removeprefix(start) for path in self._skipped if path.startswith(start))
        names = [*info.pop("left_out", ()), *(f"{path} (special file)" for path in special)]
        return with_left_out(info, names[:MOST_NAMED], len(names))

    def _all_again(self, items: Sequence[Item], why: str) -> None:
        for item in items:
            self._moved[item.id] = Moved(item.id, "again", {"error": f"{item.alias}:{item.remote_path}: {why}"})


def is_listed(name: str, names: Sequence[str]) -> bool:
    """Whether one of the printed names is this one, or lies in it."""
    return any(line == escaped(name) or line.startswith(escaped(name) + "/") for line in names)
