"""RQ: two workers that run functions in their own process (SimpleWorker), Valkey over a Unix socket."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import noops
from answering import Check, answer, until, valkey
from redis import Redis
from rq import Queue
from rq.job import Job
from rq.registry import FinishedJobRegistry


class System:
    """The registry of finished jobs says how many are done."""

    def __init__(self) -> None:
        self._redis = Redis(unix_socket_path=valkey(), db=3)
        self._queue = Queue("bench", connection=self._redis)
        self._finished = FinishedJobRegistry(queue=self._queue)

    def processes(self, count: int) -> Check:
        """All in one pipeline."""
        return self._many([Queue.prepare_data(noops.process) for _ in range(count)], [0] * count)

    def functions(self, count: int) -> Check:
        """The same."""
        calls = [Queue.prepare_data(noops.increment, (i,)) for i in range(count)]
        return self._many(calls, list(range(1, count + 1)))

    def one_process(self) -> float:
        """Waits for the result."""
        return self._one(noops.process_started)

    def one_function(self) -> float:
        """The same."""
        return self._one(noops.function_started)

    def _many(self, calls: list[Any], wanted: list[int]) -> Check:
        self._redis.delete(self._finished.key)
        sent = self._queue.enqueue_many(calls)
        until(lambda: self._redis.zcard(self._finished.key) >= len(sent))
        return lambda: [job.return_value() for job in self._again(sent)] == wanted

    def _again(self, sent: list[Job]) -> list[Job]:
        return [job for job in Job.fetch_many([job.id for job in sent], connection=self._redis) if job]

    def _one(self, function: Callable[[], float]) -> float:
        result = self._queue.enqueue(function).latest_result(timeout=10)
        return float(result.return_value if result else "nan")


def main() -> None:
    """Start the workers and answer."""
    argv = [sys.executable, "-m", "rq.cli", "worker-pool", "--num-workers", "2",
            "--worker-class", "rq.worker.SimpleWorker", "--quiet",
            "--url", f"unix://{valkey()}?db=3", "bench"]  # fmt: skip
    pool = subprocess.Popen(argv, cwd=Path(__file__).parent)
    try:
        answer(System())
    finally:
        pool.terminate()
        pool.wait(10)


if __name__ == "__main__":
    main()
