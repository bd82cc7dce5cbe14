"""Jobs that a user submits and cancels while everything fails: what was acknowledged must hold."""

import random
import threading
import time
from types import TracebackType
from typing import Any, Self

from storax import App, Client, Job
from storax.errors import StoraxError

SCRIPT = 'echo run >> runs; sleep "$1"; [ "$3" = 0 ] || [ -e failed ] || { touch failed; exit 3; }; echo "$2" > out'
LONGEST_SEC = 0.2
DEADLINE_SEC = 60.0


def app_class(site: str) -> type[App]:
    """An App whose program notes its start, sleeps, at times fails once, and writes its number into ``out``."""
    command = f"sh -c '{SCRIPT}' job {{{{ seconds }}}} {{{{ serial }}}} {{{{ fails }}}}"
    return type("Storm", (App,), {"site": site, "command_template": command, "__module__": __name__})


class Load:
    """Submits jobs in batches in a thread, at an even pace, and cancels some.

    Attributes:
        acknowledged: Id of each job by its number, as the server acknowledged it.
        cancelled: Numbers of jobs whose cancellation was sent.
        errors: What calls failed with after all their retries: nothing is known of their jobs.
    """

    def __init__(
        self, url: str, token: str, rng: random.Random, *, jobs: int, seconds: float, sites: tuple[str, ...]
    ) -> None:
        self._url, self._token, self._rng, self._sites = url, token, rng, sites
        self._batches = _batches(rng, jobs)
        self._pause = seconds / len(self._batches)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.acknowledged: dict[int, int] = {}
        self.cancelled: set[int] = set()
        self.errors: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._thread.join(600)

    def join(self) -> None:
        """Wait until everything was submitted."""
        self._thread.join(600)
        assert not self._thread.is_alive(), "the jobs were not submitted within ten minutes"

    def _run(self) -> None:
        begun = time.monotonic()
        with Client(self._url, self._token, deadline=DEADLINE_SEC, connect_within=DEADLINE_SEC):
            for number, serials in enumerate(self._batches):
                time.sleep(max(0.0, begun + number * self._pause - time.monotonic()))
                try:
                    self._submit(serials)
                    if self._rng.random() < 0.3:
                        self._cancel()
                except StoraxError as error:
                    self.errors.append(f"{type(error).__name__}: {error}")

    def _submit(self, serials: range) -> None:
        site = self._rng.choice(self._sites)
        jobs: list[Any] = [self._job(serial, site) for serial in serials]
        self.acknowledged |= {job.parameters["serial"]: job.id for job in Job.objects.bulk_create(jobs)}

    def _job(self, serial: int, site: str) -> Any:
        values = {"seconds": f"{self._rng.uniform(0, LONGEST_SEC):.3f}", "serial": serial}
        values["fails"] = int(self._rng.random() < 0.05)
        parents = [self._rng.choice(list(self.acknowledged.values()))] if self._has_parent() else []
        return Job(
            app="Storm", site_name=site, workdir=str(serial), parameters=values, max_attempts=9, max_losses=0,
            parent_ids=parents, on_parent_failure="run",
        )  # fmt: skip

    def _has_parent(self) -> bool:
        return bool(self.acknowledged) and self._rng.random() < 0.1

    def _cancel(self) -> None:
        chosen = self._rng.sample(sorted(self.acknowledged), min(3, len(self.acknowledged)))
        self.cancelled |= set(chosen)
        Job.objects.filter(id=[self.acknowledged[serial] for serial in chosen]).cancel()


def _batches(rng: random.Random, jobs: int) -> list[range]:
    batches, first = [], 0
    while first < jobs:
        size = min(rng.randint(1, 40), jobs - first)
        batches.append(range(first, first + size))
        first += size
    return batches
