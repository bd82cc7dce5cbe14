"""The pipelines of one open project: each fit is a folder that is never changed but for its scores.

What was learned is written aside and put in place in one step, after the platform has its record; a fit that fails, or
that nobody waits for any more, leaves nothing.
"""

import shutil
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from storax._orm.rows import to_object
from storax._runtime.suggestions import nearest
from storax.errors import NoPipeline, NoProject
from storax.models.pipeline_record import PipelineRecord
from storax_engine.command_progress import Work
from storax_engine.name_rules import free_name
from storax_engine.pipelines import reuse
from storax_engine.pipelines.errors import learning_errors
from storax_engine.pipelines.fit_folder import Facts, fits_in, kept_statements, sync, write_facts
from storax_engine.pipelines.results import Results
from storax_engine.platform.catalogue import Catalogue, delete

IN_MEMORY = 8  # models of a project
_ASIDE = ".new-"


@dataclass(eq=False)
class Fitted:
    """One fit. ``record`` is what the platform knows of it; ``trained`` is read at the first use."""

    record: PipelineRecord
    folder: Path
    trained: Any = None
    guard: threading.Lock = field(default_factory=threading.Lock)

    @property
    def id(self) -> int:
        """The id of its record."""
        return int(self.record.id or 0)

    def described(self) -> Facts:
        """The fields of its record, as JSON."""
        return to_object(self.record)

    def of_job(self, job_id: int) -> bool:
        """Return whether this job fitted or scored it."""
        facts = self.described()
        return facts["job_id"] == job_id or any(score.get("job_id") == job_id for score in facts["scores"])


