"""Run a server that refuses to run as root as an ordinary user."""

import functools
import os
import pwd
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from storax.local.errors import DataFolderError
from storax.local.processes import namespace

_NAMESPACE_PROGRAM = Path(namespace.__file__)


@dataclass(frozen=True)
class OrdinaryUser:
    """The prefix, user and group by which a command runs as an ordinary user.

    Attributes:
        prefix: Arguments to put before the command.
        uid: User to change to; None, the default, keeps the present one.
        gid: Group to change to; None, the default, keeps the present one.
    """

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    def command(self, argv: Sequence[str]) -> list[str]:
        """Return the command with the prefix before it."""
        return [*self.prefix, *argv]

    def hand_over(self, folder: Path) -> None:
        """Give an existing folder, and all in it, to the user.

        Raises:
            DataFolderError: the machine does not let us.
        """
        if self.uid is None or self.gid is None:
            return
        try:
            for path in (folder, *folder.rglob("*")):
                if path.lstat().st_uid != self.uid:
                    os.chown(path, self.uid, self.gid, follow_symlinks=False)
        except OSError as error:
            raise DataFolderError(
                f"Postgres does not run as root, and this machine allows neither user namespaces nor giving {folder} "
                f"to user {_name(self.uid)} ({error.strerror}). Run storax as an ordinary user."
            ) from error

    def require_path(self, path: Path) -> None:
        """Check that the user can reach ``path``.

        Raises:
            DataFolderError: a folder above it is closed to that user.
        """
        if self.uid is None:
            return
        for folder in reversed(path.parents):
            if not _may_pass(folder, uid=self.uid, gid=self.gid):
                raise DataFolderError(
                    f"Postgres does not run as root, and user {_name(self.uid)} cannot enter {folder}, "
                    f"which is on the way to {path}. Put it elsewhere (storax up --data /srv/storax), "
                    f"or run storax as an ordinary user."
                )


def ordinary_user(folder: Path) -> OrdinaryUser:
    """Choose the user for a server whose data lie in ``folder``.

    An ordinary user stays the same. Root goes into a user namespace or, where that is forbidden, becomes
    ``nobody``; a folder that already belongs to an ordinary user is served by that user.
    """
    if os.geteuid() != 0:
        return OrdinaryUser()
    owner = folder.stat() if folder.exists() else None
    if owner and owner.st_uid != 0:
        return OrdinaryUser(uid=owner.st_uid, gid=owner.st_gid)
    if namespaces_allowed():
        return OrdinaryUser(prefix=(sys.executable, "-I", "-S", str(_NAMESPACE_PROGRAM)))
    nobody = pwd.getpwnam("nobody")
    return OrdinaryUser(uid=nobody.pw_uid, gid=nobody.pw_gid)


@functools.cache
def namespaces_allowed() -> bool:
    """Return whether this machine lets us make a user namespace; a short-lived child process tries it."""
    child = os.fork()
    if child == 0:
        try:
            namespace.enter()
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def _may_pass(folder: Path, *, uid: int, gid: int | None) -> bool:
    status = folder.stat()
    if status.st_uid == uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
