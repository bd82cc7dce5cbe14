"""Names of the files that hold what a job writes to stdout and stderr, in its workdir.

The first job in a workdir writes ``job.out`` and ``job.err``. When a second one starts there, those become
``job.first.out`` and ``job.first.err``; from then on each job writes files with its own id, and ``job.out`` and
``job.err`` are further names of those of the latest job. ``hooks.log``, which has the output of hooks, is named alike.
"""

# A copy of client/storax/_runtime/output_files.py, written by `python -m tools.codegen`; do not edit.

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

STREAMS = ("stdout", "stderr")
PLAIN = ("job.out", "job.err")
FIRST = ("job.first.out", "job.first.err")
HOOK_LOG, FIRST_HOOK_LOG = "hooks.log", "hooks.first.log"


def own_names(job_id: int) -> tuple[str, str]:
    """The names of a job's files in a workdir that it shares."""
    return f"job.{job_id}.out", f"job.{job_id}.err"


def name_of(job_id: int, stream: int, exists: Callable[[str], bool], *, has_run: bool = True) -> str:
    """The name of the file that holds a job's output now.

    A workdir that is shared has all of ``FIRST``, so that a job without a file of its own is the first one. Before a
    job's first run, a file under another name is the output of another job.

    Args:
        job_id: Id of the job.
        stream: 0 is stdout, 1 stderr.
        exists: Whether its workdir has a file of this name.
        has_run: Whether the job has ever started.
    """
    own = own_names(job_id)
    if any(map(exists, own)):
        return own[stream]
    name = FIRST[stream] if exists(FIRST[stream]) else PLAIN[stream]
    return name if has_run or not exists(name) else own[stream]


def hook_log_of(job_id: int, exists: Callable[[str], bool]) -> str:
    """The name of the file with the output of a job's hooks; ``exists`` tells whether its workdir has a name."""
    own = f"hooks.{job_id}.log"
    return own if exists(own) else FIRST_HOOK_LOG if exists(FIRST_HOOK_LOG) else HOOK_LOG
