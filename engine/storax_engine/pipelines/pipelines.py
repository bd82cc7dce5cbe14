"""The pipelines of one open project: each fit is a folder that is never changed but for its scores.

What was learned is written aside and put in place in one step, after the catalogue has its row; a fit that fails, or
that nobody waits for any more, leaves nothing.
"""

import json
import logging
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from storax.errors import InvalidInput, NoPipeline, NoProject, NoResult
from storax_engine.names import free_name, nearest
from storax_engine.platform.catalogue import Catalogue, Row
from storax_engine.work import Cancelled, Work

_WORDS = "pipeline.json"
_ASIDE = ".new-"
_KEPT = ("id", "name", "edition", "params", "frames", "targets", "tags", "scores", "job_id")

log = logging.getLogger("storax_engine")


@dataclass
class Fitted:
    """One fit. ``row`` is what the catalogue knows of it; ``trained`` is read at the first use."""

    row: Row
    folder: Path
    trained: Any = None
    guard: threading.Lock = field(default_factory=threading.Lock)


class Pipelines:
    """Fits by their row's id. Safe for threads."""

    def __init__(self, folder: Path, catalogue: Catalogue, project_id: int) -> None:
        self._folder = folder
        self._catalogue = catalogue
        self._project_id = project_id
        self._guard = threading.RLock()
        self._fits: dict[int, Fitted] = {}
        self._results: dict[str, Path] = {}
        self._closed = False
        folder.mkdir(mode=0o700, exist_ok=True)
        for left in folder.glob(f"{_ASIDE}*"):
            shutil.rmtree(left, ignore_errors=True)
        self._reconcile()

    # ---- reading ---------------------------------------------------------------------------------------------------

    def rows(self) -> list[Row]:
        """All fits, oldest first."""
        return [self._fits[key].row for key in sorted(self._fits)]

    def find(self, name: str) -> Fitted:
        """The newest fit of that name, or the one of that id.

        Raises:
            NoPipeline: there is none.
        """
        by_name = [fit for fit in self._fits.values() if fit.row["name"] == name]
        if by_name:
            return max(by_name, key=lambda fit: int(fit.row["edition"]))
        found = self._fits.get(int(name)) if name.isascii() and name.isdecimal() and len(name) < 19 else None
        if found is None:
            known = sorted({fit.row["name"] for fit in self._fits.values()})
            raise NoPipeline(f"There is no pipeline {name!r}.", hint=nearest(name, known))
        return found

    def of_job(self, job_id: int) -> Row | None:
        """The fit that a job learned, or scored."""
        for fit in self._fits.values():
            if fit.row.get("job_id") == job_id or any(told.get("job_id") == job_id for told in fit.row["scores"]):
                return fit.row
        return None

    @contextmanager
    def trained(self, name: str) -> Iterator[Any]:
        """What a fit has learned; for one thread at a time.

        Raises:
            NoPipeline: there is no such fit.
        """
        fit = self.find(name)
        with fit.guard, told_as_ours():
            if fit.trained is None:
                from storax_engine import learning

                fit.trained = learning.load(fit.folder)
            yield fit.trained

    # ---- changing --------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Keep nothing more: whoever opens the project again would not know of it."""
        with self._guard:
            self._closed = True

    def fit(
        self,
        name: str,
        spec: Row,
        tables: Mapping[str, Any],
        frames: Row,
        tags: list[str],
        work: Work,
        *,
        job_id: int,
    ) -> tuple[Row, list[str]]:
        """Learn, and keep it as the next edition of its name; returns its row, and what looked wrong in the joins.

        Raises:
            InvalidInput: the description or the data cannot be used; nothing was kept.
            Cancelled: nobody waits any more; nothing was kept.
        """
        from storax_engine import learning

        with told_as_ours():
            trained = learning.fit(spec, tables, progress=work.progress, cancelled=work.cancelled.is_set)
        work.go_on()
        aside = self._folder / f"{_ASIDE}{uuid4().hex}"
        try:
            trained.save(aside)
            row = self._keep(name, spec, list(trained.targets), frames, tags, aside, trained, job_id)
            return row, trained.warnings
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def adopt(
        self, name: str, spec: Row, targets: list[str], frames: Row, tags: list[str], learned: Path, job_id: int
    ) -> Row:
        """Keep a copy of what a job learned, once: asked again for the same job, it is there already."""
        with self._guard:
            known = self.of_job(job_id)
            if known is not None:
                return known
            aside = self._folder / f"{_ASIDE}{uuid4().hex}"
            try:
                shutil.copytree(learned, aside)
                return self._keep(name, spec, targets, frames, tags, aside, None, job_id)
            finally:
                shutil.rmtree(aside, ignore_errors=True)

    def lay_aside(self, features: Path) -> str:
        """Keep a file of features until it is fetched, or the project closed; returns by what it is fetched."""
        token = uuid4().hex
        place = self._folder / f"{_ASIDE}{token}"
        place.mkdir(mode=0o700)
        shutil.move(features, place / features.name)
        self._results[token] = place / features.name
        return token

    def fetch(self, token: str) -> pa.Table:
        """What was laid aside, once.

        Raises:
            NoResult: it was fetched, or the project was closed.
        """
        place = self._results.pop(token, None)
        if place is None:
            raise NoResult("These features are here no longer.", hint="Call transform() again.")
        try:
            return pq.read_table(place)
        finally:
            shutil.rmtree(place.parent, ignore_errors=True)

    def scored(self, name: str, scores: Mapping[str, Any], set_used: str, job_id: int) -> Row:
        """Append what a job's ``score`` found to the fit's history, once."""
        with self._guard:
            self._need_open()
            fit = self.find(name)
            if any(told.get("job_id") == job_id for told in fit.row["scores"]):
                return fit.row
            plain = {key: value if value == value else None for key, value in scores.items()}  # noqa: PLR0124  (NaN)
            when = datetime.now(UTC).isoformat(timespec="seconds")
            entry = {"date_time": when, "set_used": set_used, "job_id": job_id, **plain}
            now = {**fit.row, "scores": [*fit.row["scores"], entry]}
            told = {"action": "scored", "set_used": set_used, "job_id": job_id}
            self._catalogue.change_pipeline(fit.row["id"], {"scores": now["scores"], "last_change": told})
            self._write(fit.folder, now)
            fit.row = now
            return now

    def delete(self, name: str) -> None:
        """Delete one fit."""
        with self._guard:
            fit = self.find(name)
            self._catalogue.delete_pipeline(fit.row["id"])
            aside = self._folder / f"{_ASIDE}{uuid4().hex}"
            fit.folder.rename(aside)
            del self._fits[fit.row["id"]]
        shutil.rmtree(aside, ignore_errors=True)

    # ---- within ----------------------------------------------------------------------------------------------------

    def _keep(
        self,
        name: str,
        spec: Row,
        targets: list[str],
        frames: Row,
        tags: list[str],
        aside: Path,
        trained: Any,
        job_id: int,
    ) -> Row:
        with self._guard:
            self._need_open()
            edition = 1 + max((int(r["edition"]) for r in self.rows() if r["name"] == name), default=0)
            facts = {
                "name": name, "edition": edition, "params": spec, "frames": frames, "targets": targets, "tags": tags,
                "scores": [], "job_id": job_id,
            }  # fmt: skip
            folder = self._folder / uuid4().hex
            self._write(aside, facts)
            _settle(aside)
            row = self._catalogue.create_pipeline(
                self._project_id, facts | {"last_change": {"action": "fitted", "job_id": job_id}}
            )
            try:
                aside.rename(folder)
            except OSError:
                self._catalogue.delete_pipeline(row["id"])
                raise
            self._write(folder, row)
            self._fits[row["id"]] = Fitted(row, folder, trained)
            return row

    def _need_open(self) -> None:
        if self._closed:
            raise NoProject(
                "The project was closed or deleted meanwhile; nothing was kept.", hint="Open it, and retry."
            )

    def _write(self, folder: Path, row: Row) -> None:
        scratch = folder / f".{_WORDS}"
        with scratch.open("w", encoding="utf-8") as file:
            json.dump({key: row[key] for key in _KEPT if key in row}, file)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(folder / _WORDS)

    def _reconcile(self) -> None:
        """After a start: what is on the disk is there, and the catalogue has a row for each and no others."""
        rows = {int(row["id"]): row for row in self._catalogue.pipelines(self._project_id)}
        for file in sorted(self._folder.glob(f"*/{_WORDS}")):
            words = _read(file)
            if words is None:
                continue
            row = rows.pop(int(words.get("id", 0)), None) or self._adopted(words, rows)
            if row["id"] != words.get("id"):
                self._write(file.parent, row)
            self._fits[int(row["id"])] = Fitted(row, file.parent)
        for key in rows:
            self._catalogue.delete_pipeline(key)

    def _adopted(self, words: Row, rows: dict[int, Row]) -> Row:
        """The row of a fit that was killed before it knew its id, or of one that came from elsewhere."""
        same = (row for row in rows.values() if (row["name"], row["edition"]) == (words["name"], words["edition"]))
        found = next(same, None)
        if found is not None:
            return rows.pop(int(found["id"]))
        facts = {key: value for key, value in words.items() if key != "id"}
        return self._catalogue.create_pipeline(self._project_id, facts | {"last_change": {"action": "found"}})


