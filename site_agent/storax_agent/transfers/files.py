"""Files and folders copied, moved or linked between open folders: no path is followed through a symlink.

A file is made beside its place and renamed into it: whoever reads sees the old file or the whole new one; see
``copies.py``.
"""

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from storax_agent.files.safe_path import open_folder, open_parent, split
from storax_agent.transfers.base import TransferError
from storax_agent.transfers.copies import READ, Way, copy

ROOT = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
MAX_DEPTH = 64
MOST_LINKS = 8  # that lead from one to the next
MOST_NAMED = 20
NO_FILE = "is a symlink or a special file; only files and folders are copied"
KINDS = {stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket", stat.S_IFCHR: "device", stat.S_IFBLK: "device"}
How = Literal["copy", "move", "link"]
# No rename or hard link here: another file system, or a kernel that forbids links to files of others.
ELSEWHERE = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP)


class Load:
    """How it is carried, and what was: files, bytes, and one checksum over all."""

    def __init__(self, how: How, way: Way, *, links: bool) -> None:
        self.how, self.way, self.links = how, way, links
        self.files, self.bytes = 0, 0
        self._digest = hashlib.sha256()
        self._first = ""
        self._left_out: list[str] = []
        self._number_left_out = 0

    def add(self, size: int, digest: str) -> None:
        """One more file."""
        self.files, self.bytes = self.files + 1, self.bytes + size
        self._first = self._first or digest
        self._digest.update(digest.encode())

    def leave_out(self, path: str, why: str) -> None:
        """An entry of a folder does not move."""
        self._number_left_out += 1
        if len(self._left_out) < MOST_NAMED:
            self._left_out.append(f"{path} ({why})")

    def info(self) -> dict[str, Any]:
        """As an item's ``transfer_info``; the checksum of many files is that over the list of theirs."""
        digest = self._first if self.files == 1 else self._digest.hexdigest()
        info: dict[str, Any] = {"files": self.files, "bytes": self.bytes, "sha256": digest}
        return with_left_out(info, self._left_out, self._number_left_out)


def with_left_out(info: dict[str, Any], names: Sequence[str], number: int) -> dict[str, Any]:
    """Add the entries that were left out, the first of them by name."""
    if not number:
        return info
    more = [f"and {number - len(names)} more"] if number > len(names) else []
    return {**info, "left_out": [*names, *more]}


def open_workdir(data: Path, workdir: str, *, create: bool = False) -> int:
    """Open a job's workdir below the data folder; the caller closes it. Raises PathError or OSError."""
    root = os.open(data, ROOT)
    try:
        return open_folder(root, workdir, create=create)
    finally:
        os.close(root)


def transfer(
    source: int, source_path: str, target: int, target_path: str, *, recursive: bool, how: How, way: Way | None = None,
    links: bool = True,
) -> dict[str, Any]:  # fmt: skip
    """Carry one file, or with ``recursive`` one folder, from below one open folder to below another. Folders on the
    way are made; files that are there are replaced. ``move`` and ``link`` copy where the file system cannot do them.
    ``way`` is the way of copies.

    A symlink that is named itself stands for what it leads to, inside the open folder. Inside a folder, one that leads
    to somewhere inside it is made anew, where ``links`` says that the target can hold it; others, pipes, sockets and
    devices are left out, and named in the answer.

    Raises:
        TransferError: a symlink that leads out, a special file, or a folder where none may be.
        PathError: a path leaves its folder.
        OSError: anything else.
    """
    from_folder, from_name = _open_source(source, source_path)
    try:
        to_folder, to_name = open_parent(target, target_path, create=True)
        try:
            load = Load(how, way or Way(), links=links)
            _named(from_folder, from_name, to_folder, to_name, load, recursive=recursive)
            return load.info()
        finally:
            os.close(to_folder)
    finally:
        os.close(from_folder)


def _open_source(root: int, path: str) -> tuple[int, str]:
    """Open the folder of what is to move, and give its name: of what a symlink leads to, when one is named."""
    for _ in range(MOST_LINKS):
        folder, name = open_parent(root, path)
        try:
            if not stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                return os.dup(folder), name
            path = _followed(path, os.readlink(name, dir_fd=folder))
        finally:
            os.close(folder)
    raise TransferError(f"{path!r} {NO_FILE}")


