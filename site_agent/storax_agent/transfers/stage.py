"""A folder of the agent's own where files wait on their way, for programs that are given paths and not open folders.

What comes in is fetched into it and then moved into the workdir; what goes out is linked into it first. So no program
ever opens a path inside a workdir, where a job may put a symlink at any moment.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from storax_agent.transfers.base import Item
from storax_agent.transfers.files import ROOT, open_workdir, transfer

PARTIAL = ".storax-partial"  # rsync keeps broken-off files in a folder of this name, beside their place


class Stage:
    """The folder of one lane, which survives the agent. ``tree`` mirrors the paths of the location."""

    def __init__(self, path: Path, *, data: Path) -> None:
        self.path, self._data = path, data
        self.tree = path / "tree"

    def make(self, *, empty: bool) -> None:
        """Make it; ``empty`` drops what an earlier batch left."""
        if empty:
            self.drop()
        self.tree.mkdir(mode=0o700, parents=True, exist_ok=True)

    def drop(self) -> None:
        """Remove it with all it holds."""
        shutil.rmtree(self.path, ignore_errors=True)

    def forget(self, inner: str) -> None:
        """Remove what there is of one path: a failed file must not fill the disk for the others."""
        place = self.tree / inner
        shutil.rmtree(place, ignore_errors=True)
        for file in (place, place.parent / PARTIAL / place.name):
            file.unlink(missing_ok=True) if not file.is_dir() else None

    def put_in_place(self, item: Item, inner: str, *, shared: bool) -> dict[str, Any]:
        """Move what came in to where the job finds it; ``shared`` copies, as another item needs it too."""
        with self._both(item, create=True) as (tree, workdir):
            how: Any = "copy" if shared else "move"
            return transfer(tree, inner, workdir, item.local_path, recursive=item.recursive, how=how)

    def take(self, item: Item, inner: str, *, links: bool = True) -> dict[str, Any]:
        """Link what shall go out, symlinks inside a folder where ``links`` says that they can go."""
        with self._both(item, create=False) as (tree, workdir):
            return transfer(workdir, item.local_path, tree, inner, recursive=item.recursive, how="link", links=links)

    @contextmanager
    def _both(self, item: Item, *, create: bool) -> Iterator[tuple[int, int]]:
        tree = os.open(self.tree, ROOT)
        try:
            workdir = open_workdir(self._data, item.workdir, create=create)
            try:
                yield tree, workdir
            finally:
                os.close(workdir)
        finally:
            os.close(tree)


def is_shared(inner: str, others: Sequence[str]) -> bool:
    """Whether a path is also, or holds, or lies in, one of the others."""
    return any(_is_below(inner, other) or _is_below(other, inner) for other in others)


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")
