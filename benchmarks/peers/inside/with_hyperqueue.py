"""HyperQueue: the real server and a worker, as its wheel starts them in this process; no journal is kept.

Its client sleeps a second between two looks at a job, which would be most of a short measurement. So it is made to look
more often: its wait is broken off by its own callback after the first look.
"""

import itertools
import os
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import noops
from answering import Check, answer, folder, until
from hyperqueue import Job, LocalCluster
from hyperqueue.client import Client
from hyperqueue.cluster import WorkerConfig
from hyperqueue.task.function import PythonEnv

SLOTS = 8  # told to the worker: with one for each core it waits most of the time


class NotYetError(Exception):
    """The job still runs."""


class System:
    """One job holds all the tasks of a measurement."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._count = itertools.count()

    def processes(self, count: int) -> Check:
        """Programs, with no files for their output."""
        job = Job(folder())
        for _ in range(count):
            job.program(["/bin/true"], stdout=None, stderr=None)
        return self._run(job)

    def functions(self, count: int) -> Check:
        """Each starts a Python of its own; their results are thrown away, so only their success is seen."""
        job = Job(folder())
        for i in range(count):
            job.function(noops.increment, args=(i,), stdout=None, stderr=None)
        return self._run(job)

    def one_process(self) -> float:
        """A result is what a program wrote into its output file."""
        path = folder() / f"start-{next(self._count)}"
        job = Job(folder())
        job.program(["/bin/date", "+%s.%N"], stdout=path, stderr=None)
        self._run(job)
        return float(Path(path).read_text())

    def one_function(self) -> float:
        """Functions return nothing to a client."""
        raise NotImplementedError

    def _run(self, job: Job) -> Check:
        sent = self._client.submit(job)
        until(lambda: self._ended(sent.id))
        return lambda: self._client.wait_for_jobs([sent])

    def _ended(self, job_id: int) -> bool:
        def raise_unless_completed(jobs: dict[int, Any]) -> None:
            if not jobs[job_id]["completed"]:
                raise NotYetError

        try:
            self._client.connection.wait_for_jobs([job_id], raise_unless_completed)
        except NotYetError:
            return False
        return True


def main() -> None:
    """Start server and worker, and answer."""
    cloudpickle.register_pickle_by_value(noops)  # its tasks look for no modules of ours
    cluster = LocalCluster(str(folder() / "hyperqueue"), WorkerConfig(cores=SLOTS))
    python = PythonEnv(python_bin=sys.executable)
    answer(System(Client(cluster.cluster.server_dir, python)))
    os._exit(0)  # the threads of its server would hold this process for ever


if __name__ == "__main__":
    main()
