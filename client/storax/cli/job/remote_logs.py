"""The output of a job whose site is on another machine: windows of its file, which the agent of the site reads."""

import threading
from typing import TYPE_CHECKING

from storax.cli.terminal.failures import NOT_FOUND, CommandError
from storax.cli.terminal.streams import write_bytes

if TYPE_CHECKING:
    from storax._jobs.files import JobFile
    from storax.models.job import Job

POLL_SEC = 1.0


def print_remote(job: "Job", output: "JobFile", lines: int, *, over: threading.Event | None) -> None:
    """Print the last ``lines`` of a file, 0: all; with ``over``, an event, what is added until the job has ended.

    Raises:
        CommandError: there is no such file, also at the end of the job.
    """
    at, inode = _copy_present(job, output, lines, over)
    if over is not None:
        _follow(output, at, inode, over)


def _follow(output: "JobFile", at: int, inode: int, over: threading.Event) -> None:
    last = False
    while True:
        window = output.window(at)
        if window.inode != inode or window.size < at:  # a new attempt has begun a new file
            at, inode = 0, window.inode
        elif window.data:
            write_bytes([window.data])
            at += len(window.data)
        elif last:
            return
        else:
            last = over.wait(POLL_SEC)


def _copy_present(job: "Job", output: "JobFile", lines: int, over: threading.Event | None) -> tuple[int, int]:
    """Print what a file holds, waiting for it to appear until the job has ended; return the position and its inode."""
    from storax.errors import NoFile

    while True:
        try:
            window = output.window(0, 0)
            write_bytes(output.read(output.begin_of_last(lines), window.size))
        except NoFile as error:
            if over is None or over.wait(POLL_SEC):
                message = f"Job {job.id} ({job.state}) has no output: {output.path} does not exist."
                raise CommandError(message, hint=f"Why: storax job explain {job.id}", status=NOT_FOUND) from error
        else:
            return window.size, window.inode
