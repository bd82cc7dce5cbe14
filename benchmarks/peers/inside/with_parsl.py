"""Parsl: its HighThroughputExecutor with two worker processes on this machine; nothing is kept."""

import concurrent.futures
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import noops
import parsl
from answering import Check, answer, folder
from parsl.config import Config
from parsl.executors import HighThroughputExecutor
from parsl.providers import LocalProvider

APPS = {name: parsl.python_app(getattr(noops, name)) for name in
        ("increment", "process", "function_started", "process_started")}  # fmt: skip


class System:
    """Futures say when all are done."""

    def processes(self, count: int) -> Check:
        """By a Python App, which costs less than a Bash App's shell."""
        return self._many(APPS["process"], [()] * count, [0] * count)

    def functions(self, count: int) -> Check:
        """By the same App."""
        return self._many(APPS["increment"], [(i,) for i in range(count)], list(range(1, count + 1)))

    def one_process(self) -> float:
        """Waits for the result."""
        return float(APPS["process_started"]().result(timeout=10))

    def one_function(self) -> float:
        """The same."""
        return float(APPS["function_started"]().result(timeout=10))

    def _many(self, app: Callable[..., Any], arguments: list[tuple[int, ...]], wanted: list[int]) -> Check:
        futures = [app(*args) for args in arguments]
        concurrent.futures.wait(futures, timeout=60)
        return lambda: [future.result(timeout=1) for future in futures] == wanted


def main() -> None:
    """Start the workers and answer."""
    here = Path(__file__).parent
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # it starts its own programs
    os.environ["PYTHONPATH"] = str(here)
    executor = HighThroughputExecutor(
        label="bench", max_workers_per_node=2, prefetch_capacity=64, encrypted=False, address="127.0.0.1",
        provider=LocalProvider(init_blocks=1, min_blocks=1, max_blocks=1),
    )  # fmt: skip
    config = Config(
        executors=[executor], strategy="none", run_dir=str(folder() / "parsl"),
        usage_tracking=0, initialize_logging=False,
    )  # fmt: skip
    with parsl.load(config):
        APPS["increment"](1).result(timeout=60)
        answer(System())


if __name__ == "__main__":
    main()
