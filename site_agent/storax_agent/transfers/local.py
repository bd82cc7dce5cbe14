"""Copies between the site's data folder and folders of the same machine, each declared as ``alias = "file:///path"``."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from storax_agent.files.safe_path import PathError, open_parent
from storax_agent.transfers.base import Item, Moved, TransferError, Watch, failed, inner_path
from storax_agent.transfers.copies import Way, forget
from storax_agent.transfers.files import ROOT, open_workdir, transfer


class LocalTransfer:
    """The local transfer service. ``root`` is the location's folder, ``data`` the site's data folder."""

    def __init__(self, root: Path, *, data: Path) -> None:
        self._root, self._data = root, data

    def submit(self, items: Sequence[Item], watch: Watch) -> Sequence[Moved]:
        """Copy each; one that fails does not hold up the others."""
        return [self._move(item, watch) for item in items]

    def statuses(self, items: Sequence[Item], watch: Watch) -> Sequence[Moved]:
        """The copy of a killed agent goes on where it was."""
        return [self._move(item, watch, again=True) for item in items]

    def cancel(self, items: Sequence[Item]) -> None:
        """A running copy ends by its batch's ``stop``; here goes what is left of it."""
        for item in items:
            with suppress(TransferError, PathError, OSError), self._ends(item, create=False) as ends:
                _, _, target, path = ends
                folder, name = open_parent(target, path)
                try:
                    forget(item.id, folder, name, recursive=item.recursive)
                finally:
                    os.close(folder)

    def check(self) -> str:
        """Whether the folder is there and can be written to; read alone is enough for files that come in."""
        if not self._root.is_dir():
            raise TransferError(f"{self._root} is not a folder; make it, or correct the URL")
        if not os.access(self._root, os.R_OK | os.X_OK):
            raise TransferError(f"{self._root} cannot be read by this user")
        return str(self._root) if os.access(self._root, os.W_OK) else f"{self._root}, to read only"

    def _move(self, item: Item, watch: Watch, *, again: bool = False) -> Moved:
        try:
            way = Way(item.id, watch, again)
            way.go_on()
            with self._ends(item, create=item.direction == "in") as (source, path, target, new_path):
                info = transfer(source, path, target, new_path, recursive=item.recursive, how="copy", way=way)
            return Moved(item.id, "done", info)
        except (TransferError, PathError, OSError) as error:
            return failed(item, error)

    @contextmanager
    def _ends(self, item: Item, *, create: bool) -> Iterator[tuple[int, str, int, str]]:
        """The open folders and paths, from where and to where."""
        inner = inner_path(item)
        remote = os.open(self._root, ROOT)
        try:
            local = open_workdir(self._data, item.workdir, create=create)
            try:
                far, near = (remote, inner), (local, item.local_path)
                yield (*far, *near) if item.direction == "in" else (*near, *far)
            finally:
                os.close(local)
        finally:
            os.close(remote)
