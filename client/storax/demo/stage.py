"""The run of the demo: start a stack, run the workflow, print the report, stop everything."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from storax.api import Client, Job
from storax.cli.job.explain import reasons
from storax.cli.job.follow import progress
from storax.cli.terminal.failures import JOBS_FAILED
from storax.cli.terminal.invocation import command_here
from storax.cli.terminal.output import note
from storax.demo import report, workflow
from storax.local import LocalStack
from storax.models.job_rules import UNSUCCESSFUL

LONGEST_SEC = 600.0
# The demo does not use an external server that is set for `storax up`.
_EXTERNAL = ("STORAX_DATABASE_URL", "STORAX_REDIS_URL", "STORAX_URL", "STORAX_TOKEN", "STORAX_PROFILE")
_CLOSING = """
Everything was stopped and removed. To go on:
  {storax} up --detach                            # the same stack, kept
  {storax} app example > apps.py                  # a file with two Apps, to change
  {storax} app sync apps.py                       # publish them
  {storax} job submit Hello name=world --wait     # run one
  {storax} event ls                               # the log of every change
  {storax} down                                   # stop; the data stay"""


def run(*, parts: int = 150) -> int:
    """Run the demo and return the exit status.

    Raises:
        LocalError: the stack cannot be started.
        StoraxError: the stack broke on the way.
    """
    began = time.monotonic()
    with _signals_as_interrupt(), _without_external_servers():
        note("Starting Postgres, Valkey, the API, the workers and a site ...")
        stack = LocalStack(fsync=False)
        try:
            stack.start()
            note(f"Ready at {stack.url} after {time.monotonic() - began:.1f} s.")
            with Client(stack.url, stack.token):
                status = _perform(stack, parts=parts)
        finally:
            stack.stop()
    if status == 0:
        print(closing())
        note(f"\n{time.monotonic() - began:.1f} s in all.")
    return status


def closing() -> str:
    """Return the commands that go on from here, for the shell that the demo was called from."""
    return _CLOSING.format(storax=command_here())


def _perform(stack: LocalStack, *, parts: int) -> int:
    began = time.monotonic()
    workflow.publish()
    flow = workflow.submit(parts=parts)
    note(f"Created a graph of {len(flow.jobs)} jobs in one call: split, {parts} x analyse, merge.")
    _wait(flow)
    if flow.merge.state != "JOB_FINISHED":
        return _explain(flow)
    note(f"All ended after {time.monotonic() - began:.1f} s.")
    report.print_result(flow.merge.return_value, source=str(workflow.SOURCE))
    report.print_counts(flow)
    report.print_history(flow.flaky)
    return _verify(stack)


def _wait(flow: workflow.Workflow) -> None:
    """Wait until every job has ended; the server pushes each end."""
    with progress("Running", len(flow.jobs)) as step:
        for _ in Job.objects.as_completed(flow.jobs, timeout=LONGEST_SEC):
            step()


def _explain(flow: workflow.Workflow) -> int:
    """Say which job failed first, and why."""
    first = next(job for job in flow.jobs if job.state in UNSUCCESSFUL)
    note("\n".join(reasons(first)))
    return JOBS_FAILED


def _verify(stack: LocalStack) -> int:
    """Fold the whole log and compare it with every table, as `storax admin verify` does."""
    report.title("storax admin verify: the log, folded again, against every table")
    sys.stdout.flush()
    command = [sys.executable, "-P", "-m", "storax_core.admin", "verify"]
    environment = {**os.environ, "STORAX_DATABASE_URL": stack.database_url}
    return subprocess.run(command, env=environment, check=False).returncode


@contextmanager
def _signals_as_interrupt() -> Iterator[None]:
    """Handle a closed terminal and SIGTERM like Ctrl-C, so that the stack is stopped."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _without_external_servers() -> Iterator[None]:
    kept = {name: os.environ.pop(name) for name in _EXTERNAL if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)
