"""How the result of a remote run becomes part of the project."""

import shutil
from pathlib import Path
from typing import Any

from storax.errors import StoraxError
from storax_engine.pipelines.pipelines import Pipelines
from storax_engine.remote.files import own_file, own_folder
from storax_engine.remote.manifest import Fit, Score, Trial
from storax_engine.remote.outcome import FEATURES, TRAINED, Result
from storax_engine.remote.run import RemoteRun
from storax_engine.remote.tuning_files import TrialOutcome, trial_folder, tuning_folder, write_outcome

Answer = dict[str, Any]
_HINT = "Is the same version of Storax installed at the site?"


def collect(project: Path, pipelines: Pipelines, run: RemoteRun, result: Result) -> Answer:
    """Make the result of a finished run part of the project; for the same job twice, it is so once.

    Raises:
        StoraxError, OSError, ValueError: what the job left cannot be used; it may be anything.
    """
    task = run.manifest.task
    if isinstance(task, Fit):
        facts = {"name": task.name, "params": task.spec, "frames": task.frames, "tags": list(task.tags)}
        return _adopt(pipelines, run, {**facts, "targets": _required(run, result.targets)})
    if isinstance(task, Trial):
        return _trial(tuning_folder(project, task.tuning), task.number, run, result)
    if isinstance(task, Score):
        scores = _required(run, result.scores)
        return pipelines.scored(task.pipeline, scores, task.set_used, run.job_id).described()
    return {"result": pipelines.results.keep(own_file(run.folder / FEATURES))}


def _adopt(pipelines: Pipelines, run: RemoteRun, facts: dict[str, Any]) -> Answer:
    return pipelines.adopt({**facts, "job_id": run.job_id}, own_folder(run.folder / TRAINED)).described()


def _trial(tuning: Path, number: int, run: RemoteRun, result: Result) -> Answer:
    """Into the folder of its tuning, which tells the search of it when it goes on."""
    targets, scores = _required(run, result.targets), _required(run, result.scores)
    outcome = TrialOutcome(targets=targets, scores=scores, job_id=run.job_id)
    if tuning.is_dir():
        place = trial_folder(tuning, number)
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(own_folder(run.folder / TRAINED), place)
        write_outcome(tuning, number, outcome)
    return outcome.model_dump()


def _required(run: RemoteRun, part: Any) -> Any:
    if part is None:
        raise StoraxError(f"Job {run.job_id} left a result that cannot be read.", hint=_HINT)
    return part
