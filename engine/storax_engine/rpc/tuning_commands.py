"""What clients can ask of tunings; as in ``project_commands``, a function's parameters are the command's arguments."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from storax._runtime.suggestions import nearest
from storax.errors import InvalidInput, JobFailed
from storax_engine.command_progress import Work
from storax_engine.engine import Engine
from storax_engine.frames.frame import Frame
from storax_engine.pipelines import subsets
from storax_engine.pipelines.errors import learning_errors
from storax_engine.pipelines.pipelines import pipeline_name
from storax_engine.projects.project import Project
from storax_engine.remote.tuning_files import read_outcome, trial_folder, tuning_folder

if TYPE_CHECKING:
    from storax_engine.tuning.tuning import Tuning

Answer = Any
Subset = Mapping[str, Any]
Frames = Mapping[str, Frame]
_REGRESSION_SCORES = frozenset({"mae", "rmse", "rsquared"})


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
    here, kept_as = engine.project(project), pipeline_name(name)
    if site is not None:
        here.remote.require(site, job or {})
    snapshot = subsets.Snapshot(here)
    frames = [subsets.tables(snapshot, spec, subset, work) for subset in (train, test)]
    full = subsets.completed(spec, frames[0])
    settings = {
        **_settings(snapshot, full, train, test, score),
        "space": space, "sampler": _sampler(sampler), "n_trials": n_trials,
        "seed": seed, "in_flight": in_flight, "pipeline": pipeline,
    }  # fmt: skip
    place = {"site": site, "job": job or {}, "retries": retries}
    return _run(engine, here, work, kept_as, settings, frames, tags or [], **place)


def _run(
    engine: Engine, here: Project, work: Work, name: str, settings: dict[str, Any], frames: Sequence[Frames],
    tags: list[str], **place: Any,
) -> Answer:  # fmt: skip
    """Begin or continue a tuning; return the outcomes of its trials."""
    from storax_engine.tuning import tuning
    from storax_engine.tuning.search import Search

    folder = tuning_folder(here.folder, name)
    with tuning.alone(folder, work):
        search = Search(folder, settings)
        learn, check = (subsets.arrow(part) for part in frames)
        kept_as = settings["pipeline"] or name
        run = tuning.Tuning(engine, here, name, search, folder, learn, check, kept_as, **place)
        with run.shared_tables():
            run.run(work, settings["in_flight"], settings["n_trials"])
        return _answer(run, _kept(here, run, tags, str(settings["test"].get("name", ""))))


def _settings(
    snapshot: subsets.Snapshot, spec: dict[str, Any], train: Subset, test: Subset, score: str | None
) -> dict[str, Any]:
    """What a tuning learns from and scores on; it must be the same when the tuning goes on."""
    editions = {"frames": subsets.editions(snapshot, train), "test_frames": subsets.editions(snapshot, test)}
    return {"spec": spec, "score": _score(spec, score), "train": train, "test": test, **editions}


def _answer(run: "Tuning", pipeline: dict[str, Any]) -> Answer:
    search = run.search
    trials = [{**trial, "params": search.plain(trial)} for trial in search.trials]
    facts = {"name": run.name, "score": search.settings["score"], "seed": search.settings["seed"]}
    return {**facts, "pipeline": pipeline, "best": (search.best() or {}).get("number"), "trials": trials}


def _kept(here: Project, run: "Tuning", tags: list[str], set_used: str) -> dict[str, Any]:
    """The best trial as an edition of the pipeline, once."""
    best = run.search.best()
    outcome = read_outcome(run.folder, best["number"]) if best else None
    if best is None or outcome is None:
        reason = next((t["reason"] for t in reversed(run.search.trials) if t.get("reason")), "none had a score")
        raise JobFailed(f"Every trial of the tuning {run.name!r} failed: {reason}", hint="See the jobs of its trials.")
    frames = run.search.settings["frames"]
    spec = subsets.with_peripheral(run.search.spec(best), run.search.settings["train"])
    facts = {"name": run.pipeline, "params": spec, "frames": frames, "tags": tags, "targets": outcome.targets}
    fit = here.pipelines.adopt({**facts, "job_id": best["job_id"]}, trial_folder(run.folder, best["number"]))
    return here.pipelines.scored(str(fit.id), best["scores"], set_used, best["job_id"]).described()


def _score(spec: dict[str, Any], score: str | None) -> str:
    from storax_engine.learning import plan
    from storax_engine.tuning.search import DIRECTIONS

    with learning_errors():
        task = plan.read(spec).task
    chosen = score or ("rmse" if task == "regression" else "auc")
    if chosen not in DIRECTIONS:
        raise InvalidInput(f"There is no score {chosen!r}.", hint=nearest(chosen, DIRECTIONS))
    if (chosen in _REGRESSION_SCORES) != (task == "regression"):
        possible = [name for name in DIRECTIONS if (name in _REGRESSION_SCORES) == (task == "regression")]
        raise InvalidInput(f"The score {chosen} is none of a {task}.", hint=f"There are: {', '.join(possible)}.")
    return chosen


def _sampler(name: str) -> str:
    from storax_engine.tuning.search import SAMPLERS

    if name not in SAMPLERS:
        raise InvalidInput(f"There is no sampler {name!r}.", hint=nearest(name, SAMPLERS))
    return name


COMMANDS: tuple[Callable[..., Answer], ...] = (tune_pipeline,)
