"""Celery: two worker processes (prefork), broker and results in Valkey over a Unix socket."""

import subprocess
import sys
from pathlib import Path

import noops
from answering import Check, answer, until, valkey
from celery import Celery, Task
from redis import Redis

app = Celery(broker=f"redis+socket://{valkey()}?virtual_host=1", backend=f"redis+socket://{valkey()}?virtual_host=2")
app.conf.update(
    worker_concurrency=2,
    worker_prefetch_multiplier=64,  # its manual: many, for short tasks
    worker_enable_remote_control=False,
    task_default_delivery_mode="transient",
    task_track_started=False,
    broker_connection_retry_on_startup=True,
)
TASKS = {name: app.task(getattr(noops, name), name=name) for name in
         ("increment", "process", "function_started", "process_started")}  # fmt: skip


class System:
    """The number of results in the backend says how many are done."""

    def __init__(self) -> None:
        self._results = Redis(unix_socket_path=valkey(), db=2)
        self._results.flushdb()

    def processes(self, count: int) -> Check:
        """One message each: Celery sends no batches."""
        return self._many(TASKS["process"], [()] * count, [0] * count)

    def functions(self, count: int) -> Check:
        """The same."""
        return self._many(TASKS["increment"], [(i,) for i in range(count)], list(range(1, count + 1)))

    def one_process(self) -> float:
        """Waits for the result."""
        return float(TASKS["process_started"].delay().get(timeout=10))

    def one_function(self) -> float:
        """The same."""
        return float(TASKS["function_started"].delay().get(timeout=10))

    def _many(self, task: Task, arguments: list[tuple[int, ...]], wanted: list[int]) -> Check:
        self._results.flushdb()
        with app.producer_pool.acquire(block=True) as producer:
            sent = [task.apply_async(args, producer=producer) for args in arguments]
        until(lambda: self._results.dbsize() >= len(sent))
        return lambda: [one.get(timeout=10) for one in sent] == wanted


def main() -> None:
    """Start the worker and answer."""
    argv = [sys.executable, "-m", "celery", "-A", "with_celery", "worker", "--loglevel", "ERROR", "--pool", "prefork",
            "--without-gossip", "--without-mingle", "--without-heartbeat"]  # fmt: skip
    worker = subprocess.Popen(argv, cwd=Path(__file__).parent)
    try:
        answer(System())
    finally:
        worker.terminate()
        worker.wait(10)


if __name__ == "__main__":
    main()
