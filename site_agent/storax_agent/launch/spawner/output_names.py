"""Which files a job writes its output to, so that jobs in one workdir do not write to the files of each other.

``storax._runtime.output_files`` states the names. The workdir itself says whether it is shared: another spawner, on
another node or of a later agent, must come to the same answer.
"""

import errno
import os
import stat
from collections import OrderedDict
from contextlib import suppress

from storax._runtime.output_files import FIRST, PLAIN, own_names
from storax_agent.launch.work import Lease

MOST_WORKDIRS = 10_000
Names = tuple[str, str]


class OutputNames:
    """Chooses the names. It remembers the last job of each of the 10,000 workdirs used last: one that has not written
    anything yet, or never will, leaves no file to tell of it."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, int] = OrderedDict()

    def claim(self, folder: int, lease: Lease, workdir: str, *, contested: bool = False) -> Names:
        """Return the names for a run in the open ``folder``, where no files have them then.

        Files of other jobs are kept, and those of its own earlier attempts get the attempt's number. ``contested``:
        another job took the plain names between such a call and the creation of the files.

        Raises:
            OSError: a file cannot be renamed, or what has its name is no file.
        """
        last = self._remember(workdir, lease.job_id)
        is_own = last == lease.job_id or (last is None and lease.attempt > 1)
        shared = not is_own and (last is not None or any(_links(folder, name) for name in PLAIN))
        if not (shared or contested or _links(folder, FIRST[0])):
            _clear(folder, PLAIN, lease.attempt)
            return PLAIN
        names = own_names(lease.job_id)
        _clear(folder, names, lease.attempt)
        for plain, first in zip(PLAIN, FIRST, strict=True):
            _keep_first(folder, plain, first)
        return names

    def _remember(self, workdir: str, job_id: int) -> int | None:
        last = self._last.pop(workdir, None)
        self._last[workdir] = job_id
        if len(self._last) > MOST_WORKDIRS:
            self._last.popitem(last=False)
        return last


def name_as_latest(names: Names) -> None:
    """Give the files of the latest job of a shared workdir, which is the current folder, the plain names as well."""
    for name, plain in zip(names, PLAIN, strict=True):
        if name != plain:
            with suppress(OSError):
                os.link(name, plain)


def _clear(folder: int, names: Names, attempt: int) -> None:
    """Set the files of an earlier attempt aside; those of this one, begun under a lease that was lost, go."""
    for name in names:
        if not _links(folder, name):
            continue
        if attempt > 1:
            os.rename(name, f"{name}.{attempt - 1}", src_dir_fd=folder, dst_dir_fd=folder)
        else:
            os.unlink(name, dir_fd=folder)


def _keep_first(folder: int, plain: str, first: str) -> None:
    """Keep the output of the job that had the folder alone under ``first``, be it empty, and free the plain name."""
    links = _links(folder, plain)
    if not _links(folder, first):
        if links == 1:
            os.rename(plain, first, src_dir_fd=folder, dst_dir_fd=folder)
            return
        os.close(os.open(first, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644, dir_fd=folder))
    if links:
        os.unlink(plain, dir_fd=folder)


def _links(folder: int, name: str) -> int:
    """How many names a file has; 0 where there is none. Raises OSError for what is no file."""
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return 0
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EEXIST, "it is there and is no file", name)
    return status.st_nlink
