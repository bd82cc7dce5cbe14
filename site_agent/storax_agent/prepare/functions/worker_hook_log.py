"""Which file of a workdir a job's hooks write to; beside ``worker.py``, by the standard library alone.

As with ``job.out``: the first job whose hooks run in a workdir writes ``hooks.log``. When a second one comes, that
file becomes ``hooks.first.log``; from then on each job appends to a file with its own id, and ``hooks.log`` is another
name of the file of the latest. The first line of a file names its job.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storax_agent.prepare.functions.worker_output_files import FIRST_HOOK_LOG, HOOK_LOG
else:
    from worker_output_files import FIRST_HOOK_LOG, HOOK_LOG

APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW


def heading(method: str, job: str) -> str:
    """The line before the output of each hook."""
    return f"--- {method} of job {job}\n"


def open_log(folder: int, job: str) -> int:
    """Open the log of a job's hooks in an open workdir, to append to it. Raises OSError."""
    own = f"hooks.{job}.log"
    if not exists(folder, own):
        if not (exists(folder, HOOK_LOG) or exists(folder, FIRST_HOOK_LOG)):
            with suppress(FileExistsError):
                return os.open(HOOK_LOG, APPEND | os.O_EXCL, 0o644, dir_fd=folder)
        for name in (HOOK_LOG, FIRST_HOOK_LOG):
            if (file := _opened_if_of(folder, name, job)) is not None:
                return file
        with suppress(OSError):  # it is kept already
            os.link(HOOK_LOG, FIRST_HOOK_LOG, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    file = os.open(own, APPEND, 0o644, dir_fd=folder)
    if exists(folder, FIRST_HOOK_LOG):
        _name_as_latest(folder, own)
    return file


def _opened_if_of(folder: int, name: str, job: str) -> int | None:
    """A file, open to append to, if its first line names this job."""
    try:
        file = os.open(name, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError:
        return None
    if os.pread(file, 200, 0).partition(b"\n")[0].endswith(f" of job {job}".encode()):
        return file
    os.close(file)
    return None


def _name_as_latest(folder: int, own: str) -> None:
    """Give a log the plain name as well, in one step: at no moment may another job find that name free."""
    new = f".{own}.new"
    with suppress(OSError):
        os.link(own, new, src_dir_fd=folder, dst_dir_fd=folder)
        os.rename(new, HOOK_LOG, src_dir_fd=folder, dst_dir_fd=folder)
        os.unlink(new, dir_fd=folder)  # a rename to another name of the same file leaves both


def exists(folder: int, name: str) -> bool:
    """Whether an open folder has this name; a link counts, wherever it leads."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
