"""What clients can ask of tunings; as in ``commands``, a function's parameters are the command's arguments."""

import secrets
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

from storax.errors import InvalidInput, JobFailed
from storax_engine.engine import Engine
from storax_engine.names import free_name, nearest
from storax_engine.pipelines import subsets
from storax_engine.pipelines.pipelines import pipeline_name, told_as_ours
from storax_engine.project import Project
from storax_engine.remote.collect import tuning_folder
from storax_engine.work import Work

Answer = Any
Subset = Mapping[str, Any]
_OF_NUMBERS = frozenset({"mae", "rmse", "rsquared"})


def tune_pipeline(
    engine: Engine,
    work: Work,
    *,
    project: str,
    spec: dict[str, Any],
    space: dict[str, Any],
    train: Subset,
    test: Subset,
    n_trials: int,
    name: str | None = None,
    pipeline: str | None = None,
    tags: list[str] | None = None,
    score: str | None = None,
    sampler: str = "tpe",
    seed: int | None = None,
    in_flight: int = 2,
    retries: int = 1,
    site: str | None = None,
    job: dict[str, Any] | None = None,
) -> Answer:
    """Look for good parameters, and keep the best pipeline; a tuning of that name goes on."""
    from storax_engine.tuning import tuning
    from storax_engine.tuning.search import Search

    here = engine.project(project)
    if site is not None:
        here.orders.require(site, job or {})
    named = free_name(name, "pipeline") if name is not None else pipeline_name(None)
    seen = subsets.Seen(here)
    frames = [subsets.tables(seen, spec, subset, work) for subset in (train, test)]
    full = {**spec, "roles": subsets.roles(frames[0], spec.get("roles", {}))}
    settings = {
        "spec": full, "space": space, "score": _score(full, score), "sampler": _sampler(sampler), "seed": seed,
        "n_trials": n_trials, "train": train, "test": test, "frames": subsets.editions(seen, train),
        "test_frames": subsets.editions(seen, test), "in_flight": in_flight, "pipeline": pipeline,
    }  # fmt: skip
    folder = tuning_folder(here.folder, named)
    with tuning.alone(folder, work):
        settings = {**settings, "seed": secrets.randbelow(2**31) if seed is None and not folder.exists() else seed}
        search = Search(folder, settings)
        tables = [subsets.arrow(part) for part in frames]
        run = tuning.Tuning(
            engine, here, named, search, folder, tables[0], tables[1], pipeline or named, site, job or {}, retries
        )
        files = tuning.laid_down(folder, tables[0], tables[1]) if site is not None else nullcontext()
        with files:
            run.run(work, in_flight, n_trials)
        row = _kept(here, run, tags or [], str(test.get("name", "")))
    best = search.best() or {}
    trials = [{**trial, "params": search.plain(trial)} for trial in search.trials]
    facts = {"name": named, "score": search.settings["score"], "seed": search.settings["seed"]}
    return {**facts, "pipeline": row, "best": best.get("number"), "trials": trials}


def _kept(here: Project, run: Any, tags: list[str], set_used: str) -> dict[str, Any]:
    """The best trial as an edition of the pipeline, once."""
    from storax_engine.remote.manifest import read_json

    best = run.search.best()
    if best is None:
        reason = next((t["reason"] for t in reversed(run.search.trials) if t.get("reason")), "none had a score")
        raise JobFailed(f"Every trial of the tuning {run.name!r} failed: {reason}", hint="See the jobs of its trials.")
    learned = run.folder / f"trial-{best['number']}"
    targets = read_json(learned.with_suffix(".json"))["targets"]
    frames, spec = run.search.settings["frames"], run.search.spec(best)
    row = here.pipelines.adopt(run.pipeline, spec, targets, frames, tags, learned, best["job_id"])
    return here.pipelines.scored(str(row["id"]), best["scores"], set_used, best["job_id"])


def _score(spec: dict[str, Any], score: str | None) -> str:
    from storax_engine.learning import plan
    from storax_engine.tuning.search import DIRECTIONS

    with told_as_ours():
        task = plan.read(spec).task
    wanted = score or ("rmse" if task == "regression" else "auc")
    if wanted not in DIRECTIONS:
        raise InvalidInput(f"There is no score {wanted!r}.", hint=nearest(wanted, DIRECTIONS))
    if (wanted in _OF_NUMBERS) != (task == "regression"):
        fitting = [name for name in DIRECTIONS if (name in _OF_NUMBERS) == (task == "regression")]
        raise InvalidInput(f"The score {wanted} is none of a {task}.", hint=f"There are: {', '.join(fitting)}.")
    return wanted


def _sampler(name: str) -> str:
    from storax_engine.tuning.search import SAMPLERS

    if name not in SAMPLERS:
        raise InvalidInput(f"There is no sampler {name!r}.", hint=nearest(name, SAMPLERS))
    return name


COMMANDS: tuple[Callable[..., Answer], ...] = (tune_pipeline,)