class Pipelines:
    """Fits by their record's id. Safe for threads."""

    def __init__(self, folder: Path, catalogue: Catalogue, project_id: int) -> None:
        self._folder = folder
        self._catalogue = catalogue
        self._project_id = project_id
        self._guard = threading.RLock()
        self._fits: dict[int, Fitted] = {}
        self._recent: deque[Fitted] = deque()
        self._closed = False
        folder.mkdir(mode=0o700, exist_ok=True)
        for left in folder.glob(f"{_ASIDE}*"):
            shutil.rmtree(left, ignore_errors=True)
        self.results = Results(folder, _ASIDE)
        self._reconcile()

    # ---- reading ---------------------------------------------------------------------------------------------------

    def described(self) -> list[Facts]:
        """All fits as JSON, oldest first."""
        return [self._fits[key].described() for key in sorted(self._fits)]

    def find(self, name: str) -> Fitted:
        """The newest fit of that name, or the one of that id.

        Raises:
            NoPipeline: there is none.
        """
        by_name = self._named(name)
        if by_name:
            return max(by_name, key=lambda fit: fit.record.edition)
        fit = self._fits.get(int(name)) if name.isascii() and name.isdecimal() and len(name) < 19 else None
        if fit is None:
            known = sorted({fit.record.name for fit in self._fits.values()})
            raise NoPipeline(f"There is no pipeline {name!r}.", hint=nearest(name, known))
        return fit

    def of_job(self, job_id: int) -> Fitted | None:
        """The fit that a job learned, or scored."""
        return next((fit for fit in list(self._fits.values()) if fit.of_job(job_id)), None)

    @contextmanager
    def trained(self, name: str) -> Iterator[Any]:
        """Yield the trained pipeline of a fit, to one thread at a time.

        Raises:
            NoPipeline: there is no such fit.
        """
        fit = self.find(name)
        with fit.guard, learning_errors():
            trained = fit.trained
            if trained is None:
                from storax_engine import learning

                trained = fit.trained = learning.load(fit.folder, reuse.shared())
            self._used(fit)
            yield trained

    def sql(self, name: str, dialect: str) -> dict[str, str]:
        """Return a statement for each feature of a fit.

        Raises:
            NoPipeline, InvalidInput: there is no such fit, or no such dialect, or it cannot say a feature.
        """

        def write(dialect: str) -> dict[str, str]:
            with self.trained(name) as trained:
                statements: dict[str, str] = trained.to_sql(dialect)
                return statements

        return kept_statements(self.find(name).folder, dialect, write)

    # ---- changing --------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Keep nothing more: whoever opens the project again would not know of it."""
        with self._guard:
            self._closed = True
            self._fits = {}
            self._recent.clear()

    def fit(
        self, facts: Facts, tables: Mapping[str, Any], work: Work, origins: Mapping[str, Any] | None = None
    ) -> tuple[Fitted, list[str]]:
        """Learn, and keep it as the next edition of its name; returns it, and what looked wrong in the joins.

        Args:
            facts: ``name``, ``params``, ``frames``, ``tags`` and ``job_id`` of its record.
            tables: Arrow tables by placeholder.
            origins: what tables that are views were made from; see ``learning.fit``.
            work: reports progress, and may be cancelled.

        Raises:
            InvalidInput: the description or the data cannot be used; nothing was kept.
            Cancelled: nobody waits any more; nothing was kept.
        """
        from storax_engine import learning

        with learning_errors():
            trained = learning.fit(
                facts["params"], tables, progress=work.progress, cancelled=work.cancelled.is_set,
                cache=reuse.shared(), origins=origins,
            )  # fmt: skip
        work.raise_if_cancelled()
        with self._scratch() as folder:
            trained.save(folder)
            return self._keep({**facts, "targets": list(trained.targets)}, folder, trained), trained.warnings

    def adopt(self, facts: Facts, learned: Path) -> Fitted:
        """Keep a copy of what a job learned, once: repeated for the same job, it is there already.

        Args:
            facts: as for ``fit``, with ``targets``.
            learned: the folder that the job left.
        """
        with self._guard:
            known = self.of_job(facts["job_id"])
            if known is not None:
                return known
            with self._scratch() as folder:
                shutil.copytree(learned, folder)
                return self._keep(facts, folder, None)

    def scored(self, name: str, scores: Mapping[str, Any], set_used: str, job_id: int) -> Fitted:
        """Append the scores of a job to the fit's history, once."""
        with self._guard:
            self._need_open()
            fit = self.find(name)
            history = fit.described()["scores"]
            if any(score.get("job_id") == job_id for score in history):
                return fit
            plain = {key: value if value == value else None for key, value in scores.items()}  # noqa: PLR0124  (NaN)
            when = datetime.now(UTC).isoformat(timespec="seconds")
            entry = {"date_time": when, "set_used": set_used, "job_id": job_id, **plain}
            action = {"action": "scored", "set_used": set_used, "job_id": job_id}
            fit.record._change({"scores": [*history, entry], "last_change": action})
            write_facts(fit.folder, fit.described())
            return fit

    def delete(self, name: str) -> None:
        """Delete one fit."""
        with self._guard, self._scratch() as folder:
            fit = self.find(name)
            key = fit.id
            delete(fit.record)
            fit.folder.rename(folder)
            del self._fits[key]
            if fit in self._recent:
                self._recent.remove(fit)

    # ---- memory ----------------------------------------------------------------------------------------------------

    def in_memory(self) -> list[str]:
        """Return name and edition of each fit whose model is in memory."""
        return [f"{fit.record.name}, edition {fit.record.edition}" for fit in list(self._recent)]

    def _used(self, fit: Fitted) -> None:
        """Keep the models that were used last; the others are read again when they are needed."""
        with self._guard:
            if fit in self._recent:
                self._recent.remove(fit)
            if self._fits.get(fit.id) is fit:  # nobody deleted it meanwhile
                self._recent.append(fit)
            while len(self._recent) > IN_MEMORY:
                self._recent.popleft().trained = None

    # ---- within ----------------------------------------------------------------------------------------------------

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        """The path of a folder that is no fit; whatever is there at the end is deleted."""
        folder = self._folder / f"{_ASIDE}{uuid4().hex}"
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _named(self, name: str) -> list[Fitted]:
        return [fit for fit in list(self._fits.values()) if fit.record.name == name]

    def _keep(self, facts: Facts, scratch: Path, trained: Any) -> Fitted:
        with self._guard:
            self._need_open()
            edition = 1 + max((fit.record.edition for fit in self._named(facts["name"])), default=0)
            facts = {**facts, "edition": edition, "scores": []}
            write_facts(scratch, facts)
            sync(scratch)
            action = {"action": "fitted", "job_id": facts["job_id"]}
            record = self._catalogue.create_pipeline(self._project_id, facts | {"last_change": action})
            fit = Fitted(record, self._folder / uuid4().hex, trained)
            try:
                scratch.rename(fit.folder)
            except OSError:
                delete(record)
                raise
            write_facts(fit.folder, fit.described())
            self._fits[fit.id] = fit
            if trained is not None:
                self._used(fit)
            return fit

    def _need_open(self) -> None:
        if self._closed:
            raise NoProject(
                "The project was closed or deleted meanwhile; nothing was kept.", hint="Open it, and retry."
            )

    def _reconcile(self) -> None:
        """After a start: what is on the disk is there, and the platform has a record for each and no others."""
        records = {int(record.id or 0): record for record in self._catalogue.pipelines(self._project_id)}
        for folder, facts in fits_in(self._folder):
            record = records.pop(int(facts.get("id", 0)), None) or self._adopted(facts, records)
            fit = Fitted(record, folder)
            if fit.id != facts.get("id"):
                write_facts(folder, fit.described())
            self._fits[fit.id] = fit
        for record in records.values():
            delete(record)

    def _adopted(self, facts: Facts, records: dict[int, PipelineRecord]) -> PipelineRecord:
        """The record of a fit that was killed before it knew its id, or of one that came from elsewhere."""
        for key, record in records.items():
            if (record.name, record.edition) == (facts["name"], facts["edition"]):
                return records.pop(key)
        known = {fact: value for fact, value in facts.items() if fact != "id"}
        return self._catalogue.create_pipeline(self._project_id, known | {"last_change": {"action": "found"}})


def pipeline_name(name: str | None) -> str:
    """The name under which a fit is kept: the given one, or six characters.

    Raises:
        InvalidInput: it cannot be one.
    """
    return free_name(name, "pipeline") if name is not None else uuid4().hex[:6]
