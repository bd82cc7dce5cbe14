"""A tuning: trials as jobs, several at once, here or at a site; what is best becomes an edition of a pipeline.

Trials are told to the search in the order of their numbers, so that timing changes nothing. Each leaves a folder and a
file in the tuning's own folder, and whoever goes on with the tuning finds them there.
"""

import shutil
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from storax.errors import Conflict, InvalidInput, JobCancelled, JobFailed, StoraxError, Unavailable
from storax_engine.command_progress import Cancelled, Work
from storax_engine.engine import Engine
from storax_engine.pipelines import reuse
from storax_engine.pipelines.errors import learning_errors
from storax_engine.projects.project import Project
from storax_engine.remote import files
from storax_engine.remote.manifest import Trial
from storax_engine.remote.tuning_files import TrialOutcome, read_outcome, trial_folder, write_outcome
from storax_engine.tuning.search import Search

Row = dict[str, Any]
Tables = Mapping[str, pa.Table]
_SOON_SEC, _ENDS_WITHIN_SEC = 0.1, 10.0
_busy: set[Path] = set()
_guard = threading.Lock()


@dataclass
class Tuning:
    """What all trials of one run share. ``site`` None is the engine's own process."""

    engine: Engine
    here: Project
    name: str
    search: Search
    folder: Path
    train: Tables
    test: Tables
    pipeline: str
    site: str | None
    job: Row
    retries: int
    stop: threading.Event = field(default_factory=threading.Event)
    works: dict[int, Work] = field(default_factory=dict)

    def run(self, work: Work, in_flight: int, n_trials: int) -> None:
        """Run until so many trials have a recorded outcome.

        Raises:
            Cancelled: nobody waits any more; the trials that were at work are cancelled.
        """
        going: deque[tuple[int, Future[Row]]] = deque()
        with ThreadPoolExecutor(in_flight, thread_name_prefix="trial") as threads:
            try:
                trials = self._trials(n_trials)
                while (trial := next(trials, None)) is not None:
                    going.append((trial["number"], threads.submit(self._trial, trial)))
                    while len(going) >= in_flight:
                        self._record(going, work)
                while going:
                    self._record(going, work)
            except BaseException:
                self.stop.set()
                raise
            finally:
                self._stop_the_rest(going)

    @contextmanager
    def shared_tables(self) -> Iterator[None]:
        """Have the tables as files in the tuning's folder, for trials at a site; none are needed in this process."""
        try:
            if self.site is not None:
                files.write_tables(self.folder, self.train, "train")
                files.write_tables(self.folder, self.test, "test")
            yield
        finally:
            shutil.rmtree(self.folder / files.TABLES, ignore_errors=True)

    def _trials(self, n_trials: int) -> Iterator[Row]:
        """Yield the trials that have begun and have no recorded outcome, then new ones."""
        yield from self.search.left()
        while len(self.search.trials) < n_trials:
            yield self.search.ask()

    def _record(self, going: "deque[tuple[int, Future[Row]]]", work: Work) -> None:
        """Wait for the first of these trials, which is one of them until it has ended, and record it."""
        number, future = going[0]
        while not future.done():
            time.sleep(_SOON_SEC)
            self._show(work)
            work.raise_if_cancelled()
        outcome = future.result()
        going.popleft()
        self.search.tell(number, outcome.get("scores"), job_id=outcome.get("job_id"), reason=outcome.get("reason", ""))
        best = self.search.best()
        for trial in self.search.trials:
            if trial["state"] != "RUNNING" and trial is not best:
                shutil.rmtree(trial_folder(self.folder, trial["number"]), ignore_errors=True)

    def _show(self, work: Work) -> None:
        ended = sum(trial["state"] != "RUNNING" for trial in self.search.trials)
        all_of_them, best = self.search.settings["n_trials"], self.search.best()
        so_far = f", best {self.search.settings['score']} {best['value']:.4g}" if best else ""
        work.progress(ended / all_of_them, f"{ended} of {all_of_them} trials{so_far}")

    def _stop_the_rest(self, going: "deque[tuple[int, Future[Row]]]") -> None:
        while any(not future.done() for _, future in going):
            for number, future in going:
                future.cancel()
                if self.stop.is_set() and number in self.works:
                    self.works[number].cancel()
            time.sleep(_SOON_SEC)

    # ---- one trial -------------------------------------------------------------------------------------------------

    def _trial(self, trial: Row) -> Row:
        """Its scores and its job; or why it failed, after the attempts that it has."""
        failure: Row = {}
        for _ in range(1 + self.retries):
            if self.stop.is_set():
                raise Cancelled("It was cancelled.")
            kept = read_outcome(self.folder, trial["number"])
            if kept is not None:
                return kept.model_dump()
            work = self.works[trial["number"]] = Work()
            try:
                return self._at_site(trial, work) if self.site is not None else self._in_process(trial, work)
            except Unavailable:
                raise  # the tuning ends, and can go on when the platform is back
            except InvalidInput as error:
                return {"reason": error.message}  # another attempt would find the same
            except JobFailed as error:
                failure = {"reason": error.message}
                if isinstance(error, JobCancelled) and not self.stop.is_set():
                    return failure
            except StoraxError as error:
                failure = {"reason": error.message}
            except Exception as error:  # a library's own, of these parameters
                failure = {"reason": f"{type(error).__name__}: {error}"}
        return failure

    def _tags(self, trial: Row) -> dict[str, str]:
        tags = {"project": self.here.name, "pipeline": self.pipeline, "work": "trial", "tuning": self.name}
        return {**tags, "trial": str(trial["number"])}

    def _in_process(self, trial: Row, work: Work) -> Row:
        from storax_engine import learning

        place = trial_folder(self.folder, trial["number"])
        with self.engine.own.job(self._tags(trial), work) as own:
            with learning_errors():
                spec = self.search.spec(trial)
                trained = learning.fit(
                    spec, self.train, progress=work.progress, cancelled=work.cancelled.is_set, cache=reuse.shared()
                )
                scores = trained.score(self.test, cancelled=work.cancelled.is_set)
            work.raise_if_cancelled()
            shutil.rmtree(place, ignore_errors=True)
            trained.save(place)
            plain = {key: value if value == value else None for key, value in scores.items()}  # noqa: PLR0124  (NaN)
            outcome = TrialOutcome(targets=list(trained.targets), scores=plain, job_id=own.id)
            write_outcome(self.folder, trial["number"], outcome)
            noted = {"warnings": trained.warnings} if trained.warnings else {}
            own.value = {"params": self.search.plain(trial), **plain, **noted}
        return outcome.model_dump()

    def _at_site(self, trial: Row, work: Work) -> Row:
        remote = self.here.remote
        run = remote.of_trial(self.name, trial["number"])
        if run is None:
            task = Trial(
                spec=self.search.spec(trial),
                tables=str(self.folder),
                train=files.table_files(self.train, "train"),
                test=files.table_files(self.test, "test"),
                tuning=self.name,
                number=trial["number"],
            )
            run = remote.start(lambda _folder: task, site=str(self.site), tags=self._tags(trial), job=self.job)
        return remote.wait(run, work, cancel=True)


@contextmanager
def alone(folder: Path, work: Work) -> Iterator[None]:
    """One run of a tuning at a time. One that was interrupted a moment ago is waited for: its trials are ending.

    Raises:
        Conflict: another one is at it.
    """
    until = time.monotonic() + _ENDS_WITHIN_SEC
    while not _entered(folder):
        work.raise_if_cancelled()
        if time.monotonic() > until:
            name = unquote(folder.name)
            raise Conflict(f"The tuning {name!r} is at work.", hint="Wait for it, or give this one a name.")
        time.sleep(_SOON_SEC)
    try:
        yield
    finally:
        with _guard:
            _busy.discard(folder)


def _entered(folder: Path) -> bool:
    with _guard:
        if folder in _busy:
            return False
        _busy.add(folder)
        return True
