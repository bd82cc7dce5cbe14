"""Processes told apart for good, and how those ended that are not our children.

A pid may be used again, so a process is known by its start time as well, in seconds since boot: the kernel's own clock,
which no change of the date moves.
"""

import fcntl
import os
import struct
import time
from datetime import UTC, datetime
from pathlib import Path

START_SLACK_SEC = 1.0

_GET_INFO = 0xC040FF0B  # ioctl PIDFD_GET_INFO with the first, 64-byte form of struct pidfd_info
_INFO_EXIT = 1 << 3
_EXIT_OFFSET = 60
_START_FIELD, _STATE_FIELD, _EXIT_FIELD = 19, 0, 49  # of /proc/PID/stat, after the command's parenthesis


def now_since_boot() -> float:
    """Seconds since boot, the clock in which the kernel keeps start times."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def pidfd_of(pid: int, *, start_time: float) -> int | None:
    """A pidfd of the process that had this pid and started then, or None when it is gone and fully forgotten.

    A zombie counts: its exit code can still be read.
    """
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return None
    stat = _stat(pid)
    if stat and abs(int(stat[_START_FIELD]) / os.sysconf("SC_CLK_TCK") - start_time) <= START_SLACK_SEC:
        return handle
    os.close(handle)
    return None


def start_time_of(pid: int, *, zombies: bool = False) -> float | None:
    """When this process started, in seconds since boot; None when there is none, or a zombie unless ``zombies``."""
    stat = _stat(pid)
    if not stat or (stat[_STATE_FIELD] in "ZX" and not zombies):
        return None
    return int(stat[_START_FIELD]) / os.sysconf("SC_CLK_TCK")


def runs(pid: int, *, start_time: float) -> bool:
    """Whether the process that had this pid and started then still runs; a zombie does not."""
    handle = pidfd_of(pid, start_time=start_time)
    if handle is None:
        return False
    os.close(handle)
    stat = _stat(pid)
    return stat is not None and stat[_STATE_FIELD] not in "ZX"


def date_of(since_boot: float) -> datetime:
    """A time since boot as a date."""
    return datetime.fromtimestamp(time.time() - now_since_boot() + since_boot, UTC)


def foreign_exit(pid: int, handle: int) -> int | None:
    """The exit code of an ended process that is not our child, or None when nobody can tell any more.

    A zombie's is in /proc; of one already reaped, Linux 6.15 and later tell it through the pidfd.
    """
    stat = _stat(pid)
    if stat and stat[_STATE_FIELD] in "ZX":
        return os.waitstatus_to_exitcode(int(stat[_EXIT_FIELD]))
    buffer = bytearray(64)
    struct.pack_into("Q", buffer, 0, _INFO_EXIT)
    try:
        fcntl.ioctl(handle, _GET_INFO, buffer)
    except OSError:
        return None
    if not struct.unpack_from("Q", buffer)[0] & _INFO_EXIT:
        return None
    status: int = struct.unpack_from("i", buffer, _EXIT_OFFSET)[0]
    return os.waitstatus_to_exitcode(status)


def _stat(pid: int) -> list[str] | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