def _followed(path: str, target: str) -> str:
    """The path below the same root that a symlink at ``path`` leads to."""
    steps = [] if target.startswith("/") else split(path)[:-1]
    for step in [] if target.startswith("/") else target.split("/"):
        if step == ".." and not steps:
            steps = []
            break
        steps = steps[:-1] if step == ".." else [*steps, step] if step not in ("", ".") else steps
    if not steps:
        raise TransferError(f"{path!r} {NO_FILE}; the link leads out, to {target!r}")
    return "/".join(steps)


def _named(source: int, name: str, target: int, new_name: str, load: Load, *, recursive: bool) -> None:
    """Carry what the item names."""
    kind = os.stat(name, dir_fd=source, follow_symlinks=False).st_mode
    if stat.S_ISDIR(kind) and not recursive:
        raise TransferError(f"{name!r} is a folder; its transfer slot is not recursive")
    if stat.S_ISDIR(kind):
        _folder(source, name, target, new_name, load, inside=())
    elif stat.S_ISREG(kind):
        load.add(*_HOW[load.how](source, name, target, new_name, load.way))
    else:
        raise TransferError(f"{name!r} {NO_FILE}")


def _entry(source: int, name: str, target: int, load: Load, *, inside: tuple[str, ...]) -> None:
    """Carry an entry of the folder ``inside`` the item."""
    kind = os.stat(name, dir_fd=source, follow_symlinks=False).st_mode
    if stat.S_ISDIR(kind):
        _folder(source, name, target, name, load, inside=(*inside, name))
    elif stat.S_ISREG(kind):
        load.add(*_HOW[load.how](source, name, target, name, load.way))
    elif stat.S_ISLNK(kind):
        leads_to = os.readlink(name, dir_fd=source)
        if load.links and _stays_inside(leads_to, len(inside)):
            _make_link(leads_to, target, name)
        else:
            load.leave_out("/".join((*inside, name)), f"link to {leads_to[:200]}")
    else:
        load.leave_out("/".join((*inside, name)), KINDS.get(stat.S_IFMT(kind), "special file"))


def _stays_inside(leads_to: str, depth: int) -> bool:
    """Whether a symlink ``depth`` folders below the item leads to somewhere inside it, whatever other links do."""
    steps = leads_to.split("/")
    ups = next((number for number, step in enumerate(steps) if step != ".."), len(steps))
    return not leads_to.startswith("/") and ups <= depth and ".." not in steps[ups:]


def _make_link(leads_to: str, folder: int, name: str) -> None:
    scratch = f".{secrets.token_hex(8)}.part"
    os.symlink(leads_to, scratch, dir_fd=folder)
    try:
        os.rename(scratch, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(scratch, dir_fd=folder)
        raise


def _folder(source: int, name: str, target: int, new_name: str, load: Load, *, inside: tuple[str, ...]) -> None:
    if len(inside) > MAX_DEPTH:
        raise TransferError(f"{name!r} is more than {MAX_DEPTH} folders deep")
    inner = open_folder(source, name)
    try:
        outer = open_folder(target, new_name, create=True)
        try:
            for entry in sorted(os.listdir(inner)):  # noqa: PTH208 - of a descriptor, which has no Path
                _entry(inner, entry, outer, load, inside=inside)
        finally:
            os.close(outer)
    finally:
        os.close(inner)


def _move(source: int, name: str, target: int, new_name: str, way: Way) -> tuple[int, str]:
    info = digest_of(source, name)
    try:
        os.rename(name, new_name, src_dir_fd=source, dst_dir_fd=target)
    except OSError as error:
        if error.errno not in ELSEWHERE:
            raise
        info = copy(source, name, target, new_name, way)
        os.unlink(name, dir_fd=source)
    return info


def _link(source: int, name: str, target: int, new_name: str, way: Way) -> tuple[int, str]:
    with suppress(FileNotFoundError):
        os.unlink(new_name, dir_fd=target)
    try:
        os.link(name, new_name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in ELSEWHERE:
            raise
        return copy(source, name, target, new_name, way)
    return digest_of(target, new_name)


def digest_of(folder: int, name: str) -> tuple[int, str]:
    """Bytes and SHA-256 of a regular file in an open folder.

    Raises:
        TransferError: it became something else meanwhile.
    """
    with os.fdopen(os.open(name, READ, dir_fd=folder), "rb") as file:
        if not stat.S_ISREG((kept := os.fstat(file.fileno())).st_mode):
            raise TransferError(f"{name!r} {NO_FILE}")
        return kept.st_size, hashlib.file_digest(file, "sha256").hexdigest()


_HOW: dict[How, Callable[[int, str, int, str, Way], tuple[int, str]]] = {"copy": copy, "move": _move, "link": _link}
