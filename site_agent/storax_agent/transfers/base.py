"""What every transfer service must do."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol


class Item(NamedTuple):
    """One file, or with ``recursive`` one folder. ``local_path`` is relative to ``workdir``, that to the data folder;
    ``remote_path`` is absolute at the location ``alias``."""

    id: int
    direction: Literal["in", "out"]
    alias: str
    remote_path: str
    workdir: str
    local_path: str
    recursive: bool
    task_id: str | None = None


class Moved(NamedTuple):
    """Where an item is now. ``info`` holds bytes and checksum, or the error."""

    id: int
    state: Literal["active", "done", "error"]
    info: Mapping[str, Any]
    task_id: str | None = None


class TransferService(Protocol):
    """Moves files between this site and its transfer locations."""

    def submit(self, items: Sequence[Item]) -> Sequence[Moved]:
        """Begin to move; a service that moves at once answers ``done``. May be repeated for the same item."""

    def statuses(self, items: Sequence[Item]) -> Sequence[Moved]:
        """Where items are that were ``active``."""

    def cancel(self, items: Sequence[Item]) -> None:
        """Give up moving these."""
