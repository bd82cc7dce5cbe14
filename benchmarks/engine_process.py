"""A private platform with an engine of its own, and the CPU seconds that both ends of a call have used."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import storax
from benchmarks.measure import cpu_us, resident_mb
from storax import Client
from storax._engine.folder import EngineFolder
from storax.local import LocalStack


@dataclass(frozen=True)
class Engine:
    """The engine that this process calls."""

    pid: int

    def cpu_s(self) -> float:
        """Return the CPU seconds that all threads of this process and of the engine have used."""
        return time.process_time() + cpu_us(self.pid) / 1e6

    def used(self, work: Callable[[], Any]) -> float:
        """Return the CPU seconds that one call takes in this process and in the engine."""
        begun = self.cpu_s()
        work()
        return self.cpu_s() - begun

    def peak_mb(self) -> float:
        """Return the peak resident memory of the engine, in MiB."""
        return resident_mb(self.pid)


@contextmanager
def engine() -> Iterator[Engine]:
    """Run a stack without a site and an engine in a temporary folder, and open the project ``bench``."""
    before = os.environ.get("STORAX_HOME")
    with tempfile.TemporaryDirectory(prefix="storax-bench-") as home, LocalStack(site=False) as stack:
        os.environ["STORAX_HOME"] = home
        with Client(stack.url, stack.token):
            try:
                storax.engine.set_project("bench")
                running = EngineFolder.default().read()
                assert running
                yield Engine(running.process.pid)
            finally:
                storax.engine.shutdown()
                os.environ.pop("STORAX_HOME")
                os.environ.update({} if before is None else {"STORAX_HOME": before})
