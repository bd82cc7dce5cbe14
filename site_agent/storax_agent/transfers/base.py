"""What every transfer service must do, and the words they share."""

import errno
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from zlib import crc32

from msgspec import Struct

from storax_agent.files.safe_path import PathError, split

# The location, or this machine, is in trouble for all items alike; every other error of a file is that file's own.
AWAY = {
    errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH,
    errno.ENOTCONN, errno.ECONNRESET, errno.EREMOTEIO, errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM,
}  # fmt: skip
LANES = 2  # of each kind: a large file holds up half of the others at its location, not all


class Item(Struct, frozen=True):
    """One file, or with ``recursive`` one folder. ``local_path`` is relative to ``workdir``, that to the data folder;
    ``remote_path`` is absolute at the location ``alias``, whose root is the path of its URL."""

    id: int
    direction: Literal["in", "out"]
    alias: str
    remote_path: str
    workdir: str
    local_path: str
    recursive: bool
    task_id: str | None = None


class Moved(Struct, frozen=True):
    """Where an item is now. ``again``: it was not moved now and may be later, as after a broken connection; with
    ``own``, the fault is of this item and not of its location, such as a missing file or a full disk, and helps few
    more tries; ``error``: trying again cannot help. ``info`` holds bytes and checksum, or the error."""

    id: int
    state: Literal["active", "done", "error", "again"]
    info: Mapping[str, Any]
    task_id: str | None = None
    own: bool = False


@dataclass
class Watch:
    """Whoever waits for a batch: ``tell`` takes news of items under way (at most one a second is wanted), ``stop`` is
    set when nobody wants the batch any more."""

    tell: Callable[[Sequence[Moved]], None] = lambda _moved: None
    stop: threading.Event = field(default_factory=threading.Event)


class TransferError(Exception):
    """An item cannot be moved, or a location not used; the message says why. Trying again cannot help."""


class TryAgainError(TransferError):
    """It cannot be moved now, and perhaps later: the network, a busy server, a copy that came out wrong."""


class TransferService(Protocol):
    """Moves files between this site and one of its transfer locations. Called by several threads, never by two for
    the same lane."""

    def submit(self, items: Sequence[Item], watch: Watch) -> Sequence[Moved]:
        """Move items of one lane, one answer each. A service that only orders the move answers ``active`` with a
        ``task_id``. May be repeated for the same item; what was moved of it before is not moved again."""

    def statuses(self, items: Sequence[Item], watch: Watch) -> Sequence[Moved]:
        """Where items are that were ``active``, perhaps since an agent before this one."""

    def cancel(self, items: Sequence[Item]) -> None:
        """Give up what was ordered for these."""

    def check(self) -> str:
        """Look whether the location can be used; returns what was found, in words.

        Raises:
            TransferError: it cannot, and why.
        """


def lane_of(item: Item) -> str:
    """Items of one lane move one batch after another. A remote path is always in the same one, so that what a killed
    agent left of it is found again, and two batches never write the same file."""
    kind = "folders" if item.recursive else "files"
    return f"{item.direction}-{kind}-{crc32(item.remote_path.encode(errors='surrogatepass')) % LANES}"


def inner_path(item: Item) -> str:
    """The path of an item below its location's root, without empty steps.

    Raises:
        TransferError: it leaves the root, or is the root itself.
    """
    try:
        steps = split(item.remote_path.lstrip("/"))
    except PathError as error:
        raise TransferError(str(error)) from error
    if not steps:
        raise TransferError(f"path {item.remote_path!r} names the location itself, not something inside it")
    return "/".join(steps)


def failed(item: Item, error: Exception) -> Moved:
    """The answer for an item that an exception ended, in one line."""
    if isinstance(error, OSError) and error.strerror:
        what = f"{item.alias}:{item.remote_path} {'to' if item.direction == 'in' else 'from'} {item.local_path}"
        return Moved(item.id, "again", {"error": f"{what}: {error.strerror}"}, own=error.errno not in AWAY)
    return Moved(item.id, "again" if isinstance(error, TryAgainError) else "error", {"error": str(error)})
