"""Copies between the site's data folder and folders of the same machine, each declared as ``alias = "file:///path"``."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from storax_agent.inside import PathError
from storax_agent.transfers.base import Item, Moved, TransferError, Watch, failed, inner_path
from storax_agent.transfers.files import ROOT, carry, open_workdir


class LocalTransfer:
    """The local transfer service. ``root`` is the location's folder, ``data`` the site's data folder."""

    def __init__(self, root: Path, *, data: Path) -> None:
        self._root, self._data = root, data

    def submit(self, items: Sequence[Item], watch: Watch) -> Sequence[Moved]:
        """Copy each; one that fails does not hold up the others."""
        return [self._move(item) for item in items if not watch.stop.is_set()]

    def statuses(self, items: Sequence[Item], watch: Watch) -> Sequence[Moved]:
        """An item left active by a killed agent is copied again."""
        return self.submit(items, watch)

    def cancel(self, items: Sequence[Item]) -> None:
        """Copies are over before anybody could cancel them."""

    def check(self) -> str:
        """Whether the folder is there and can be written to; read alone is enough for files that come in."""
        if not self._root.is_dir():
            raise TransferError(f"{self._root} is not a folder; make it, or correct the URL")
        if not os.access(self._root, os.R_OK | os.X_OK):
            raise TransferError(f"{self._root} cannot be read by this user")
        return str(self._root) if os.access(self._root, os.W_OK) else f"{self._root}, to read only"

    def _move(self, item: Item) -> Moved:
        try:
            return Moved(item.id, "done", self._copy(item))
        except (TransferError, PathError, OSError) as error:
            return failed(item, error)

    def _copy(self, item: Item) -> dict[str, Any]:
        inner = inner_path(item)
        remote = os.open(self._root, ROOT)
        try:
            local = open_workdir(self._data, item.workdir, create=item.direction == "in")
            try:
                if item.direction == "in":
                    return carry(remote, inner, local, item.local_path, recursive=item.recursive, how="copy")
                return carry(local, item.local_path, remote, inner, recursive=item.recursive, how="copy")
            finally:
                os.close(local)
        finally:
            os.close(remote)
