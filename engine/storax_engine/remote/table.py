"""The runs of one open project that the engine watches, and who waits for a change of theirs."""

import threading
from collections.abc import Callable

from storax.errors import StoraxError
from storax_engine.remote.run import RemoteRun


class RunTable:
    """Runs by token. Safe for threads; ``lock`` keeps all others out, for several steps that belong together."""

    def __init__(self) -> None:
        self.lock = threading.Condition(threading.RLock())
        self.closed = False
        self._runs: dict[str, RemoteRun] = {}

    def add(self, run: RemoteRun) -> None:
        """Watch a run."""
        with self.lock:
            self._runs[run.token] = run

    def __contains__(self, run: RemoteRun) -> bool:
        return run.token in self._runs

    def all(self) -> list[RemoteRun]:
        """Every run."""
        with self.lock:
            return list(self._runs.values())

    def job_ids(self) -> list[int]:
        """The job of every run whose end is the run's."""
        return [run.job_id for run in self.all()]

    def remove(self, run: RemoteRun, error: StoraxError | None) -> None:
        """Watch a run no longer; ``end`` follows."""
        with self.lock:
            self._runs.pop(run.token, None)
            run.error = error

    def end(self, run: RemoteRun) -> None:
        """Wake those who wait for a run: it has ended."""
        with self.lock:
            run.ended = True
            self.lock.notify_all()

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds, or the project is closed."""
        with self.lock:
            self.lock.wait_for(lambda: self.closed or condition())

    def notify(self) -> None:
        """Have those who wait look at their condition."""
        with self.lock:
            self.lock.notify_all()

    def close(self) -> None:
        """Close it; a result that is being collected becomes part of the project before."""
        with self.lock:
            self.closed = True
            self.lock.notify_all()
