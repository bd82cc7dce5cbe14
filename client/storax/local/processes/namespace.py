"""Become an ordinary user, then run a command: ``python namespace.py COMMAND...``.

Postgres refuses to run as root. Inside a user namespace that maps root to uid 1000 it does run, while its files still
belong to root and nothing on the machine changes. This file is run by itself, so that no code runs between fork and
exec of a process that may have threads; the command keeps the pid.
"""

import ctypes
import os
import sys
from pathlib import Path

_CLONE_NEWUSER = 0x10000000
_INSIDE = 1000


def enter() -> None:
    """Move this process into a user namespace of its own, as uid and gid 1000.

    Raises:
        OSError: the machine forbids it, as Docker's default rules do.
    """
    user, group = os.geteuid(), os.getegid()
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWUSER) is forbidden here")
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{_INSIDE} {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{_INSIDE} {group} 1", encoding="ascii")


if __name__ == "__main__":
    enter()
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606
