"""`storax job logs` and `wait`."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from storax.cli.job.remote_logs import print_remote
from storax.cli.terminal.failures import JOBS_FAILED, NOT_FOUND, TIMEOUT, CommandError
from storax.cli.terminal.output import note
from storax.cli.terminal.parse import span
from storax.cli.terminal.select import Apps, OlderThan, Selection, Selectors, Sites, States, Tags, one_id
from storax.cli.terminal.streams import write_bytes
from storax.cli.terminal.visible import say_exactly
from storax.models.job_rules import UNSUCCESSFUL

if TYPE_CHECKING:
    from storax.models.job import Job

POLL_SEC = 0.2
RETRY_SEC = 3.0  # between tries while the server is away
BLOCK = 1 << 16
FEW = 10


def logs(
    job: Annotated[str, typer.Argument(help="Job id, or `last`.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Continue until the job has ended.")] = False,
    err: Annotated[bool, typer.Option("--err", "-e", help="Print stderr instead of stdout.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Print only so many last lines; 0: all.")] = 0,
    path: Annotated[bool, typer.Option("--path", help="Print the path of the file instead of its content.")] = False,
    name: Annotated[
        str | None, typer.Option("--file", metavar="PATH", help="Print this file of the job's workdir instead.")
    ] = None,
) -> None:
    """Print the output of a job, also if its site is on another machine: the agent of the site then reads it.

    \b
    Examples:
      storax job logs 12
      storax job logs last -f
      storax job logs 12 --err --lines 20
      storax job logs 12 --file hooks.log
    """
    from storax._jobs.job import output_of
    from storax.models.job import Job

    selected = Job.objects.get(id=one_id(job))
    output = selected.file(name) if name else output_of(selected, int(err))
    file = output.path
    if path:
        say_exactly(str(file))
        return
    if not output.is_here:
        print_remote(selected, output, lines, over=_ended(selected) if follow else None)
        return
    if follow and not file.exists():
        _wait_for_file(selected, file)
    _require(selected, file)
    with file.open("rb") as opened:
        write_bytes(_last_lines(opened, lines))
        if follow:
            _follow(selected, opened, lambda: output.path)


def _require(job: "Job", file: Path) -> None:
    if not file.exists():
        raise CommandError(
            f"Job {job.id} ({job.state}) has no output: {file} does not exist.",
            hint=f"Why: storax job explain {job.id}",
            status=NOT_FOUND,
        )
    if not file.is_file():
        raise CommandError(f"{file} of job {job.id} is a folder, a pipe or the like.", status=NOT_FOUND)


def _ended(job: "Job") -> threading.Event:
    """Return an event that a thread sets once the job has ended."""
    over = threading.Event()

    def wait() -> None:
        try:
            job.wait()
        finally:
            over.set()

    threading.Thread(target=wait, name="storax-job-end", daemon=True).start()
    return over


def _wait_for_file(job: "Job", file: Path) -> None:
    over = _ended(job)
    while not file.exists() and not over.wait(POLL_SEC):
        pass


def _follow(job: "Job", opened: BinaryIO, find: Callable[[], Path]) -> None:
    """Print what is added to a file, and then to that of each further attempt, until the job has ended."""
    over, last = _ended(job), False
    with ExitStack() as files:
        while True:
            if opened.tell() > os.fstat(opened.fileno()).st_size:  # it was begun anew
                opened.seek(0)
            if block := opened.read(BLOCK):
                write_bytes([block])
            elif _is_another(file := find(), opened):
                write_bytes(_last_lines(opened, 0))  # what was written after the last read, before the file was renamed
                opened = files.enter_context(file.open("rb"))
            elif last:
                return
            else:
                last = over.wait(POLL_SEC)


def _is_another(file: Path, opened: BinaryIO) -> bool:
    with suppress(FileNotFoundError):
        return not os.path.samestat(file.stat(), os.fstat(opened.fileno()))
    return False


def _last_lines(opened: Any, lines: int) -> Iterator[bytes]:
    if lines:
        from collections import deque

        yield b"".join(deque(opened, maxlen=lines))
    while block := opened.read(BLOCK):
        yield block


def wait(
    jobs: Selectors = None,
    tag: Tags = None,
    state: States = None,
    site: Sites = None,
    app: Apps = None,
    any_: Annotated[bool, typer.Option("--any", help="Return when one job has ended.")] = False,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Return when one job has failed or was cancelled.")
    ] = False,
    older_than: OlderThan = None,
    timeout: Annotated[
        str | None,
        typer.Option("--timeout", metavar="TIME", help="Longest wait: 90 (seconds), 10m, 2h. Default: none."),
    ] = None,
) -> None:
    """Wait until jobs have ended. Exit status: 6 if a job failed or was cancelled, 7 after a timeout.

    The jobs continue after a timeout.

    \b
    Examples:
      storax job wait last
      storax job wait --tag experiment=foo --timeout 2h --fail-fast
    """
    selection = Selection.of(jobs, tag, state, site, app, older_than).require("wait")
    matches = list(selection.query())
    if not matches:
        raise CommandError(f"No job matches {selection}.", status=NOT_FOUND)
    await_jobs(matches, timeout=span(timeout) if timeout else None, until=_stop_rule(any_=any_, fail_fast=fail_fast))


def _stop_rule(*, any_: bool, fail_fast: bool) -> "Callable[[Job], bool]":
    return lambda job: any_ or (fail_fast and job.state in UNSUCCESSFUL)


def await_jobs(jobs: "Sequence[Job]", *, timeout: float | None, until: "Callable[[Job], bool]") -> None:
    """Wait for jobs, with a bar on a terminal, and print on stderr how they ended.

    Raises:
        CommandError: some failed or were cancelled, or the time was up first.
    """
    ended: list[Job] = []
    began = time.monotonic()
    with progress("Waiting", len(jobs)) as step:
        for job in _endings(jobs, until_time=None if timeout is None else began + timeout):
            ended.append(job)
            step()
            if until(job):
                break
    failed, cancelled = ([job for job in ended if job.state == state] for state in UNSUCCESSFUL)
    rest = f", {len(cancelled)} cancelled" if cancelled else ""
    note(f"{len(ended)} of {len(jobs)} ended in {time.monotonic() - began:.1f} s, {len(failed)} of them failed{rest}.")
    if failed or cancelled:
        raise _failure(failed, "failed") if failed else _failure(cancelled, "cancelled")


def _endings(jobs: "Sequence[Job]", *, until_time: float | None) -> "Iterator[Job]":
    """Yield jobs as they end; wait while the server is away, as the jobs go on without it."""
    from storax.errors import Unavailable
    from storax.models.job import Job

    left = {job.id: job for job in jobs}
    while True:
        try:
            rest = None if until_time is None else max(0.0, until_time - time.monotonic())
            for job in Job.objects.as_completed(left.values(), timeout=rest):
                left.pop(job.id, None)
                yield job
            return
        except Unavailable as error:
            if until_time is not None and time.monotonic() >= until_time:
                raise _too_late(list(left), len(jobs)) from error
            note(f"{error.message} Waiting until it is back.")
            time.sleep(RETRY_SEC)


def _too_late(left: "Sequence[int | None]", total: int) -> CommandError:
    named = ", ".join(map(str, left[:FEW])) + (", ..." if len(left) > FEW else "")
    hint = f"They continue. See why they wait: storax job explain {left[0]}"
    return CommandError(f"{len(left)} of {total} jobs did not end in time: {named}.", hint=hint, status=TIMEOUT)


def _failure(jobs: "Sequence[Job]", how: str) -> CommandError:
    named = ", ".join(str(job.id) for job in jobs[:FEW]) + (", ..." if len(jobs) > FEW else "")
    noun, were = ("Job", "was") if len(jobs) == 1 else ("Jobs", "were")
    end = how if how == "failed" else f"{were} {how}"
    return CommandError(f"{noun} {named} {end}.", hint=f"Why: storax job explain {jobs[0].id}", status=JOBS_FAILED)


@contextmanager
def progress(label: str, total: int) -> "Iterator[Callable[[], Any]]":
    """Show a bar on stderr where bars are shown; calling the yielded function advances it by one."""
    from storax._runtime.progress import shown

    if not shown():
        yield lambda: None
        return
    from tqdm import tqdm

    with tqdm(total=total, desc=label, unit="", file=sys.stderr, leave=False, dynamic_ncols=True) as bar:
        yield bar.update
