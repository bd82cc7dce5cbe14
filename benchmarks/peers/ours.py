"""Storax, asked for the same measurements as the other systems."""

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.flow_rows import Increment, run_all
from storax import App, Job
from storax.local import LocalStack

GAP_SEC = 0.03  # as inside/answering.py
WARM = 2


class Clock(App):
    """Returns when it began."""

    site = "local"

    def run(self) -> float:
        import time

        return time.time()


class Ours:
    """The running stack with its own site, two slots, through the Python client."""

    def __init__(self, stack: LocalStack, noop_id: int) -> None:
        self._data = stack.site_dir / "data"
        self._noop_id = noop_id
        self._increment_id: Any = Increment.sync().id
        self._clock_id: Any = Clock.sync().id
        self._date_id: Any = App.objects.create(
            site_id=App.objects.get(id=noop_id).site_id, name="Date", command_template="/bin/date +%s.%N"
        ).id
        self._places = (Path("beside") / str(n) for n in itertools.count())

    def ask(self, what: str, count: int) -> Any:
        """See ``Peer.ask``."""
        works: dict[str, Callable[[int], Any]] = {
            "processes": lambda n: run_all([self._job(self._noop_id) for _ in range(n)]),
            "functions": lambda n: run_all([self._job(self._increment_id, x=i) for i in range(n)]),
            "one_process": lambda n: self._latency(self._date_id, self._process_started, n),
            "one_function": lambda n: self._latency(self._clock_id, lambda job: float(job.return_value), n),
        }
        return works[what](count)

    def _job(self, app_id: int, **parameters: Any) -> Any:
        return Job(app_id=app_id, workdir=str(next(self._places)), parameters=parameters)

    def _process_started(self, job: Any) -> float:
        return float((self._data / job.workdir / "job.out").read_text())

    def _latency(self, app_id: int, started: Callable[[Any], float], count: int) -> list[tuple[float, float]]:
        seen = []
        for _ in range(WARM + count):
            time.sleep(GAP_SEC)
            begun = time.time()
            job = self._job(app_id)
            job.save()
            job.result(timeout=20)
            ended = time.time()
            seen.append(((started(job) - begun) * 1e3, (ended - begun) * 1e3))
        return seen[WARM:]