def _read(file: Path) -> Row | None:
    """What is known of a fit; None where the file is damaged: it is left alone, and keeps no project shut."""
    try:
        words: Row = json.loads(file.read_text(encoding="utf-8"))
        missing = [key for key in _KEPT if key not in words and key not in ("id", "job_id")]
        if missing:
            raise ValueError(f"it lacks {missing[0]}")
    except (OSError, ValueError, TypeError) as error:
        log.warning("the pipeline in %s is damaged, and left alone: %s", file.parent, error)
        return None
    return words


def pipeline_name(name: str | None) -> str:
    """The name under which a fit is kept: the given one, or six characters.

    Raises:
        InvalidInput: it cannot be one.
    """
    return free_name(name, "pipeline") if name is not None else uuid4().hex[:6]


@contextmanager
def told_as_ours() -> Iterator[None]:
    """Errors of feature learning in our tree."""
    from storax_engine.learning import Cancelled as Stopped
    from storax_engine.learning import LearningError

    try:
        yield
    except LearningError as error:
        words = str(error)
        raise InvalidInput(f"{words[:1].upper()}{words[1:]}.") from error
    except Stopped as error:
        raise Cancelled("It was cancelled; nothing was kept.") from error


def _settle(folder: Path) -> None:
    """Have every file of a folder on the disk."""
    for file in (*folder.rglob("*"), folder):
        handle = os.open(file, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
